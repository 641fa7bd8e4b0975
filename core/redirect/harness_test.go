package redirect_test

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/redirect"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

var (
	ctx = context.Background()
	be  = binary.BigEndian
)

// planned is a plan for an image, and what it makes of it.
type planned struct {
	name   string
	built  *testimages.Built // nil when the image is not from a recipe
	src    source.Bytes
	img    *image.Image
	before *check.Report
	plan   *patch.Plan
}

// kind is a source of plans. Adding one here has it redirected and crashed.
type kind struct {
	name string
	// floor is how many crash states the full run must see of the kind.
	floor int
	// short is the same of the native short run; 0 is the share of floor.
	short int
	all   bool // costs too much to make for only a part to be used
	plans func(t *testing.T, each func(planned))
}

// least is how many crash states this run must see of the kind.
func (k kind) least() int {
	floor := k.floor
	if share() > 1 && k.short > 0 {
		floor = 20 * k.short
	}
	if share() > 20 {
		floor /= 2 // of so few plans some have hardly a state
	}
	return floor / share()
}

// full tells whether everything is to be run.
func full() bool { return os.Getenv("QCOWSCOPE_FULL") != "" }

// share is how much less is done than in the full run.
func share() int {
	switch {
	case runtime.GOOS == "js":
		return 100
	case full():
		return 1
	}
	return 20
}

// statesEach is how many crash states of one plan are looked at.
func statesEach() int {
	if full() {
		return 120
	}
	return 40
}

func open(t testing.TB, src source.Source) *image.Image {
	t.Helper()
	img, err := image.Open(ctx, src)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func examine(t testing.TB, img *image.Image) *check.Report {
	t.Helper()
	rep, err := check.Run(ctx, img, check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// Of so many recipes one is visited natively and under js: of what is made for all of them
// only few plans would be looked at, and already making the plans takes long.
const (
	shortEach = 4
	jsEach    = 5
)

// eachImage visits the recipes that open, or a share of them.
func eachImage(t *testing.T, visit func(b *testimages.Built, p planned)) {
	t.Helper()
	opened, each := 0, testimages.Each(shortEach, jsEach)
	for i, name := range testimages.Names() {
		if !testimages.Taken(t.Name(), i, each) {
			continue
		}
		b := testimages.Make(t, name)
		img, err := image.Open(ctx, source.Bytes(b.Image))
		if err != nil {
			continue
		}
		opened++
		visit(b, planned{name: name, built: b, src: b.Image, img: img, before: examine(t, img)})
	}
	if opened < 180/each {
		t.Errorf("only %d recipes opened", opened)
	}
}

// with is the image with a plan, under a name.
func (p planned) with(name string, plan *patch.Plan) planned {
	p.name, p.plan = p.name+", "+name, plan
	return p
}

// content is all bytes of a file with a plan applied.
func content(t testing.TB, src source.Source, plan *patch.Plan) source.Bytes {
	t.Helper()
	over := patch.NewOverlay(src)
	if err := over.Apply(plan); err != nil {
		t.Fatal(err)
	}
	all := make(source.Bytes, over.Size())
	if err := source.ReadFull(over, all, 0); err != nil {
		t.Fatal(err)
	}
	return all
}

// redirected redirects the plan; nil when it says why it cannot.
func (p planned) redirected(t testing.TB) *redirect.Result {
	t.Helper()
	res, err := redirect.Plan(ctx, p.img, p.before, p.plan, redirect.Options{})
	if errors.Is(err, redirect.ErrCannot) {
		t.Logf("%s: %v", p.name, err)
		return nil
	}
	if err != nil {
		t.Fatalf("%s: %v\n%v", p.name, err, p.plan)
	}
	return res
}
