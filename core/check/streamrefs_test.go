package check

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"qcowscope/core/image"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// TestRoundsSeeTheSame: whether the entries fit the memory at once or in rounds, each
// stream is decoded once and the findings are the same, in the same order.
func TestRoundsSeeTheSame(t *testing.T) {
	var recipe strings.Builder
	recipe.WriteString("image version=3 size=1M cluster=4K\ncompress guest=0 len=640K fill=0x22\nsnapshot name=one\ncompress guest=4K len=40K fill=0x33\n")
	for i := range 20 {
		// Streams of other places, at the same place and a byte behind it, and noise.
		fmt.Fprintf(&recipe, "set l2[0][%d] = l2[0][%d]\nset l2[0][%d] = l2[0][%d] + 1\n", 20+i, 60+i%3, 100+i, 80+i)
	}
	recipe.WriteString("fill bytes[l2[0][50] & 0xffffff] len=300 with=random seed=3")
	b := testimages.MakeLines(t, recipe.String())
	img, err := image.Open(context.Background(), source.Bytes(b.Image))
	if err != nil {
		t.Fatal(err)
	}
	want, err := Run(context.Background(), img, Options{Deep: true})
	if err != nil {
		t.Fatal(err)
	}
	broken, overlap := want.Group(CompressedBroken), want.Group(CompressedOverlap)
	if broken == nil || overlap == nil || broken.Places < 20 || overlap.Places < 30 {
		t.Fatal("the recipe has too little wrong")
	}
	for _, room := range []int{100, 50, 2} {
		rep, err := Run(context.Background(), img, Options{Deep: true, streamRoom: room})
		if err != nil {
			t.Fatal(err)
		}
		if *rep.Streams != *want.Streams {
			t.Errorf("room %d: %+v, want %+v", room, rep.Streams, want.Streams)
		}
		// With so little room that one stream's places do not fit, some are not told.
		if room > 2 && !reflect.DeepEqual(rep.Groups, want.Groups) {
			t.Errorf("room %d: other findings", room)
		}
	}
}
