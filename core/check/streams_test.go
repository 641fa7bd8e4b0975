package check_test

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

//go:embed testdata/streams.golden
var streamsGolden string

func runDeep(t *testing.T, src source.Source) *check.Report {
	t.Helper()
	img, err := image.Open(context.Background(), src)
	if err != nil {
		t.Fatal(err)
	}
	rep, err := check.Run(context.Background(), img, check.Options{Deep: true})
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// streamFindings are what only a deep check finds, in words, and how many streams it saw.
func streamFindings(rep *check.Report, img *image.Image) string {
	var s strings.Builder
	if rep.Streams != nil && rep.Streams.Decoded > 0 {
		fmt.Fprintf(&s, "%d streams, %d broken\n", rep.Streams.Decoded, rep.Streams.Broken)
	}
	for _, code := range []check.Code{check.CompressedBroken, check.CompressedOverlap} {
		if g := rep.Group(code); g != nil {
			for _, f := range g.Findings[:min(len(g.Findings), shownFindings)] {
				fmt.Fprintf(&s, "  %v\n    %s\n    %s\n", f, f.What(img.Geo), f.Where(img.Geo))
			}
			if g.Places > shownFindings {
				fmt.Fprintf(&s, "  ... %d places of %s\n", g.Places, code)
			}
		}
	}
	return s.String()
}

// TestStreamsGolden holds what a deep check sees in each recipe that has compressed
// clusters, and that it changes nothing else of the report.
func TestStreamsGolden(t *testing.T) {
	holdGolden(t, "streams.golden", streamsGolden, func(name string) (string, bool) {
		src := build(t, name)
		img, err := image.Open(context.Background(), src)
		if err != nil {
			return "", false
		}
		deep, plain := runDeep(t, src), run(t, src)
		sameButStreams(t, name, deep, plain)
		got := streamFindings(deep, img)
		if strings.HasPrefix(name, "healthy_") && strings.Contains(got, "  ") {
			t.Errorf("%s is healthy, but\n%s", name, got)
		}
		return got, got != ""
	})
}

func sameButStreams(t *testing.T, name string, deep, plain *check.Report) {
	t.Helper()
	var others []check.Group
	for _, g := range deep.Groups {
		if g.Code != check.CompressedBroken && g.Code != check.CompressedOverlap {
			others = append(others, g)
		}
	}
	if !reflect.DeepEqual(others, plain.Groups) || deep.ExitCode() != plain.ExitCode() || deep.Corruptions != plain.Corruptions ||
		deep.Leaks != plain.Leaks || deep.CheckErrors != plain.CheckErrors {
		t.Errorf("%s: the deep check differs in more than streams", name)
	}
	if plain.Streams != nil {
		t.Errorf("%s: a plain check decoded %+v", name, plain.Streams)
	}
}

// TestBrokenStreamsAreUnreadable: where a stream of the active layer is broken, QEMU cannot
// read the disk.
func TestBrokenStreamsAreUnreadable(t *testing.T) {
	unreadable := 0
	for _, name := range testimages.Names() {
		golden, err := testimages.GoldenFor(name)
		if err != nil {
			t.Fatal(err)
		}
		src := build(t, name)
		if _, err := image.Open(context.Background(), src); err != nil {
			continue
		}
		g := runDeep(t, src).Group(check.CompressedBroken)
		if g == nil || g.Findings[0].At.Root != 0 || golden.Check.Guest == testimages.Uncompared {
			continue
		}
		if unreadable++; golden.Check.Guest != testimages.Unreadable {
			t.Errorf("%s: %v, but QEMU reads the disk", name, g.Findings[0])
		}
	}
	if unreadable < 3 {
		t.Errorf("only %d recipes have a broken stream", unreadable)
	}
}

// made builds an image from a recipe's text.
func made(t *testing.T, recipe string) source.Bytes {
	t.Helper()
	return testimages.MakeLines(t, recipe).Image
}

const sharedStream = "image version=3 size=1M cluster=64K\nwrite guest=0 len=64K fill=0x11\ncompress guest=64K len=128K fill=0x22\nsnapshot name=one\n"

// TestStreamOfSeveralLayers: a stream that layers share is told of once, for the active
// one; one that only snapshots have, for the first of them.
func TestStreamOfSeveralLayers(t *testing.T) {
	const noise = "fill bytes[snapshot_l2[0][0][1] & 0xffffff] len=150 with=random seed=8\n"
	for recipe, root := range map[string]int{
		sharedStream + noise:                         0,
		sharedStream + "snapshot name=two\n" + noise: 0,
		// The active layer has a table of its own, with the same entry.
		sharedStream + "write guest=0 len=64K fill=0x33\n" + noise:                                                       0,
		sharedStream + "write guest=64K len=64K fill=0x33\n" + noise:                                                     1,
		sharedStream + "write guest=0 len=64K fill=0x33\nsnapshot name=two\nwrite guest=64K len=64K fill=0x33\n" + noise: 1,
	} {
		rep := runDeep(t, made(t, recipe))
		g := rep.Group(check.CompressedBroken)
		if g == nil || g.Places != 1 || rep.Streams.Decoded != 2 || rep.Streams.Broken != 1 || rep.Group(check.CompressedOverlap) != nil {
			t.Errorf("%q: %+v, %+v", recipe, rep.Streams, g)
			continue
		}
		if f := g.Findings[0]; f.At.Root != root || f.Guest.Start != 64<<10 || f.Guest.Len != 64<<10 {
			t.Errorf("%q: %v of root %d, want %d", recipe, f, f.At.Root, root)
		}
	}
}

// TestOverlappingStreams: a stream that begins inside another, and one that several places
// of the disk have.
func TestOverlappingStreams(t *testing.T) {
	const base = "image version=3 size=1M cluster=64K\nwrite guest=0 len=64K fill=0x11\ncompress guest=64K len=192K fill=0x22\n"
	for damage, count := range map[string]int{
		"":                            0,
		"set l2[0][2] = l2[0][1]":     1,
		"set l2[0][2] = l2[0][1] + 8": 1,
		"set l2[0][2] = l2[0][1]\nset l2[0][3] = l2[0][1]": 2,
		// With a sector more it is the same stream still.
		"set l2[0][2] = l2[0][1] + (1<<54)": 1,
	} {
		rep := runDeep(t, made(t, base+damage))
		places := 0
		if g := rep.Group(check.CompressedOverlap); g != nil {
			places = g.Places
		}
		if places != count {
			t.Errorf("%q: %d overlaps, want %d", damage, places, count)
		}
	}
}

func TestUnreadableStream(t *testing.T) {
	src := made(t, "image version=3 size=1M cluster=4K\ncompress guest=0 len=1M fill=0x22\n")
	whole := runDeep(t, src)
	faulty := source.Faulty{Source: src, BadOff: int64(len(src)) - 4096, BadLen: 1}
	rep := runDeep(t, faulty)
	g := rep.Group(check.CompressedBroken)
	if g == nil || g.Places == 0 || g.Places > 2 || rep.Streams.Decoded != whole.Streams.Decoded {
		t.Fatalf("%+v of %+v, %v", rep.Streams, whole.Streams, g)
	}
	if !errors.Is(g.Findings[0].Err, source.ErrFaulty) || !errors.Is(rep.Incomplete, source.ErrFaulty) || rep.ExitCode() != 0 {
		t.Errorf("%v, incomplete %v, exit %d", g.Findings[0], rep.Incomplete, rep.ExitCode())
	}
}

func TestDeepCheckIsCancelled(t *testing.T) {
	img, err := image.Open(context.Background(), made(t, "image version=3 size=1M cluster=4K\ncompress guest=0 len=1M fill=0x22\n"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	_, err = check.Run(ctx, img, check.Options{Deep: true, Progress: func(p check.Phase, _, _ int64, _ int) {
		if p == check.PhaseStreams {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled in the last phase: %v", err)
	}
}

// TestNothingToDecode: with a data file, or without a known compression, a deep check is a
// plain one.
func TestNothingToDecode(t *testing.T) {
	for _, name := range []string{"healthy_data_file", "compressed_with_data_file", "compression_type_unknown"} {
		if rep := runDeep(t, build(t, name)); rep.Streams != nil {
			t.Errorf("%s: %+v", name, rep.Streams)
		}
	}
}
