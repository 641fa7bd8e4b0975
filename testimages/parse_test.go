package testimages

import (
	"strings"
	"testing"
)

const soundRecipe = `# A story.
image version=3 size=1M cluster=64K
write guest=0 len=64K fill=0x11
`

func TestMistakesNameTheirLine(t *testing.T) {
	for _, c := range []struct{ name, source, want string }{
		{"unknown verb", soundRecipe + "wriet guest=0", `:4: unknown verb "wriet"`},
		{"unknown argument", soundRecipe + "write guest=0 len=64K fill=1 colour=2", `:4: unknown argument "colour"`},
		{"argument twice", soundRecipe + "write guest=0 guest=1 len=64K fill=1", ":4: guest given twice"},
		{"argument missing", soundRecipe + "write guest=0 len=64K", ":4: fill is missing"},
		{"flag with a value", soundRecipe + "zero guest=0 len=64K prealloc=1", ":4: prealloc: value missing or not wanted"},
		{"value missing", soundRecipe + "zero guest= len=64K", ":4: guest: value missing or not wanted"},
		{"unknown place", soundRecipe + "set l3[0] = 1", `:4: unknown place "l3"`},
		{"unknown field", soundRecipe + "set header.colour = 1", `:4: header has no field "colour"`},
		{"wrong number of indexes", soundRecipe + "set l2[0] = 1", ":4: l2 takes 2 indexes, not 1"},
		{"not a place", soundRecipe + "set 7 = 1", ":4: \"7 \" is not a place"},
		{"half an expression", soundRecipe + "set l1[0] = 1 +", ":4: an expression ends too early"},
		{"two expressions", soundRecipe + "set l1[0] = 1 2", `:4: unexpected "2"`},
		{"number too large", soundRecipe + "set l1[0] = 0x1ffffffffffffffff", ":4:"},
		{"hex expected", soundRecipe + "set bytes[0] = 0x12", ":4:"},
		{"guest use after damage", soundRecipe + "set l1[0] = 0\nwrite guest=0 len=64K fill=1", ":5: write after the image was damaged"},
		{"second image", soundRecipe + "image version=3 size=1M cluster=64K", ":4: image must be the first verb"},
		{"no image first", "# A story.\nwrite guest=0 len=64K fill=1", ":2: image must be the first verb"},
		{"no story", "image version=3 size=1M cluster=64K\nexpect leaks=0", "no story"},
		{"no expect", soundRecipe, "no expect line"},
	} {
		_, err := Parse("sour", c.source)
		if err == nil || !strings.Contains(err.Error(), "sour.recipe") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestMistakesThatOnlyTheImageShows(t *testing.T) {
	for _, c := range []struct{ name, verb, want string }{
		{"beyond the disk", "write guest=1M len=64K fill=1", "is not on the disk"},
		{"not in sectors", "write guest=1 len=64K fill=1", "not in units of 512"},
		{"fill too large", "write guest=0 len=64K fill=0x100", "fill must be one byte"},
		{"refcount too wide", "set refcount[0] = 0x10000", "does not fit in 16 bits"},
		{"no such refblock", "set refcount[40000] = 1", "no refblock covers"},
		{"no such table", "set l2[1][0] = 1", "no L2 table under L1 index 1"},
		{"no such entry", "set l2[0][8192] = 1", "8192 entries"},
		{"no such snapshot", "set snapshot[0].l1_size = 1", "there is no snapshot 0"},
		{"outside the file", "set bytes[eof] = 00", "outside the file"},
		{"fill outside the file", "fill bytes[eof-1] len=2 with=0", "outside the file"},
		{"too large", "grow clusters=2000", "beyond 64 MiB"},
		{"division by zero", "set l1[0] = 1/0", "division by zero"},
		{"subclusters of none", "set l2bitmap[0][0] = 1", "need extended_l2"},
	} {
		r, err := Parse("sour", soundRecipe+c.verb+"\nexpect leaks=0")
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if _, err := r.Build(); err == nil || !strings.Contains(err.Error(), "sour.recipe:4: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestExpressions(t *testing.T) {
	r, err := Parse("sound", soundRecipe+"expect leaks=0")
	if err != nil {
		t.Fatal(err)
	}
	built, err := r.Build()
	if err != nil {
		t.Fatal(err)
	}
	b := &builder{file: built.Image, cs: 64 << 10, l1: 3 << 16, l1Size: 1, l2Tables: map[int64]hostOff{0: 4 << 16}, opt: options{clusterBits: 16}}
	for source, want := range map[string]uint64{
		"1+2*3":                      7,
		"(1+2)*3":                    9,
		"10-2-3":                     5,
		"1<<4|1":                     17,
		"7&~2":                       5,
		"6^3":                        5,
		"2M/cluster":                 32,
		"copied|compressed":          3 << 62,
		"eof/cluster":                6,
		"value+1":                    42,
		"l2[0][0]":                   1<<63 | 5<<16,
		"offset(l2[0][0]) / cluster": 5,
		"l2[0][1-1] & 0xffff":        0,
		"header.cluster_bits":        16,
		"bytes[0] >> 32":             0x514649fb,
	} {
		e, err := parseExpr(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got, err := e.eval(b, 41); err != nil || got != want {
			t.Errorf("%s = %#x, %v; want %#x", source, got, err, want)
		}
	}
}

func TestExitFollowsFromCounts(t *testing.T) {
	for line, want := range map[string]Expect{
		"expect leaks=0":                      {},
		"expect leaks=2":                      {Leaks: 2, Exit: 3},
		"expect leaks=2 corruptions=1":        {Leaks: 2, Corruptions: 1, Exit: 2},
		"expect corruptions=1 check_errors=4": {Corruptions: 1, CheckErrors: 4, Exit: 1},
		"expect exit=63":                      {Exit: 63},
	} {
		r, err := Parse("sound", soundRecipe+line)
		if err != nil || r.Expect != want {
			t.Errorf("%s: %+v, %v; want %+v", line, r.Expect, err, want)
		}
	}
}

func TestBackingChainOfItselfEnds(t *testing.T) {
	r, err := Parse("endless", "# A story.\nimage version=3 size=1M cluster=64K backing=a format=qcow2 recipe=healthy_v3\nexpect leaks=0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.build(maxChain); err == nil {
		t.Error("a chain longer than allowed was built")
	}
}
