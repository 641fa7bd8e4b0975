package check

import (
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// header turns what QEMU refuses at open into findings, and notes the dirty and corrupt
// bits and bytes where there should be none.
func (c *checker) header() error {
	c.report.Refused = len(c.img.Refusals) > 0
	for _, r := range c.img.Refusals {
		if r.Field == refusedDirectory {
			continue // the recount meets it and says more
		}
		c.keep(Finding{Code: codeOfRefusal(r), Class: CheckError, Got: r.Value, Times: 1, Err: refusal(r),
			At: headerPlace(r.Field, r.Off)})
	}
	bit := func(code Code, mask uint64) {
		if c.img.Header.Has(mask) {
			c.add(Finding{Code: code, Got: c.img.Header.IncompatibleFeatures, Want: c.img.Header.IncompatibleFeatures &^ mask, Times: 1,
				At: headerPlace("incompatible_features", qcow2.OffIncompatible)})
		}
	}
	bit(DirtyBit, qcow2.IncompatDirty)
	bit(CorruptBit, qcow2.IncompatCorrupt)
	return c.padding()
}

// The names that the image package gives to what it refuses, where they are needed.
const (
	refusedDirectory  = "bitmap directory"
	refusedExtensions = "header extension"
	refusedFormat     = "backing format extension"
	refusedBitmaps    = "bitmaps extension"
	refusedLUKS       = "LUKS extension"
)

// refusalCodes are the codes that codeOfRefusal gives.
var refusalCodes = map[Code]bool{HeaderField: true, HeaderExtension: true, BitmapDirectoryBad: true, HeaderLength: true, ReftableImpossible: true,
	L1SizeWrong: true, DiskSizeImpossible: true, CompressionWrong: true, RawBitStray: true, BackingNameWrong: true, EncryptionWrong: true, FeatureUnknown: true}

// refused tells whether the finding is a field by which QEMU does not open the image.
func (f Finding) refused() bool { return f.At.Kind == FieldHeader && refusalCodes[f.Code] }

// refusal is the rule that the field breaks, as an error.
type refusal image.Refusal

func (r refusal) Error() string { return r.Rule }

// codeOfRefusal is the code of a header field by which QEMU does not open the image.
func codeOfRefusal(r image.Refusal) Code {
	switch r.Field {
	case refusedExtensions, refusedFormat:
		return HeaderExtension
	case refusedBitmaps:
		return BitmapDirectoryBad
	case "header_length":
		return HeaderLength
	case "refcount_table_offset", "refcount_table_clusters":
		return ReftableImpossible
	case "l1_size":
		return L1SizeWrong
	case "size":
		return DiskSizeImpossible
	case "compression_type":
		return CompressionWrong
	case "autoclear_features":
		return RawBitStray
	case "backing_file_offset", "backing_file_size":
		return BackingNameWrong
	case "crypt_method", refusedLUKS, "LUKS header":
		return EncryptionWrong
	case "incompatible_features":
		if r.Rule == image.RuleCompressionBit {
			return CompressionWrong
		}
		return FeatureUnknown
	}
	return HeaderField
}

// padding notes bytes that are not zero where the header cluster should hold nothing:
// after the header extensions and around the backing file's name. They do no harm.
func (c *checker) padding() error {
	for _, r := range c.img.Refusals {
		if r.Field == refusedExtensions || r.Field == "header_length" || r.Field == "backing_file_offset" || r.Field == "backing_file_size" {
			return nil // where the header ends is not known
		}
	}
	head := make([]byte, min(c.img.Geo.ClusterSize(), c.img.Src.Size()))
	if err := source.ReadFull(c.img.Src, head, 0); err != nil {
		return nil // the header was read before; what fails now is noted by the phases that need it
	}
	size := int64(len(head))
	first, last := size, int64(-1)
	note := func(from, to int64) {
		for i := from; i < min(to, size); i++ {
			if head[i] != 0 {
				first, last = min(first, i), max(last, i)
			}
		}
	}
	c.eachGap(note)
	if last < 0 {
		return nil
	}
	c.add(Finding{Code: HeaderPadding, Times: 1, At: headerPlace("header padding", first), Got: uint64(head[first]),
		Host: qcow2.Range[qcow2.HostOff]{Start: qcow2.HostOff(first), Len: qcow2.HostOff(last - first + 1)}})
	return nil
}

// eachGap visits the ranges of the header cluster that hold nothing.
func (c *checker) eachGap(visit func(from, to int64)) {
	h, cs := &c.img.Header, c.img.Geo.ClusterSize()
	if h.BackingFileOffset != 0 && h.BackingFileOffset < uint64(h.HeaderLength) {
		return // the name lies in the header itself: QEMU opens that
	}
	if len(h.Tail) > 1 {
		visit(qcow2.OffCompressionType+1, min(int64(h.HeaderLength), qcow2.HeaderLengthFull))
	}
	off, end := int64(h.HeaderLength), cs
	if h.BackingFileOffset != 0 {
		end = min(end, int64(h.BackingFileOffset))
		visit(int64(h.BackingFileOffset)+int64(h.BackingFileSize), cs)
	}
	for _, e := range c.img.Extensions {
		off = e.Off + 8 + int64(len(e.Data))
		visit(off, min(end, (off+7)&^7))
		off = (off + 7) &^ 7
	}
	visit(off+8, end) // behind the END mark
}
