package main

import (
	"bufio"
	encoding "encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"qcowscope/core/anatomy"
	"qcowscope/core/check"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

var dumpVerb = verb{
	name: "dump", args: "IMAGE", short: "the bytes of a range, with what every field is and where it points",
	help: `  --offset=N          where to begin, in the file: 0x30000, 196608 or 192K (0)
  --length=N          how many bytes (512), at most 16M; fields are shown whole
  --output=human|json

Each field comes with its name in the qcow2 specification, its value, what that means, the
bits that are set, where it points, who points to its structure, and the findings at it.
The image is checked first, because only then is known what each cluster is used for.

exit codes:
  0   the range was printed
  1   the image could not be read, or the range is not in it
  63  not a qcow2 image
`,
}

func init() { dumpVerb.run = runDump }

// maxDump bounds what is printed at a time.
const maxDump = 16 << 20

// byteCount is a flag's number of bytes, with a suffix or in hex if wanted.
type byteCount int64

func (n *byteCount) String() string { return strconv.FormatInt(int64(*n), 10) }

func (n *byteCount) Set(s string) error {
	digits, shift := strings.TrimRight(s, "KMGTkmgt"), 0
	if suffix := s[len(digits):]; suffix != "" {
		shift = 10 * (1 + strings.Index("KMGT", strings.ToUpper(suffix)))
	}
	v, err := strconv.ParseInt(digits, 0, 64)
	if err != nil || v < 0 || len(s)-len(digits) > 1 || v > 1<<62>>shift {
		return errors.New("it is a number of bytes, such as 0x10000, 65536 or 64K")
	}
	*n = byteCount(v << shift)
	return nil
}

func runDump(c *command) int {
	offset, length := byteCount(0), byteCount(512)
	c.flags.Var(&offset, "offset", "")
	c.flags.Var(&length, "length", "")
	form := c.outputFlag()
	if code, ok := c.parse(1); !ok {
		return code
	}
	if length < 1 || length > maxDump {
		return c.misuse("--length is 1 byte to 16M")
	}
	f, img, code := c.openToLook(c.words[0], *form)
	if img == nil {
		return code
	}
	defer f.Close()
	if int64(offset) >= f.Size() {
		return c.giveUp(f.name(), *form, problem{What: fmt.Sprintf("%s has %d bytes: nothing lies at offset %d", f.name(), f.Size(), offset),
			Advice: "Choose a smaller --offset.", exit: exitFailed})
	}
	opt, end := c.checkOptions(keptFindings)
	rep, err := check.Run(c.ctx, img, opt)
	end()
	d := dump{command: c, src: f, from: int64(offset), to: int64(offset) + min(int64(length), f.Size()-int64(offset))}
	if err == nil {
		d.anatomy, err = anatomy.New(img, rep)
	}
	if err == nil {
		err = d.print(f.name(), *form)
	}
	if err != nil {
		return c.checkFailed(f.name(), *form, err)
	}
	c.warnInUse(f)
	return exitOK
}

// dump prints the fields of [from, to).
type dump struct {
	*command
	src      source.Source
	anatomy  *anatomy.Anatomy
	from, to int64
}

func (d *dump) print(name string, form output) error {
	if form == "json" {
		all := dumpJSON{Filename: name, Offset: exact(d.from), Length: exact(d.to - d.from), Fields: []dumpedJSON{}, Schema: schema}
		err := d.each(func(f *anatomy.Field, b []byte) { all.Fields = append(all.Fields, d.json(f, b)) })
		if err == nil {
			writeJSON(d.out, all)
		}
		return err
	}
	w := bufio.NewWriter(d.out)
	defer w.Flush()
	t := dumpText{w: w, dump: d}
	return d.each(t.field)
}

// each visits the fields with the bytes of the range that belong to them.
func (d *dump) each(visit func(f *anatomy.Field, b []byte)) error {
	last := int64(-1)
	for off := d.from; off < d.to; off += anatomy.MaxRange {
		n := min(anatomy.MaxRange, d.to-off)
		fields, err := d.anatomy.Fields(d.ctx, qcow2.Range[qcow2.HostOff]{Start: qcow2.HostOff(off), Len: qcow2.HostOff(n)})
		if err != nil {
			return err
		}
		for i := range fields {
			f := &fields[i]
			if int64(f.Host.Start) <= last {
				continue // the end of a field that was visited with the part before
			}
			last = int64(f.Host.Start)
			from, to := max(last, d.from), min(int64(f.Host.End()), d.to)
			b := make([]byte, to-from)
			if err := source.ReadFull(d.src, b, from); err != nil {
				return err
			}
			visit(f, b)
		}
	}
	return nil
}

// dumpJSON is the result for programs.
type dumpJSON struct {
	Filename string       `json:"filename"`
	Offset   exact        `json:"offset"`
	Length   exact        `json:"length"`
	Fields   []dumpedJSON `json:"fields"`
	Schema   int          `json:"schema"`
}

type dumpedJSON struct {
	Offset      exact     `json:"offset"`
	Length      exact     `json:"length"`
	Kind        string    `json:"kind"`
	Name        string    `json:"name"`
	Structure   string    `json:"structure"`
	Value       string    `json:"value,omitempty"`
	Meaning     string    `json:"meaning"`
	Bytes       string    `json:"bytes"` // those of the range, in hex
	GuestOffset *exact    `json:"guest-offset,omitempty"`
	GuestLength *exact    `json:"guest-length,omitempty"`
	To          *refJSON  `json:"to,omitempty"`
	From        []refJSON `json:"from,omitempty"`
	MoreFrom    bool      `json:"more-from,omitempty"` // not all pointers are listed
	Bits        []bitJSON `json:"bits,omitempty"`
	Findings    []string  `json:"findings,omitempty"` // codes
}

// refJSON is a place in the file that a field leads to, or a pointer that leads to it.
type refJSON struct {
	Name   string `json:"name"`
	Offset exact  `json:"offset"`
	Length exact  `json:"length"`
}

type bitJSON struct {
	High  uint8  `json:"high"`
	Low   uint8  `json:"low"`
	Name  string `json:"name"`
	Value exact  `json:"value"`
	Wrong bool   `json:"wrong,omitempty"` // must be zero
}

func newRef(r anatomy.Ref) refJSON {
	return refJSON{r.Name, exact(uint64(r.Host.Start)), exact(uint64(r.Host.Len))}
}

func (d *dump) json(f *anatomy.Field, b []byte) dumpedJSON {
	j := dumpedJSON{Offset: exact(uint64(f.Host.Start)), Length: exact(uint64(f.Host.Len)), Kind: f.Kind.String(), Name: f.Name, Structure: f.In.Name,
		Value: f.Value, Meaning: f.Meaning, Bytes: encoding.EncodeToString(b), MoreFrom: f.MoreFrom}
	if f.Guest.Len > 0 {
		start, length := exact(uint64(f.Guest.Start)), exact(uint64(f.Guest.Len))
		j.GuestOffset, j.GuestLength = &start, &length
	}
	if f.To.Name != "" {
		to := newRef(f.To)
		j.To = &to
	}
	for _, r := range f.From {
		j.From = append(j.From, newRef(r))
	}
	for _, p := range d.anatomy.Parts(f) {
		j.Bits = append(j.Bits, bitJSON{p.High, p.Low, p.Name, exact(p.Value), p.Wrong})
	}
	for _, code := range f.Wrong {
		j.Findings = append(j.Findings, string(code))
	}
	return j
}
