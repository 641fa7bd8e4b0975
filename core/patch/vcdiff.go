package patch

import (
	"encoding/binary"
	"hash/adler32"
	"io"

	"qcowscope/core/source"
)

// VCDIFF is the patch format of RFC 3284: it builds the target file window by window, out of
// copies of the source file and new bytes. Only the parts of it that a patch in place needs
// are used: copies from the same offset, runs of one byte, and new bytes, with the default
// code table.
const (
	vcdiffMagic = "\xd6\xc3\xc4\x00"

	// Win_Indicator: the window copies from the source; an Adler-32 of the target window
	// follows the lengths. The second is not in the RFC. xdelta3 and others write and test it.
	vcdSource  = 0x01
	vcdAdler32 = 0x04

	// Codes of the default table whose size stands in the instructions.
	vcdRun  = 0
	vcdAdd  = 1
	vcdCopy = 19 // address mode VCD_SELF
)

const (
	// vcdiffWindow is the longest target window. xdelta3 takes 16 MiB, early ones 8 MiB.
	vcdiffWindow = 8 << 20
	// changedWindow is the longest window whose bytes are compared, in memory twice.
	changedWindow = 1 << 20
	// changedAlign is what changed ranges are widened to, and vcdiffGap what is between two
	// of them at the most for them to share a window: what is not changed is summed too, so
	// that a patch notices a source that it was not made for.
	changedAlign = 4 << 10
	vcdiffGap    = 16 << 10
	// Shorter runs and copies than these cost more than new bytes.
	vcdiffMinRun  = 8
	vcdiffMinCopy = 16
)

// VCDIFFOptions steer the encoding.
type VCDIFFOptions struct {
	// NoSums leaves out the sums that let xdelta3 notice a wrong source file, for decoders
	// that know nothing but the RFC.
	NoSums bool
	// Progress is told how many bytes of the target are done.
	Progress func(done, total int64) error
}

// WriteVCDIFF writes the plan as a patch that turns src into what the plan makes of it. It
// reads src only where the plan writes, and around that.
func (p *Plan) WriteVCDIFF(w io.Writer, src source.Source, opt VCDIFFOptions) error {
	after := NewOverlay(src)
	if err := after.Apply(p); err != nil {
		return err
	}
	return writeVCDIFF(w, src, after, after.now.changed(src.Size()), opt)
}

// WriteUndoVCDIFF writes the patch that turns the patched file back into src.
func (p *Plan) WriteUndoVCDIFF(w io.Writer, src source.Source, opt VCDIFFOptions) error {
	after := NewOverlay(src)
	if err := after.Apply(p); err != nil {
		return err
	}
	return writeVCDIFF(w, after, src, after.now.changed(src.Size()), opt)
}

// span is a range of offsets.
type span struct{ from, to int64 }

// changed are the ranges in which the state may differ from its base of size bytes, widened
// and joined: the extents, and what lies behind the part of the base that still shows.
func (s *state) changed(size int64) []span {
	var all []span
	add := func(from, to int64) {
		from, to = from&^(changedAlign-1), (to+changedAlign-1)&^(changedAlign-1)
		if n := len(all); n > 0 && from-all[n-1].to <= vcdiffGap {
			all[n-1].to = max(all[n-1].to, to)
			return
		}
		all = append(all, span{from, to})
	}
	behind := size > s.baseEnd || s.size > s.baseEnd
	for _, e := range s.extents {
		if e.off < s.baseEnd || !behind {
			add(e.off, e.end())
		}
	}
	if behind {
		add(s.baseEnd, max(size, s.size))
	}
	return all
}

// vcdiffWriter writes windows one after another. Errors stay until the end.
type vcdiffWriter struct {
	w        io.Writer
	from, to source.Source
	opt      VCDIFFOptions
	err      error
	at       int64 // bytes of the target that are done

	old, now         []byte // of the window
	data, inst, addr []byte // its sections
	segment          int64  // bytes of the source, from the target window's offset on
}

func writeVCDIFF(w io.Writer, from, to source.Source, changed []span, opt VCDIFFOptions) error {
	v := &vcdiffWriter{w: w, from: from, to: to, opt: opt}
	v.write([]byte(vcdiffMagic + "\x00")) // Hdr_Indicator: no secondary compressor, no code table
	for _, s := range changed {
		v.same(min(s.from, to.Size()))
		v.compare(min(s.to, to.Size()))
	}
	v.same(to.Size())
	return v.err
}

func (v *vcdiffWriter) write(b []byte) {
	if v.err == nil {
		_, v.err = v.w.Write(b)
	}
}

// same copies up to offset end of the target.
func (v *vcdiffWriter) same(end int64) {
	for v.at < end && v.err == nil {
		n := min(vcdiffWindow, end-v.at)
		v.begin(n)
		v.copyFrom(0, n)
		v.window(n, nil)
	}
}

// compare writes what differs up to offset end of the target, and copies the rest.
func (v *vcdiffWriter) compare(end int64) {
	for v.at < end && v.err == nil {
		if n := v.zerosUntil(end); n > 0 {
			v.begin(0)
			v.run(0, n)
			v.window(n, nil)
			continue
		}
		v.changedWindow(min(changedWindow, end-v.at))
	}
}

// zerosUntil is how many bytes of the target are known to be zero without reading them: where
// a file was made longer.
func (v *vcdiffWriter) zerosUntil(end int64) int64 {
	o, ok := v.to.(*Overlay)
	if !ok || v.at < o.now.baseEnd {
		return 0
	}
	if es := o.now.extents[o.now.from(v.at):]; len(es) > 0 {
		end = min(end, es[0].off)
	}
	return max(0, min(vcdiffWindow, end-v.at))
}

func (v *vcdiffWriter) changedWindow(n int64) {
	if v.now == nil {
		v.old, v.now = make([]byte, changedWindow), make([]byte, changedWindow)
	}
	now := v.now[:n]
	old := v.old[:max(0, min(n, v.from.Size()-v.at))]
	if v.err = source.ReadFull(v.to, now, v.at); v.err != nil {
		return
	}
	if v.err = source.ReadFull(v.from, old, v.at); v.err != nil {
		return
	}
	v.begin(int64(len(old)))
	v.instructions(old, now)
	v.window(n, now)
}

// instructions tell how now is made of old and new bytes. Where a few bytes repeat, as in a
// refblock, they are told once.
func (v *vcdiffWriter) instructions(old, now []byte) {
	fresh := 0 // bytes from fresh on are not told yet
	add := func(to int) {
		if fresh < to {
			v.add(now[fresh:to])
		}
	}
	for i := 0; i < len(now); {
		n := equalBytes(old, now, i)
		if n >= vcdiffMinCopy {
			add(i)
			v.copyFrom(int64(i), int64(n))
			i += n
			fresh = i
			continue
		}
		switch period, r := repeats(now[i:]); {
		case r < vcdiffMinRun || r < 4*period:
			i += max(1, n)
			continue
		case period == 1:
			add(i)
			v.run(now[i], int64(r))
			i += r
		default:
			add(i + period)
			// The window's own bytes lie behind those of the source segment; this copy reads
			// what it has just written.
			v.copyFrom(int64(len(old)+i), int64(r-period))
			i += r
		}
		fresh = i
	}
	add(len(now))
}

// equalBytes is how many bytes from i on are the same.
func equalBytes(old, now []byte, i int) int {
	n := i
	for n < len(old) && n < len(now) && old[n] == now[n] {
		n++
	}
	return n - i
}

// repeats tells how b begins: with a byte, or 2, 4 or 8 of them as the widths of refcounts
// are, again and again, for n bytes in all.
func repeats(b []byte) (period, n int) {
	for period = 1; period <= 8; period *= 2 {
		for n = min(period, len(b)); n < len(b) && b[n] == b[n-period]; {
			n++
		}
		if n >= vcdiffMinRun && n >= 4*period {
			return period, n
		}
	}
	return 1, 1
}

// begin empties the sections, for a window with so many bytes of the source.
func (v *vcdiffWriter) begin(segment int64) {
	v.data, v.inst, v.addr, v.segment = v.data[:0], v.inst[:0], v.addr[:0], segment
}

func (v *vcdiffWriter) add(b []byte) {
	v.inst = appendVCDInt(append(v.inst, vcdAdd), int64(len(b)))
	v.data = append(v.data, b...)
}

func (v *vcdiffWriter) run(b byte, n int64) {
	v.inst = appendVCDInt(append(v.inst, vcdRun), n)
	v.data = append(v.data, b)
}

// copyFrom copies n bytes from an address in the source segment, which begins where the
// target window does, or behind it in the target window.
func (v *vcdiffWriter) copyFrom(addr, n int64) {
	v.inst = appendVCDInt(append(v.inst, vcdCopy), n)
	v.addr = appendVCDInt(v.addr, addr)
}

// window writes the window of n bytes of the target whose sections are complete; summed are
// its bytes where they are known.
func (v *vcdiffWriter) window(n int64, summed []byte) {
	body := appendVCDInt(nil, n)
	body = append(body, 0) // Delta_Indicator: the sections are not compressed
	body = appendVCDInt(body, int64(len(v.data)))
	body = appendVCDInt(body, int64(len(v.inst)))
	body = appendVCDInt(body, int64(len(v.addr)))
	indicator := byte(0)
	if summed != nil && !v.opt.NoSums {
		indicator |= vcdAdler32
		body = binary.BigEndian.AppendUint32(body, adler32.Checksum(summed))
	}
	var head []byte
	if v.segment > 0 {
		head = append(head, indicator|vcdSource)
		head = appendVCDInt(head, v.segment)
		head = appendVCDInt(head, v.at)
	} else {
		head = append(head, indicator)
	}
	head = appendVCDInt(head, int64(len(body)+len(v.data)+len(v.inst)+len(v.addr)))
	for _, b := range [][]byte{head, body, v.data, v.inst, v.addr} {
		v.write(b)
	}
	v.at += n
	if v.err == nil && v.opt.Progress != nil {
		v.err = v.opt.Progress(v.at, v.to.Size())
	}
}

// appendVCDInt appends an integer as the RFC writes it: seven bits a byte, the highest first,
// all but the last byte with the top bit set.
func appendVCDInt(b []byte, n int64) []byte {
	var digits [10]byte
	i := len(digits) - 1
	digits[i] = byte(n & 0x7f)
	for n >>= 7; n > 0; n >>= 7 {
		i--
		digits[i] = byte(n&0x7f) | 0x80
	}
	return append(b, digits[i:]...)
}
