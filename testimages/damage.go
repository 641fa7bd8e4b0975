package testimages

import (
	"fmt"
	"math/rand/v2"
	"strconv"
)

// verbNamed looks a verb up; set and fill have arguments of their own shape.
func verbNamed(word string) (verb, bool) {
	switch word {
	case "image":
		return imageVerb(), true
	case "snapshot":
		return snapshotVerb, true
	case "bitmap":
		return bitmapVerb, true
	case "extension":
		return verb{map[string]kind{"type": num, "data": text}, []string{"type", "data"}, (*builder).runExtension, false}, true
	case "grow":
		return verb{map[string]kind{"clusters": num}, []string{"clusters"}, (*builder).runGrow, false}, true
	case "truncate":
		return verb{map[string]kind{"to": num}, []string{"to"}, (*builder).runTruncate, true}, true
	case "set":
		return verb{run: (*builder).runSet, damage: true}, true
	case "fill":
		return verb{map[string]kind{"len": num, "with": text, "seed": num}, []string{"len", "with"}, (*builder).runFill, true}, true
	}
	v, ok := guestVerbs[word]
	return v, ok
}

// runGrow appends free clusters.
func (b *builder) runGrow(a args) error {
	n, err := a.num(b, "clusters", 0)
	if err != nil {
		return err
	}
	_, err = b.take(n)
	return err
}

// runTruncate cuts the file, or extends it with zeros.
func (b *builder) runTruncate(a args) error {
	to, err := a.num(b, "to", 0)
	if err != nil {
		return err
	}
	if to > maxFile {
		return fmt.Errorf("the image would grow beyond %d MiB", maxFile>>20)
	}
	b.file = append(b.file, make([]byte, max(0, to-int64(len(b.file))))...)[:to]
	return nil
}

// runSet overwrites one field, or one after the other where an index is a range.
func (b *builder) runSet(a args) error {
	return b.setIndexes(a, make([]int64, 0, len(a.target.index)))
}

func (b *builder) setIndexes(a args, index []int64) error {
	if len(index) == len(a.target.index) {
		return b.setOne(a, index)
	}
	r := a.target.index[len(index)]
	lo, err := r.lo.eval(b, 0)
	if err != nil {
		return err
	}
	hi := lo
	if r.hi != nil {
		if hi, err = r.hi.eval(b, 0); err != nil {
			return err
		}
	}
	if hi < lo || hi-lo > maxFile {
		return fmt.Errorf("index range %d..%d", lo, hi)
	}
	for i := lo; i <= hi; i++ {
		if err := b.setIndexes(a, append(index, int64(i))); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) setOne(a args, index []int64) error {
	if a.raw != nil {
		off := hostOff(index[0])
		if err := b.inFile(off, int64(len(a.raw))); err != nil {
			return err
		}
		copy(b.file[off:], a.raw)
		return nil
	}
	s, err := b.slotOf(a.target, index)
	if err != nil {
		return err
	}
	old, err := b.get(s)
	if err != nil {
		return err
	}
	v, err := a.value.eval(b, old)
	if err != nil {
		return err
	}
	return b.put(s, v)
}

// runFill overwrites a run of bytes with one byte or with repeatable noise.
func (b *builder) runFill(a args) error {
	lo, err := a.target.index[0].lo.eval(b, 0)
	if err != nil {
		return err
	}
	n, err := a.num(b, "len", 0)
	if err != nil {
		return err
	}
	if err := b.inFile(hostOff(lo), n); err != nil {
		return err
	}
	p := b.file[lo : lo+uint64(n)]
	if a.texts["with"] == "random" {
		seed, err := a.num(b, "seed", 0)
		if err != nil {
			return err
		}
		noise := rand.NewPCG(uint64(seed), 0)
		for i := range p {
			p[i] = byte(noise.Uint64())
		}
		return nil
	}
	v, err := strconv.ParseUint(a.texts["with"], 0, 8)
	if err != nil {
		return fmt.Errorf("with must be random or one byte, not %q", a.texts["with"])
	}
	for i := range p {
		p[i] = byte(v)
	}
	return nil
}
