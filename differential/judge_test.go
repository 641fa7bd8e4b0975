//go:build !js

package differential

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"qcowscope/core/check"
	"qcowscope/testimages"
)

func TestJudge(t *testing.T) {
	counts := testimages.Counts{ImageEndOffset: 4096, Leaks: 1}
	other := counts
	other.FragmentedClusters = 1
	sound := verdict{exit: 3, counts: &counts, report: &check.Report{Groups: []check.Group{{}}}}
	nothing := verdict{counts: &testimages.Counts{}, report: &check.Report{}}
	refused := verdict{exit: 1}
	for _, c := range []struct {
		what    string
		ours    verdict
		qemu    testimages.Run
		differs bool
	}{
		{"equal", sound, testimages.Run{Exit: 3, Counts: &counts}, false},
		{"another count", sound, testimages.Run{Exit: 3, Counts: &other}, true},
		{"another exit code", sound, testimages.Run{Exit: 2, Counts: &counts}, true},
		{"counts only from QEMU", refused, testimages.Run{Exit: 1, Counts: &counts}, true},
		{"both refuse", refused, testimages.Run{Exit: 1}, false},
		{"only QEMU refuses", sound, testimages.Run{Exit: 1, Stderr: []string{"qemu-img: Header extension too large"}}, true},
		{"the backing file is missing", sound, testimages.Run{Exit: 1, Stderr: []string{"qemu-img: Could not open backing file: no"}}, false},
		{"QEMU died, we find something", sound, testimages.Run{Exit: -1, Killed: "aborted"}, false},
		{"QEMU died, we find nothing", nothing, testimages.Run{Exit: -1, Killed: "aborted"}, true},
		{"we broke", verdict{broken: true, why: "panic"}, testimages.Run{Exit: 1}, true},
	} {
		if _, differs := judge(nil, c.ours, c.qemu); (differs != "") != c.differs {
			t.Errorf("%s: %q", c.what, differs)
		}
	}
}

func TestDamage(t *testing.T) {
	image := []byte("0123456789")
	for _, c := range []struct {
		ms   []mutation
		want string
	}{
		{[]mutation{{off: 2, bytes: []byte("ab"), size: -1}}, "01ab456789"},
		{[]mutation{{off: 9, bytes: []byte("ab"), size: -1}, {off: 40, bytes: []byte("c"), size: -1}}, "012345678a"},
		{[]mutation{{size: 3}, {off: 2, bytes: []byte("ab"), size: -1}}, "01a"},
		{[]mutation{{size: 12}}, "0123456789\x00\x00"},
	} {
		if got := damage(image, c.ms); string(got) != c.want {
			t.Errorf("%v: %q, want %q", c.ms, got, c.want)
		}
	}
	if string(image) != "0123456789" {
		t.Error("the healthy image was changed")
	}
}

func TestMinimise(t *testing.T) {
	b := &Base{Image: make([]byte, 8)}
	var ms []mutation
	for i := range int64(5) {
		ms = append(ms, mutation{off: i, bytes: []byte{1}, size: -1})
	}
	needed := func(image []byte, _ string) bool { return image[1] == 1 && image[3] == 1 }
	if got := b.minimise(ms, "", needed); len(got) != 2 || got[0].off != 1 || got[1].off != 3 {
		t.Errorf("%v", got)
	}
}

// TestDrawIsReproducible draws twice with one seed, and with another.
func TestDrawIsReproducible(t *testing.T) {
	b := &Base{Image: bytes.Repeat([]byte{7}, 4096), tables: []table{{"table.l1", 512, 512}}}
	b.geo.ClusterBits = 9
	b.fields = map[string][]field{
		"header": {{class: "header.size", off: 24, size: 8, sort: count}},
		"l1":     {{class: "l1.used", off: 512, size: 8, sort: entry}},
	}
	draw := func(seed uint64) []byte {
		var all []byte
		for i := range uint64(50) {
			all = append(all, damage(b.Image, b.draw(rand.New(rand.NewPCG(seed, i))))...)
		}
		return all
	}
	if !slices.Equal(draw(1), draw(1)) {
		t.Error("one seed gave two results")
	}
	if slices.Equal(draw(1), draw(2)) {
		t.Error("two seeds gave one result")
	}
}
