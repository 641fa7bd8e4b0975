package report

import (
	"fmt"
	"strings"
	"time"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
)

// facts are what the header says.
func (h *html) facts(img *image.Image) {
	head, g := &img.Header, img.Geo
	h.put("<section><h2>The image</h2><dl>\n")
	h.pair("format", fmt.Sprintf("qcow2 version %d", head.Version))
	h.pair("file", qcow2.Size(img.Src.Size()).Exact())
	h.pair("virtual disk", qcow2.Size(head.Size).Exact())
	h.pair("clusters", fmt.Sprintf("%s, %d in the file", qcow2.Size(g.ClusterSize()).Exact(), img.HostClusters()))
	h.pair("refcounts", fmt.Sprintf("%d bits", g.RefcountBits()))
	h.pair("features", featuresOf(img))
	for _, other := range []struct{ what, name string }{
		{"backing file", img.BackingFile}, {"backing format", img.BackingFormat}, {"data file", img.DataFile},
	} {
		if other.name != "" {
			h.pair(other.what, other.name)
		}
	}
	h.put("</dl></section>\n")
}

func featuresOf(img *image.Image) string {
	h := &img.Header
	var all []string
	for _, f := range []struct {
		set  bool
		name string
	}{
		{h.Has(qcow2.IncompatDirty), "dirty"}, {h.Has(qcow2.IncompatCorrupt), "marked corrupt"},
		{h.CompatibleFeatures&qcow2.CompatLazyRefcounts != 0, "lazy refcounts"}, {img.Geo.ExtendedL2, "extended L2 entries"},
		{img.Geo.DataFile, "external data file"}, {h.CompressionType() == qcow2.CompressionZstd, "zstd"},
		{h.CryptMethod == qcow2.CryptLUKS, "LUKS encryption"}, {h.CryptMethod == qcow2.CryptAES, "AES encryption"},
		{h.AutoclearFeatures&qcow2.AutoclearBitmaps != 0, "bitmaps"},
	} {
		if f.set {
			all = append(all, f.name)
		}
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}

// layers are the snapshots and the bitmaps.
func (h *html) layers(p Page) {
	if all := p.Report.Snapshots.Snapshots; len(all) > 0 {
		h.put("<section><h2>Snapshots</h2>\n")
		end := h.table("Id", "Name", "Taken", "Saved state")
		for i := range all[:min(pagePlaces, len(all))] {
			s := &all[i]
			h.row(string(s.ID), string(s.Name), time.Unix(int64(s.DateSec), 0).UTC().Format("2006-01-02 15:04:05 UTC"), qcow2.Size(s.VMState()).Exact())
		}
		end()
		if more := len(all) - pagePlaces; more > 0 {
			h.put("<p>and ", count(more, "more snapshot"), ".</p>\n")
		}
		h.put("</section>\n")
	}
	if all := p.Image.Bitmaps; len(all) > 0 {
		h.put("<section><h2>Bitmaps</h2>\n")
		end := h.table("Name", "Granularity", "In use")
		for i := range all[:min(pagePlaces, len(all))] {
			m := &all[i]
			inUse := "no"
			if m.Flags&qcow2.BitmapInUse != 0 {
				inUse = "yes: it was not saved completely"
			}
			h.row(string(m.Name), qcow2.Size(1<<(m.GranularityBits&63)).Exact(), inUse)
		}
		end()
		if more := len(all) - pagePlaces; more > 0 {
			h.put("<p>and ", count(more, "more bitmap"), ".</p>\n")
		}
		h.put("</section>\n")
	}
}
