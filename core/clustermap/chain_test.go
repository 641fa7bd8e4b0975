package clustermap_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"qcowscope/core/clustermap"
)

// holes are a host that stored nothing in the odd blocks of 64 KiB.
type holes struct{ allocated int64 }

func (h holes) Hole(off int64) (bool, int64, error) {
	const block = 64 << 10
	return off/block%2 == 1, block - off%block, nil
}

func (h holes) Allocated() int64 { return h.allocated }

// golden writes runs as text, for tests: D data, Z zero, P present.
func golden(t *testing.T, layers []clustermap.Layer, open bool) string {
	t.Helper()
	var s strings.Builder
	for r, err := range clustermap.Chain(context.Background(), layers, open) {
		if err != nil {
			fmt.Fprintf(&s, "%v\n", err)
			continue
		}
		flags := ""
		for _, f := range []struct {
			on   bool
			name string
		}{{r.Present, "P"}, {r.Zero, "Z"}, {r.Data, "D"}, {r.Compressed, "C"}} {
			if f.on {
				flags += f.name
			}
		}
		fmt.Fprintf(&s, "%v %d %s", r.Guest, r.Depth, flags)
		if r.Placed {
			fmt.Fprintf(&s, " at 0x%x", int64(r.Offset))
		}
		s.WriteByte('\n')
	}
	return s.String()
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if want = strings.ReplaceAll(strings.TrimPrefix(want, "\n"), "\t", ""); got != want {
		t.Errorf("%s: got\n%swant\n%s", what, got, want)
	}
}

// TestChain goes down a chain of an image and a raw file, whose end and holes show.
func TestChain(t *testing.T) {
	_, img := openRecipe(t, "healthy_v3")
	raw := clustermap.Layer{Size: 160<<10 + 1, Holes: holes{}}
	same(t, "raw", golden(t, []clustermap.Layer{raw}, false), `
		0x0+0x10000 0 PD at 0x0
		0x10000+0x10000 0 PZ at 0x10000
		0x20000+0x8200 0 PD at 0x20000
		`)
	same(t, "no host", golden(t, []clustermap.Layer{{Size: 1 << 20}}, false), "0x0+0x100000 0 PD at 0x0\n")
	const head = `
		0x0+0x40000 0 PD at 0x50000
		0x40000+0x10000 0 PZ
		0x50000+0x10000 0 PZ at 0x90000
		`
	unknown := golden(t, []clustermap.Layer{{Image: img}}, true)
	same(t, "an unknown layer below", unknown, head+`0x60000+0x20000 0 
		0x80000+0x10000 0 PD at 0xa0000
		0x90000+0x10000 0 
		0xa0000+0x10000 0 PD at 0xc0000
		0xb0000+0x50000 0 
		`)
	same(t, "a short layer below", golden(t, []clustermap.Layer{{Image: img}, {Size: 0x98000}}, false), head+`0x60000+0x20000 1 PD at 0x60000
		0x80000+0x10000 0 PD at 0xa0000
		0x90000+0x8000 1 PD at 0x90000
		0x98000+0x8000 0 Z
		0xa0000+0x10000 0 PD at 0xc0000
		0xb0000+0x50000 0 Z
		`)
}

// TestChainOfDamage: what cannot be read is named and the rest follows.
func TestChainOfDamage(t *testing.T) {
	_, img := openRecipe(t, "data_unaligned")
	runs, unreadable := 0, 0
	for _, err := range clustermap.Chain(context.Background(), []clustermap.Layer{{Image: img}}, false) {
		if errors.Is(err, clustermap.ErrUnreadableGuest) {
			unreadable++
		} else if err == nil {
			runs++
		}
	}
	if unreadable != 1 || runs < 2 {
		t.Errorf("%d runs, %d of them unreadable", runs, unreadable)
	}
}

// TestPreallocated: an image that takes less space than it has clusters in use is asked
// for holes; one that takes as much is not.
func TestPreallocated(t *testing.T) {
	_, img := openRecipe(t, "healthy_v3")
	full := golden(t, []clustermap.Layer{{Image: img, Holes: holes{1 << 30}}}, false)
	thin := golden(t, []clustermap.Layer{{Image: img, Holes: holes{0}}}, false)
	if strings.Contains(full, "ZD") || !strings.Contains(thin, "PZD") {
		t.Errorf("stored whole:\n%sstored in part:\n%s", full, thin)
	}
}
