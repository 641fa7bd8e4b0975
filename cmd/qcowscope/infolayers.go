package main

import (
	"context"
	"errors"

	"qcowscope/core/check"
	"qcowscope/core/clustermap"
	"qcowscope/core/image"
	"qcowscope/core/layers"
	"qcowscope/core/qcow2"
)

// layersInfo is what info --layers adds.
type layersInfo struct {
	Reason    string          `json:"reason"` // why the file is larger than its disk, or smaller
	Waterfall []waterfallJSON `json:"waterfall"`
	Layers    []layerJSON     `json:"layers"`   // the active one, then the snapshots
	FreesAll  freesJSON       `json:"frees"`    // what deleting all snapshots would free
	Sound     bool            `json:"sound"`    // the file's refcounts are what was counted
	Complete  bool            `json:"complete"` // all tables could be read
	Bitmaps   []dirtyJSON     `json:"bitmaps"`
	Outside   []outsideJSON   `json:"outside"` // other files that the image names
	// Below is how much of the disk, in bytes, comes from the backing file.
	Below int64 `json:"from-backing-file"`
}

// waterfallJSON is a step from the size of the disk to that of the file; the first is the
// disk and the last the file.
type waterfallJSON struct {
	Step  string `json:"step"`
	Bytes int64  `json:"bytes"`

	label string
}

// layerJSON is a layer in bytes of host clusters.
type layerJSON struct {
	ID     string     `json:"id,omitempty"`
	Name   string     `json:"name,omitempty"`
	Data   int64      `json:"data"`
	State  int64      `json:"vm-state"`
	Tables int64      `json:"tables"`
	Own    int64      `json:"only-here"` // of all three, what no other layer refers to
	Frees  *freesJSON `json:"frees,omitempty"`
}

// freesJSON is what deleting gives back, at least if it is not exact.
type freesJSON struct {
	Clusters int64 `json:"clusters"`
	Bytes    int64 `json:"bytes"`
	Exact    bool  `json:"exact"`
}

type dirtyJSON struct {
	Name    string `json:"name"`
	Dirty   int64  `json:"dirty"` // bytes
	Bits    int64  `json:"dirty-bits"`
	Takes   int64  `json:"takes"` // bytes of the file
	Unknown string `json:"unknown,omitempty"`
}

type outsideJSON struct {
	Role    string   `json:"role"` // backing-file, data-file
	Name    string   `json:"name"`
	Format  string   `json:"format,omitempty"`
	Target  string   `json:"target"`
	Opens   []string `json:"opens"`
	Wary    bool     `json:"wary"` // look at it before opening the image
	Warning string   `json:"warning"`
}

// layersStep is how many bytes of tables are read between two looks at the context.
const layersStep = 64 << 20

// newLayers walks all tables and bitmaps. The error is the context's or one of reading.
func newLayers(ctx context.Context, img *image.Image, rep *check.Report) (*layersInfo, error) {
	h := layers.NewHoldings(img, rep)
	for !h.Done() {
		if _, _, err := h.Step(ctx, layersStep); err != nil {
			return nil, err
		}
	}
	l := &layersInfo{Sound: h.Sound(), Complete: h.Complete, Bitmaps: []dirtyJSON{}, Outside: []outsideJSON{}}
	l.addWaterfall(h.Waterfall())
	l.addSnapshots(h, img, rep)
	bitmaps := layers.NewBitmapScan(img)
	for !bitmaps.Done() {
		if err := bitmaps.Step(ctx, layersStep); err != nil {
			return nil, err
		}
	}
	l.addBitmaps(img, bitmaps.Found())
	l.addOutside(img)
	return l, l.addBelow(ctx, img)
}

func (l *layersInfo) addWaterfall(w layers.Waterfall) {
	l.Reason = w.Reason(size)
	l.Waterfall = append(l.Waterfall, waterfallJSON{"disk", int64(w.Virtual), "the disk, as the guest sees it"})
	for _, s := range w.Steps {
		l.Waterfall = append(l.Waterfall, waterfallJSON{string(s.Kind), s.Bytes, s.Kind.Label()})
	}
	l.Waterfall = append(l.Waterfall, waterfallJSON{"file", w.File, "the file"})
}

func (l *layersInfo) addSnapshots(h *layers.Holdings, img *image.Image, rep *check.Report) {
	cs := img.Geo.ClusterSize()
	frees := func(chosen ...int) freesJSON {
		f := h.Freed(chosen)
		return freesJSON{f.Clusters, f.Clusters * cs, f.Exact}
	}
	var all []int
	for n, held := range h.Held() {
		j := layerJSON{Data: held.Data * cs, State: held.State * cs, Tables: held.Tables * cs, Own: held.Own() * cs}
		if n > 0 {
			s, f := &rep.Snapshots.Snapshots[n-1], frees(n)
			j.ID, j.Name, j.Frees = string(s.ID), string(s.Name), &f
			all = append(all, n)
		}
		l.Layers = append(l.Layers, j)
	}
	l.FreesAll = frees(all...)
}

func (l *layersInfo) addBitmaps(img *image.Image, found []layers.Dirty) {
	for i, d := range found {
		j := dirtyJSON{Name: string(img.Bitmaps[i].Name), Dirty: d.Bytes, Bits: d.Bits, Takes: d.Takes << img.Geo.ClusterBits}
		if d.Err != nil {
			j.Unknown = layers.BitmapTrouble(d.Err)
		}
		l.Bitmaps = append(l.Bitmaps, j)
	}
}

func (l *layersInfo) addOutside(img *image.Image) {
	for _, o := range layers.Outsides(img) {
		j := outsideJSON{"backing-file", o.Name, o.Format, string(o.Target), o.Opens, o.Wary(), o.Warning()}
		if o.Data {
			j.Role = "data-file"
		}
		if j.Opens == nil {
			j.Opens = []string{}
		}
		l.Outside = append(l.Outside, j)
	}
}

// addBelow adds up what the image leaves to its backing file, which is not opened.
func (l *layersInfo) addBelow(ctx context.Context, img *image.Image) error {
	if img.BackingFile == "" {
		return nil
	}
	for run, err := range clustermap.Chain(ctx, []clustermap.Layer{{Image: img}}, true) {
		if err != nil {
			if !errors.Is(err, clustermap.ErrUnreadableGuest) {
				return err
			}
		} else if !run.Present && !run.Zero {
			l.Below += int64(min(run.Guest.Len, qcow2.GuestOff(1<<62)))
		}
	}
	return nil
}
