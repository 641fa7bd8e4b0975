package cow_test

import (
	"context"
	"fmt"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/cow"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
)

// stateImage is an image whose guest cluster at 64 KiB, or at 0, is in a state. Its
// subcluster 3 shows it; without extended L2 entries the whole cluster does.
type stateImage struct {
	name   string
	recipe string
	guest  int64 // offset of the cluster
	state  cow.State
	fill   byte // what a valid state reads
}

const subcluster3 = 3 * 2048

// stateImages are all states on all kinds of images.
func stateImages() (all []stateImage) {
	for _, k := range []struct {
		name, head string
		guest      int64
		g          qcow2.Geometry
		backing    byte
	}{
		{"extended", backedImage, 64 << 10, qcow2.Geometry{Version: 3, ClusterBits: 16, ExtendedL2: true}, 0x22},
		{"extended, data file", dataFileImage, 64 << 10, qcow2.Geometry{Version: 3, ClusterBits: 16, ExtendedL2: true, DataFile: true}, 0},
		{"extended, first cluster of a data file", dataFileImage, 0, qcow2.Geometry{Version: 3, ClusterBits: 16, ExtendedL2: true, DataFile: true}, 0},
		{"standard", "image version=3 size=1M cluster=64K backing=base.raw format=raw fill=0x22\n", 64 << 10, qcow2.Geometry{Version: 3, ClusterBits: 16}, 0x22},
		{"version 2", "image version=2 size=1M cluster=64K\n", 64 << 10, qcow2.Geometry{Version: 2, ClusterBits: 16}, 0},
	} {
		for _, s := range cow.States(k.g) {
			all = append(all, stateImage{k.name + ": " + s.Name, k.head + stateRecipe(k.g, k.guest, s), k.guest, s, stateFill(s, k.backing)})
		}
	}
	return all
}

func stateRecipe(g qcow2.Geometry, guest int64, s cow.State) string {
	i := guest >> g.ClusterBits
	entry, bitmap := "0", 0
	if s.Host {
		entry = "value | copied"
	}
	if s.Zero && !g.ExtendedL2 {
		entry += " | 1"
	}
	if s.Zero {
		bitmap |= 1 << 35
	}
	if s.Alloc {
		bitmap |= 1 << 3
	}
	text := fmt.Sprintf("write guest=%d len=64K fill=0x11\nset l2[0][%d] = %s\n", guest, i, entry)
	if g.ExtendedL2 {
		text += fmt.Sprintf("set l2bitmap[0][%d] = %d\n", i, bitmap)
	}
	return text
}

func stateFill(s cow.State, backing byte) byte {
	switch s.Kind {
	case qcow2.SubNormal:
		return 0x11
	case qcow2.SubUnallocated, qcow2.SubUnallocatedAlloc:
		return backing
	}
	return 0
}

// TestStates: every state is told from its entry, reads as it is said to, and a check finds
// what is said of it.
func TestStates(t *testing.T) {
	images := stateImages()
	if len(images) != 3*8+4+4 {
		t.Errorf("%d states", len(images))
	}
	for _, x := range images {
		t.Run(x.name, func(t *testing.T) {
			b := build(t, x.recipe)
			sub := make([]byte, 2048)
			r := image.NewGuestReader(context.Background(), b.img, b.img.L1, b.img.VirtualSize(), image.Outside{Backing: b.opt.Backing, Data: b.opt.Data})
			_, err := r.ReadAt(sub, x.guest+subcluster3)
			if (err == nil) != x.state.Valid() {
				t.Errorf("%s: reading it gives %v", x.state.Reads, err)
			}
			if err == nil && (sub[256] != x.fill || sub[511] != x.fill) { // after the label of a sector
				t.Errorf("%s: it reads %02x", x.state.Reads, sub[256])
			}
			judgeState(t, b, x)
		})
	}
}

// judgeState holds the findings of a check, and that a write stops or not.
func judgeState(t *testing.T, b built, x stateImage) {
	t.Helper()
	rep, err := check.Run(context.Background(), b.img, check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []check.Code{check.SubclusterAllocNoHost, check.SubclusterZeroAndAlloc, check.ZeroInVersion2} {
		if found := rep.Group(code) != nil; found != (code == x.state.Code) {
			t.Errorf("%s found: %v", code, found)
		}
	}
	o, err := b.writer(t).Plan(context.Background(), cow.Request{Offset: qcow2.GuestOff(x.guest + subcluster3), Length: 100, Fill: 1})
	if (err == nil) != x.state.Valid() {
		t.Fatalf("writing to it gives %v", err)
	}
	if err != nil {
		return
	}
	if got := cow.StateOf(b.img.Geo, o.Clusters[0].Before, 3); got != x.state {
		t.Errorf("its entry is taken for %q", got.Name)
	}
	if got := cow.StateOf(b.img.Geo, o.Clusters[0].After, 3); got.Kind != qcow2.SubNormal {
		t.Errorf("after a write it is %q", got.Name)
	}
}

// TestStatesInWords: every state says all that there is to say, invalid ones how to mend it.
func TestStatesInWords(t *testing.T) {
	for _, x := range stateImages() {
		s := x.state
		if s.Name == "" || s.Reads == "" || s.Meaning == "" {
			t.Errorf("%s: words are missing", x.name)
		}
		if s.Valid() != (s.Repair == "") || s.Valid() != (s.Code == "") {
			t.Errorf("%s: valid %v, repair %q, code %q", x.name, s.Valid(), s.Repair, s.Code)
		}
	}
	g := qcow2.Geometry{Version: 3, ClusterBits: 16, ExtendedL2: true}
	if s := cow.StateOf(g, qcow2.L2Entry{Entry: qcow2.FlagCompressed | 0x50000}, 3); s.Kind != qcow2.SubCompressed {
		t.Errorf("a compressed cluster is %q", s.Name)
	}
}
