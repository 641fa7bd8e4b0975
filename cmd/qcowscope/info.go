package main

import (
	"bytes"
	"fmt"
	"sort"
	"time"

	"qcowscope/core/check"
	"qcowscope/core/clustermap"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

var infoVerb = verb{
	name: "info", args: "IMAGE", short: "what an image is, what is in it and where its bytes go",
	help: `  --output=human|json
  --layers  also what each snapshot holds and what deleting it would free, how the size of the file
            comes about, what the bitmaps mark as dirty, and what opening the image would open with it

Names are shown as they stand in the image; no other file is opened.

exit codes:
  0   the image was described, whatever is wrong with it
  1   it could not be opened
  63  not a qcow2 image
`,
}

func init() { infoVerb.run = runInfo }

func runInfo(c *command) int {
	form := c.outputFlag()
	withLayers := false
	c.flags.BoolVar(&withLayers, "layers", false, "")
	if code, ok := c.parse(1); !ok {
		return code
	}
	f, img, code := c.openImage(c.words[0], *form)
	if img == nil {
		return code
	}
	defer f.Close()
	opt, end := c.checkOptions(1)
	rep, err := check.Run(c.ctx, img, opt)
	end()
	if err != nil && c.ctx.Err() != nil {
		return c.fail(err)
	}
	i := newInfo(f, img)
	if err != nil {
		i.UsageUnknown = err.Error()
	} else {
		i.Snapshots, i.Usage = newSnapshots(rep.Snapshots), newUsage(img, rep.Refcounts.Table)
		if withLayers {
			if i.Layers, err = newLayers(c.ctx, img, rep); err != nil {
				return c.fail(err)
			}
		}
	}
	if *form == "json" {
		writeJSON(c.out, i)
	} else {
		i.write(c.out)
	}
	return exitOK
}

// imageInfo is all that info says.
type imageInfo struct {
	Filename        string          `json:"filename"`
	FileSize        int64           `json:"file-size"`
	OnDisk          int64           `json:"on-disk"` // bytes that the file takes there
	Format          string          `json:"format"`
	Version         uint32          `json:"version"`
	VirtualSize     exact           `json:"virtual-size"`
	ClusterSize     int64           `json:"cluster-size"`
	RefcountBits    uint            `json:"refcount-bits"`
	ExtendedL2      bool            `json:"extended-l2"`
	CompressionType string          `json:"compression-type"`
	Encryption      string          `json:"encryption"`
	BackingFile     string          `json:"backing-file,omitempty"`
	BackingFormat   string          `json:"backing-format,omitempty"`
	DataFile        string          `json:"data-file,omitempty"`
	Features        []featureJSON   `json:"features"`
	Header          []fieldJSON     `json:"header"`
	Extensions      []extensionJSON `json:"extensions"`
	Snapshots       []snapshotJSON  `json:"snapshots"`
	Bitmaps         []bitmapJSON    `json:"bitmaps"`
	Usage           []usageJSON     `json:"usage"` // what the bytes of the file are for, most first
	UsageUnknown    string          `json:"usage-unknown,omitempty"`
	Layers          *layersInfo     `json:"layers,omitempty"`
	Refusals        []string        `json:"refusals"` // why QEMU would not open the image
	Schema          int             `json:"schema"`
}

// featureJSON is a feature bit that is set.
type featureJSON struct {
	Kind string `json:"kind"` // incompatible, compatible, autoclear
	Bit  int    `json:"bit"`
	Name string `json:"name"`
}

type fieldJSON struct {
	Name   string `json:"name"`
	Offset int64  `json:"offset"`
	Value  exact  `json:"value"`
}

type extensionJSON struct {
	Type   string `json:"type"`
	Name   string `json:"name"`
	Offset int64  `json:"offset"`
	Length int    `json:"length"`
}

type snapshotJSON struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Date        string `json:"date"`
	VMStateSize exact  `json:"vm-state-size"`
	DiskSize    *exact `json:"disk-size,omitempty"`
	L1Offset    exact  `json:"l1-table-offset"`
	L1Size      uint32 `json:"l1-size"`
}

type bitmapJSON struct {
	Name        string   `json:"name"`
	Granularity uint64   `json:"granularity"`
	Flags       []string `json:"flags"`
}

type usageJSON struct {
	Role     string `json:"role"`
	Clusters int64  `json:"clusters"`
	Bytes    int64  `json:"bytes"`
}

var encryptions = map[uint32]string{qcow2.CryptNone: "none", qcow2.CryptAES: "aes", qcow2.CryptLUKS: "luks"}

func newInfo(f *file, img *image.Image) *imageInfo {
	h, g := &img.Header, img.Geo
	i := &imageInfo{
		Filename: f.path, FileSize: f.size, OnDisk: f.Allocated(), Format: "qcow2", Version: h.Version, VirtualSize: exact(h.Size),
		ClusterSize: g.ClusterSize(), RefcountBits: g.RefcountBits(), ExtendedL2: g.ExtendedL2, CompressionType: "zlib",
		Encryption: encryptions[h.CryptMethod], BackingFile: img.BackingFile, BackingFormat: img.BackingFormat, DataFile: img.DataFile,
		Features: newFeatures(img), Header: newFields(h), Extensions: newExtensions(img), Bitmaps: newBitmaps(img),
		Snapshots: []snapshotJSON{}, Usage: []usageJSON{}, Refusals: []string{}, Schema: schema,
	}
	switch t := h.CompressionType(); {
	case t == qcow2.CompressionZstd:
		i.CompressionType = "zstd"
	case t > qcow2.CompressionZstd:
		i.CompressionType = fmt.Sprintf("unknown (%d)", t)
	}
	if i.Encryption == "" {
		i.Encryption = fmt.Sprintf("unknown (%d)", h.CryptMethod)
	}
	for _, r := range img.Refusals {
		i.Refusals = append(i.Refusals, r.String())
	}
	return i
}

// knownFeatures are the names of the bits, by kind.
var knownFeatures = []struct {
	kind  string
	names []string
}{
	{"incompatible", []string{"dirty", "corrupt", "external data file", "compression type", "extended L2 entries"}},
	{"compatible", []string{"lazy refcounts"}},
	{"autoclear", []string{"bitmaps", "raw external data"}},
}

// newFeatures lists the bits that are set; names of unknown ones are those of the image.
func newFeatures(img *image.Image) []featureJSON {
	features := []featureJSON{}
	words := []uint64{img.Header.IncompatibleFeatures, img.Header.CompatibleFeatures, img.Header.AutoclearFeatures}
	for k, word := range words {
		for bit := range 64 {
			if word>>bit&1 == 0 {
				continue
			}
			name := "unknown"
			if names := knownFeatures[k].names; bit < len(names) {
				name = names[bit]
			} else if own := featureName(img, k, bit); own != "" {
				name = "unknown, called " + own
			}
			features = append(features, featureJSON{knownFeatures[k].kind, bit, name})
		}
	}
	return features
}

// featureName looks a bit up in the image's own table of names: records of 48 bytes with
// the kind, the bit and the name.
func featureName(img *image.Image, kind, bit int) string {
	const record = 48
	e := qcow2.FindExtension(img.Extensions, qcow2.ExtFeatureNames)
	if e == nil {
		return ""
	}
	for i := 0; i+record <= len(e.Data); i += record {
		if r := e.Data[i:]; int(r[0]) == kind && int(r[1]) == bit {
			name, _, _ := bytes.Cut(r[2:record], []byte{0})
			return string(name)
		}
	}
	return ""
}

func newFields(h *qcow2.Header) []fieldJSON {
	fields := []fieldJSON{
		{"version", qcow2.OffVersion, exact(h.Version)},
		{"backing_file_offset", qcow2.OffBackingOffset, exact(h.BackingFileOffset)},
		{"backing_file_size", qcow2.OffBackingSize, exact(h.BackingFileSize)},
		{"cluster_bits", qcow2.OffClusterBits, exact(h.ClusterBits)},
		{"size", qcow2.OffSize, exact(h.Size)},
		{"crypt_method", qcow2.OffCryptMethod, exact(h.CryptMethod)},
		{"l1_size", qcow2.OffL1Size, exact(h.L1Size)},
		{"l1_table_offset", qcow2.OffL1Table, exact(h.L1TableOffset)},
		{"refcount_table_offset", qcow2.OffReftable, exact(h.RefcountTableOffset)},
		{"refcount_table_clusters", qcow2.OffReftableLen, exact(h.RefcountTableClusters)},
		{"nb_snapshots", qcow2.OffNbSnapshots, exact(h.NbSnapshots)},
		{"snapshots_offset", qcow2.OffSnapshots, exact(h.SnapshotsOffset)},
	}
	if h.Version < 3 {
		return fields
	}
	return append(fields,
		fieldJSON{"incompatible_features", qcow2.OffIncompatible, exact(h.IncompatibleFeatures)},
		fieldJSON{"compatible_features", qcow2.OffCompatible, exact(h.CompatibleFeatures)},
		fieldJSON{"autoclear_features", qcow2.OffAutoclear, exact(h.AutoclearFeatures)},
		fieldJSON{"refcount_order", qcow2.OffRefcountOrder, exact(h.RefcountOrder)},
		fieldJSON{"header_length", qcow2.OffHeaderLength, exact(h.HeaderLength)},
	)
}

var extensionNames = map[uint32]string{qcow2.ExtBackingFormat: "backing file format", qcow2.ExtFeatureNames: "feature names",
	qcow2.ExtBitmaps: "bitmaps", qcow2.ExtLUKS: "encryption header", qcow2.ExtDataFile: "external data file name"}

func newExtensions(img *image.Image) []extensionJSON {
	all := []extensionJSON{}
	for _, e := range img.Extensions {
		name := extensionNames[e.Type]
		if name == "" {
			name = "unknown"
		}
		all = append(all, extensionJSON{fmt.Sprintf("0x%08x", e.Type), name, e.Off, len(e.Data)})
	}
	return all
}

func newSnapshots(t *image.SnapshotTable) []snapshotJSON {
	all := []snapshotJSON{}
	for i := range t.Snapshots {
		s := &t.Snapshots[i]
		j := snapshotJSON{ID: string(s.ID), Name: string(s.Name), VMStateSize: exact(s.VMState()), L1Offset: exact(s.L1TableOffset), L1Size: s.L1Size,
			Date: time.Unix(int64(s.DateSec), int64(s.DateNsec)).UTC().Format(time.RFC3339)}
		if size, ok := s.DiskSize(); ok {
			j.DiskSize = (*exact)(&size)
		}
		all = append(all, j)
	}
	return all
}

func newBitmaps(img *image.Image) []bitmapJSON {
	all := []bitmapJSON{}
	for i := range img.Bitmaps {
		m := &img.Bitmaps[i]
		j := bitmapJSON{Name: string(m.Name), Granularity: 1 << min(m.GranularityBits, 63), Flags: []string{}}
		if m.Flags&qcow2.BitmapInUse != 0 {
			j.Flags = append(j.Flags, "in-use")
		}
		if m.Flags&qcow2.BitmapAuto != 0 {
			j.Flags = append(j.Flags, "auto")
		}
		all = append(all, j)
	}
	return all
}

// newUsage says what the bytes of the file are for; they add up to the file's size.
func newUsage(img *image.Image, t *refcount.Table) []usageJSON {
	all := []usageJSON{}
	last := qcow2.HostCluster(img.HostClusters() - 1)
	missing := img.HostClusters()<<img.Geo.ClusterBits - img.Src.Size() // of a last cluster that is cut short
	for role, n := range clustermap.Usage(t, img.HostClusters()) {
		if n == 0 {
			continue
		}
		u := usageJSON{refcount.Role(role).String(), n, n << img.Geo.ClusterBits}
		if t.Role(last) == refcount.Role(role) {
			u.Bytes -= missing
		}
		all = append(all, u)
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Bytes > all[j].Bytes })
	return all
}
