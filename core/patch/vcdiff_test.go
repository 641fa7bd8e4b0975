package patch_test

import (
	"bytes"
	"errors"
	"fmt"
	"hash/adler32"
	"math/rand/v2"
	"testing"

	"qcowscope/core/patch"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// vcdiff reads a patch as RFC 3284 says, with nothing of the encoder. sums is how many
// windows had an Adler-32 and longest the longest window.
type vcdiff struct {
	b             []byte
	sums, longest int
}

func (v *vcdiff) byte() byte {
	if len(v.b) == 0 {
		panic("the patch is cut short")
	}
	c := v.b[0]
	v.b = v.b[1:]
	return c
}

func (v *vcdiff) integer() int {
	for n := 0; ; {
		c := v.byte()
		if n = n<<7 | int(c&0x7f); c&0x80 == 0 {
			return n
		}
	}
}

func (v *vcdiff) take(n int) []byte {
	b := v.b[:n]
	v.b = v.b[n:]
	return b
}

// decode applies the patch to the source.
func (v *vcdiff) decode(src []byte) (target []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("not a patch: %v", r)
		}
	}()
	if head := v.take(5); !bytes.Equal(head, []byte{0xd6, 0xc3, 0xc4, 0, 0}) {
		return nil, fmt.Errorf("header %x", head)
	}
	for len(v.b) > 0 {
		window, err := v.window(src)
		if err != nil {
			return target, fmt.Errorf("window at %d: %w", len(target), err)
		}
		target = append(target, window...)
	}
	return target, nil
}

func (v *vcdiff) window(src []byte) ([]byte, error) {
	indicator := v.byte()
	if indicator&^5 != 0 {
		return nil, fmt.Errorf("window indicator %x", indicator)
	}
	var segment []byte
	if indicator&1 != 0 {
		n, at := v.integer(), v.integer()
		segment = src[at : at+n]
	}
	length := v.integer()
	rest := len(v.b)
	size := v.integer()
	if indicator := v.byte(); indicator != 0 {
		return nil, fmt.Errorf("delta indicator %x", indicator)
	}
	nData, nInst, nAddr := v.integer(), v.integer(), v.integer()
	var sum []byte
	if indicator&4 != 0 {
		sum = v.take(4)
		v.sums++
	}
	if got := rest - len(v.b) + nData + nInst + nAddr; got != length {
		return nil, fmt.Errorf("length %d, but it has %d", length, got)
	}
	s := sections{segment: segment, data: vcdiff{b: v.take(nData)}, inst: vcdiff{b: v.take(nInst)}, addr: vcdiff{b: v.take(nAddr)}}
	window, err := s.run()
	v.longest = max(v.longest, len(window))
	switch {
	case err != nil:
		return nil, err
	case len(window) != size:
		return nil, fmt.Errorf("%d bytes, it says %d", len(window), size)
	case sum != nil && !bytes.Equal(sum, adlerBytes(window)):
		return nil, errors.New("the sum is another")
	}
	return window, nil
}

func adlerBytes(b []byte) []byte {
	s := adler32.Checksum(b)
	return []byte{byte(s >> 24), byte(s >> 16), byte(s >> 8), byte(s)}
}

type sections struct {
	segment          []byte
	data, inst, addr vcdiff
}

// run executes the instructions that the encoder uses; others are an error.
func (s *sections) run() (window []byte, err error) {
	for len(s.inst.b) > 0 {
		switch code := s.inst.byte(); code {
		case 0: // RUN
			window = append(window, bytes.Repeat(s.data.take(1), s.inst.integer())...)
		case 1: // ADD
			window = append(window, s.data.take(s.inst.integer())...)
		case 19: // COPY, VCD_SELF
			n, at := s.inst.integer(), s.addr.integer()
			if at < len(s.segment) && at+n > len(s.segment) || at >= len(s.segment)+len(window) {
				return nil, fmt.Errorf("copy of %d at %d leaves the segment of %d", n, at, len(s.segment))
			}
			for i := range n { // it may read what it has just written
				if at < len(s.segment) {
					window = append(window, s.segment[at+i])
				} else {
					window = append(window, window[at-len(s.segment)+i])
				}
			}
		default:
			return nil, fmt.Errorf("instruction %d", code)
		}
	}
	if len(s.data.b)+len(s.addr.b) > 0 {
		return nil, errors.New("data or addresses are left over")
	}
	return window, nil
}

// patches are the VCDIFF patches of a plan, there and back.
func patches(t *testing.T, p *patch.Plan, src source.Source, opt patch.VCDIFFOptions) (there, back []byte) {
	t.Helper()
	var a, b bytes.Buffer
	if err := p.WriteVCDIFF(&a, src, opt); err != nil {
		t.Fatal(err)
	}
	if err := p.WriteUndoVCDIFF(&b, src, opt); err != nil {
		t.Fatal(err)
	}
	return a.Bytes(), b.Bytes()
}

// widePlan writes here and there in a file of some clusters, often what is there already,
// and may change its size.
func widePlan(r *rand.Rand, before []byte) *patch.Plan {
	p := patch.New(int64(len(before)))
	switch r.IntN(4) {
	case 0:
		p.SizeAfter = int64(r.IntN(len(before) + 1))
	case 1:
		p.SizeAfter += int64(r.IntN(3 << 20))
	}
	room := max(p.SizeBefore, p.SizeAfter)
	for n := range r.IntN(3) {
		for off := r.Int64N(room + 1); off < room; off += r.Int64N(300 << 10) {
			data := noise(r, 1+r.IntN(6000))
			data = data[:min(int64(len(data)), room-off)]
			switch keep := int64(r.IntN(len(data) + 1)); r.IntN(4) {
			case 3: // refcounts of one reference
				for i, width := 0, 1<<r.IntN(5); i < len(data); i++ {
					data[i] = byte((i + 1) % width / max(1, width-1))
				}
			case 0:
				clear(data[keep:])
			case 1:
				copy(data[:keep], before[min(off, int64(len(before))):])
			}
			after := p.SizeAfter
			p.Add(n, off, data, "because")
			p.SizeAfter = after
			off += int64(len(data))
		}
	}
	p.Compact()
	return p
}

func TestVCDIFFMakesTheFileAndTakesItBack(t *testing.T) {
	for seed := range uint64(60 / testimages.Each(2, 4)) {
		r := rand.New(rand.NewPCG(seed, 17))
		before := noise(r, r.IntN(4<<20))
		if seed%3 == 0 {
			clear(before[len(before)/3:])
		}
		p := widePlan(r, before)
		after := model(before, p)
		for _, plain := range []bool{false, true} {
			there, back := patches(t, p, source.Bytes(before), patch.VCDIFFOptions{NoSums: plain})
			for _, c := range []struct {
				name        string
				b, from, to []byte
			}{{"patch", there, before, after}, {"undo", back, after, before}} {
				v := vcdiff{b: c.b}
				got, err := v.decode(c.from)
				if err != nil || !bytes.Equal(got, c.to) {
					t.Fatalf("seed %d: %s: %d bytes, want %d: %v", seed, c.name, len(got), len(c.to), err)
				}
				if plain && v.sums > 0 || !plain && v.sums == 0 && p.Writes() > 0 && len(c.to) > 0 && p.SizeAfter == p.SizeBefore {
					t.Errorf("seed %d: %s: %d sums", seed, c.name, v.sums)
				}
				if v.longest > 8<<20 {
					t.Errorf("a window of %d bytes", v.longest)
				}
			}
		}
	}
}

// What a plan writes over with the same bytes costs nothing, and neither does a run of zeros.
func TestVCDIFFIsSmall(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	before := noise(r, 20<<20)
	p := patch.New(int64(len(before)))
	table := bytes.Clone(before[5<<20 : 6<<20])
	copy(table[1000:], "12345678")
	p.Add(0, 5<<20, table, "one entry of a table")
	p.Add(0, 15<<20, make([]byte, 1<<20), "zeros")
	p.Add(0, 17<<20, bytes.Repeat([]byte{0, 1}, 1<<19), "refcounts of 1")
	p.SizeAfter = 3 << 30
	there, back := patches(t, p, source.Bytes(before), patch.VCDIFFOptions{})
	const noiseOfTheFile, windows = 2 << 20, (3<<30)/(8<<20) + 20
	if len(there) > 100+windows*30 {
		t.Errorf("the patch has %d bytes", len(there))
	}
	if len(back) > noiseOfTheFile+2000 {
		t.Errorf("the undo patch has %d bytes", len(back))
	}
}

func TestVCDIFFNoticesAnotherFile(t *testing.T) {
	before := noise(rand.New(rand.NewPCG(5, 6)), 1<<20)
	p := patch.New(int64(len(before)))
	p.Add(0, 300_000, []byte("fresh"), "")
	there, _ := patches(t, p, source.Bytes(before), patch.VCDIFFOptions{})
	other := bytes.Clone(before)
	other[300_100] ^= 1
	v := vcdiff{b: there}
	if _, err := v.decode(other); err == nil {
		t.Error("a source that differs beside the change is taken")
	}
}

func TestVCDIFFSaysWhatFails(t *testing.T) {
	p := patch.New(100)
	p.Add(0, 50, []byte{1, 2}, "")
	bad := source.Faulty{Source: make(source.Bytes, 100), BadOff: 51, BadLen: 1}
	var re *source.ReadError
	if err := p.WriteVCDIFF(new(bytes.Buffer), bad, patch.VCDIFFOptions{}); !errors.As(err, &re) {
		t.Errorf("unreadable source: %v", err)
	}
	if err := p.WriteVCDIFF(new(bytes.Buffer), make(source.Bytes, 99), patch.VCDIFFOptions{}); !errors.Is(err, patch.ErrPlanMismatch) {
		t.Errorf("another file: %v", err)
	}
	stop := errors.New("stop")
	opt := patch.VCDIFFOptions{Progress: func(done, total int64) error { return stop }}
	if err := p.WriteVCDIFF(new(bytes.Buffer), make(source.Bytes, 100), opt); !errors.Is(err, stop) {
		t.Errorf("stopped: %v", err)
	}
	if err := p.WriteUndoVCDIFF(fullDisk{}, make(source.Bytes, 100), patch.VCDIFFOptions{}); !errors.Is(err, errFull) {
		t.Errorf("full disk: %v", err)
	}
}

var errFull = errors.New("full")

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }
