package testimages

import (
	"fmt"
	"math/bits"
	"slices"
)

// options are the arguments of the image verb.
type options struct {
	version          int64
	size             int64 // virtual size in bytes
	clusterBits      int
	refcountBits     int
	extendedL2       bool
	lazyRefcounts    bool
	zstd             bool
	featureNames     bool
	headerLength     int64
	l1Extra          int64
	reftableClusters int64

	dataFile    string
	dataFileRaw bool

	backing       string
	backingFormat string

	encrypted string // "", luks or aes

	unknownExtensions []headerExtension
}

func (o *options) refcountOrder() int { return bits.TrailingZeros(uint(o.refcountBits)) }

func (o *options) cryptMethod() uint32 {
	return uint32(slices.Index([]string{"", "aes", "luks"}, o.encrypted))
}

// l2EntrySize is 16 bytes with extended L2 entries, else 8.
func (o *options) l2EntrySize() int64 {
	if o.extendedL2 {
		return 16
	}
	return 8
}

func imageVerb() verb {
	return verb{
		keys: map[string]kind{
			"version": num, "size": num, "cluster": num, "refcount_bits": num, "extended_l2": flag,
			"lazy_refcounts": flag, "feature_names": flag, "compression": text, "encrypted": text,
			"header_length": num, "l1_extra": num, "reftable_clusters": num, "data_file": text, "raw": flag,
			"backing": text, "format": text, "fill": num, "recipe": text, "missing": flag,
		},
		required: []string{"version", "size", "cluster"},
		run:      (*builder).runImage,
	}
}

// runImage lays out an empty image.
func (b *builder) runImage(a args) error {
	if err := b.opt.read(a); err != nil {
		return err
	}
	o := &b.opt
	b.cs = 1 << o.clusterBits
	b.guest = &Guest{Size: o.size}
	perL2 := b.cs / o.l2EntrySize() * b.cs
	b.l1Size = (o.size+perL2-1)/perL2 + o.l1Extra
	if b.l1Size > maxFile/8 {
		return fmt.Errorf("size needs an L1 table of %d entries", b.l1Size)
	}
	if err := b.layFoundations(); err != nil {
		return err
	}
	if o.dataFile != "" {
		if o.size > maxFile {
			return fmt.Errorf("a data file may have at most %d MiB", maxFile>>20)
		}
		b.dataFile = make([]byte, o.size)
	}
	if err := b.layBacking(a); err != nil {
		return err
	}
	return b.layEncryption()
}

func (o *options) read(a args) error {
	numbers := map[string]int64{"refcount_bits": 16, "header_length": 112, "l1_extra": 0, "reftable_clusters": 1,
		"version": 0, "size": 0, "cluster": 0}
	for key, otherwise := range numbers {
		v, err := a.num(nil, key, otherwise)
		if err != nil {
			return err
		}
		numbers[key] = v
	}
	o.version, o.size = numbers["version"], numbers["size"]
	o.refcountBits, o.headerLength = int(numbers["refcount_bits"]), numbers["header_length"]
	o.l1Extra, o.reftableClusters = numbers["l1_extra"], numbers["reftable_clusters"]
	o.clusterBits = bits.TrailingZeros64(uint64(numbers["cluster"]))
	o.extendedL2, o.lazyRefcounts, o.featureNames = a.flags["extended_l2"], a.flags["lazy_refcounts"], a.flags["feature_names"]
	o.dataFile, o.dataFileRaw = a.texts["data_file"], a.flags["raw"]
	o.backing, o.backingFormat = a.texts["backing"], a.texts["format"]
	compression, err := a.word("compression", "zlib", "zlib", "zstd")
	if err != nil {
		return err
	}
	o.zstd = compression == "zstd"
	if o.encrypted, err = a.word("encrypted", "", "luks", "aes"); err != nil {
		return err
	}
	if o.version == 2 && a.nums["header_length"] == nil {
		o.headerLength = 72
	}
	return o.validate(numbers["cluster"])
}

// validate refuses what no healthy image can be.
func (o *options) validate(cluster int64) error {
	newer := o.extendedL2 || o.lazyRefcounts || o.featureNames || o.zstd || o.dataFile != "" ||
		o.refcountBits != 16 || o.headerLength != 72
	switch {
	case o.version != 2 && o.version != 3:
		return fmt.Errorf("version must be 2 or 3")
	case o.version == 2 && newer:
		return fmt.Errorf("version 2 has none of the newer features")
	case o.version == 3 && o.headerLength != 104 && o.headerLength != 112:
		return fmt.Errorf("header_length must be 104 or 112")
	case o.headerLength == 104 && o.zstd:
		return fmt.Errorf("zstd needs header_length=112")
	case bits.OnesCount64(uint64(cluster)) != 1 || o.clusterBits < 9 || o.clusterBits > 21:
		return fmt.Errorf("cluster must be a power of two from 512 to 2M")
	case o.extendedL2 && o.clusterBits < 14:
		return fmt.Errorf("extended_l2 needs clusters of 16K or more")
	case o.refcountBits < 1 || o.refcountBits > 64 || bits.OnesCount(uint(o.refcountBits)) != 1:
		return fmt.Errorf("refcount_bits must be a power of two from 1 to 64")
	case o.size <= 0 || o.size%sectorSize != 0:
		return fmt.Errorf("size must be a positive multiple of 512")
	case o.reftableClusters < 1 || o.reftableClusters*cluster > 8<<20:
		return fmt.Errorf("reftable_clusters must give 1 byte to 8 MiB")
	case o.dataFileRaw && o.dataFile == "":
		return fmt.Errorf("raw needs data_file=")
	case (o.backing == "") != (o.backingFormat == ""):
		return fmt.Errorf("backing= and format= go together")
	}
	return nil
}

// layBacking makes the backing file, unless the recipe says that it is missing.
func (b *builder) layBacking(a args) error {
	o := &b.opt
	other, fromRecipe := a.texts["recipe"]
	switch {
	case o.backing == "":
		if fromRecipe || a.flags["missing"] || a.nums["fill"] != nil {
			return fmt.Errorf("fill, recipe and missing describe a backing file, but there is none")
		}
		return nil
	case a.flags["missing"]:
		return nil
	case fromRecipe:
		base, err := Load(other)
		if err != nil {
			return err
		}
		built, err := base.build(b.chain + 1)
		if err != nil {
			return err
		}
		b.guest.base = built.Guest
		b.side[o.backing] = built.Image
		for name, bytes := range built.Side {
			b.side[name] = bytes
		}
		return nil
	}
	fill, err := a.num(nil, "fill", 0)
	if err != nil {
		return err
	}
	if o.backingFormat != "raw" || fill < 1 || fill > 0xff || o.size > maxFile {
		return fmt.Errorf("a raw backing file needs format=raw, fill=1..0xff and at most %d MiB", maxFile>>20)
	}
	b.guest.base = &Guest{Size: o.size, extents: []Extent{{0, o.size, byte(fill)}}}
	b.side[o.backing] = make([]byte, o.size)
	Pattern(b.side[o.backing], byte(fill), 0)
	return nil
}
