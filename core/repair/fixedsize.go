package repair

import (
	"errors"
	"fmt"
	"strings"

	"qcowscope/core/alloc"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
)

// NoRoomError says that the repair does not fit into a file that must not grow, and what
// would.
type NoRoomError struct {
	alloc.NoRoomError
	Ways []Way
}

// Way is how a new refcount structure could be made that fits.
type Way struct {
	RefcountBits uint // the width of its refcounts
	ReuseTables  bool // in the clusters of the old one: then only the undo plan leads back
}

func (w Way) String() string {
	if w.ReuseTables {
		return fmt.Sprintf("refcounts of %d bits, over the old tables (a crash on the way can be mended by the undo plan only)", w.RefcountBits)
	}
	return fmt.Sprintf("refcounts of %d bits", w.RefcountBits)
}

func (e *NoRoomError) Error() string {
	if len(e.Ways) == 0 {
		return e.NoRoomError.Error() + "; nothing smaller would do: copy the image to a larger place first"
	}
	words := make([]string, len(e.Ways))
	for i, w := range e.Ways {
		words[i] = w.String()
	}
	return e.NoRoomError.Error() + "; what would fit: " + strings.Join(words, "; or ")
}

// waysThatFit tries narrower refcounts first, which keep the old tables, then the place of
// the old tables.
func (r *repairer) waysThatFit(want *counts) (ways []Way) {
	for _, reuse := range []bool{false, true} {
		g := r.img.Geo
		for order := int(g.RefcountOrder); order >= 0; order-- {
			g.RefcountOrder = uint(order)
			if r.refuseWidth(g, want) != nil {
				break
			}
			if _, err := r.place(g, want, reuse, nil); err == nil {
				ways = append(ways, Way{g.RefcountBits(), reuse})
				break
			}
		}
	}
	return ways
}

// newGeometry has the width that the new refcounts shall have.
func (r *repairer) newGeometry(want *counts) (qcow2.Geometry, error) {
	g := r.img.Geo
	if r.opt.RefcountBits == 0 {
		return g, nil
	}
	for g.RefcountOrder = 0; g.RefcountBits() != r.opt.RefcountBits; g.RefcountOrder++ {
		if g.RefcountOrder == qcow2.MaxRefcountOrder {
			return g, fmt.Errorf("repair: refcounts have 1, 2, 4, 8, 16, 32 or 64 bits, not %d", r.opt.RefcountBits)
		}
	}
	return g, r.refuseWidth(g, want)
}

// refuseWidth says why the new refcounts cannot have the width of g.
func (r *repairer) refuseWidth(g qcow2.Geometry, want *counts) error {
	if g.RefcountOrder == r.img.Geo.RefcountOrder {
		return nil
	}
	if r.img.Header.Version < 3 {
		return errors.New("repair: version 2 of the format has refcounts of 16 bits only")
	}
	var err error
	want.Each(0, want.n, func(c int64, n uint64) bool {
		if n > g.RefcountMax() {
			err = fmt.Errorf("repair: cluster %d has %d references, which refcounts of %d bits cannot hold", c, n, g.RefcountBits())
		}
		return err == nil
	})
	return err
}

// fileClusters is how many clusters there are to write to without making the file longer:
// in a file that must not grow, a last cluster that is cut short is none.
func (r *repairer) fileClusters() int64 {
	if r.opt.FixedSize {
		return r.base.Src.Size() >> r.base.Geo.ClusterBits
	}
	return r.base.HostClusters()
}

// fits says whether the plan stays within a file that must not grow.
func (r *repairer) fits(p *patch.Plan) error {
	if !r.opt.FixedSize || p.SizeAfter <= p.SizeBefore {
		return nil
	}
	g := r.base.Geo
	have, end := r.fileClusters(), g.Clusters(p.SizeAfter)
	return &NoRoomError{NoRoomError: alloc.NoRoomError{Clusters: have, Needed: end - have, Passed: qcow2.HostCluster(end - 1)}}
}
