package redirect_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"qcowscope/core/amend"
	"qcowscope/core/check"
	"qcowscope/core/cow"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/repair"
	"qcowscope/testimages"
)

// outside are the kinds that need another program.
var outside []kind

// kinds are the plans that are redirected: those of the program itself, and others'.
func kinds() []kind {
	return append([]kind{
		{name: "repair", floor: 15_000, plans: repairs(repair.Leaks, repair.All)},
		{name: "rebuild", floor: 15_000, short: 600, plans: repairs(repair.Rebuild)},
		{name: "width", floor: 20_000, plans: widths},
		{name: "write", floor: 25_000, plans: writes},
		{name: "version", floor: 1_000, plans: versions},
	}, outside...)
}

// repairs are those of all recipes, with and without consent to everything.
func repairs(scopes ...repair.Scope) func(*testing.T, func(planned)) {
	everything := map[check.Code]bool{}
	for _, c := range check.Codes() {
		everything[c] = true
	}
	return func(t *testing.T, each func(planned)) {
		eachImage(t, func(_ *testimages.Built, p planned) {
			for _, scope := range scopes {
				// In one order, since a share of the plans is drawn by their numbers.
				for _, way := range []struct {
					name   string
					accept map[check.Code]bool
				}{{"", nil}, {" by consent", everything}} {
					if scope == repair.Leaks && way.accept != nil {
						continue
					}
					out, err := repair.Plan(ctx, p.img, p.before, repair.Options{Scope: scope, Accept: way.accept})
					if err != nil {
						t.Fatal(err)
					}
					if !out.Plan.Empty() {
						each(p.with(string(scope)+way.name, out.Plan))
					}
				}
			}
		})
	}
}

// widths are changes of the refcount width, placed directly and as QEMU does it.
func widths(t *testing.T, each func(planned)) {
	eachAged(t, func(_ *rand.Rand, p planned) {
		for bits := uint(1); bits <= 64; bits *= 2 {
			for _, like := range []bool{false, true} {
				change, err := amend.Width(ctx, p.img, p.before, amend.WidthOptions{Bits: bits, LikeQEMU: like})
				var blocked *amend.BlockedError
				var overflow *amend.OverflowError
				if errors.As(err, &blocked) || errors.As(err, &overflow) {
					continue
				}
				if err != nil {
					t.Fatalf("%s: %v", p.name, err)
				}
				if !change.Plan.Empty() {
					each(p.with(fmt.Sprintf("to %d bits, as QEMU %v", bits, like), change.Plan))
				}
			}
		}
	})
}

// versions are changes from version 2 to 3 and back, and lazy refcounts on and off.
func versions(t *testing.T, each func(planned)) {
	eachImage(t, func(_ *testimages.Built, p planned) {
		makers := map[string]func() (*amend.Change, error){
			"to version 2": func() (*amend.Change, error) { return amend.Version(ctx, p.img, p.before, 2) },
			"to version 3": func() (*amend.Change, error) { return amend.Version(ctx, p.img, p.before, 3) },
			"lazy":         func() (*amend.Change, error) { return amend.LazyRefcounts(ctx, p.img, true) },
			"not lazy":     func() (*amend.Change, error) { return amend.LazyRefcounts(ctx, p.img, false) },
		}
		for _, name := range []string{"to version 2", "to version 3", "lazy", "not lazy"} {
			change, err := makers[name]()
			var blocked *amend.BlockedError
			if errors.As(err, &blocked) {
				continue
			}
			if err != nil {
				t.Fatalf("%s, %s: %v", p.name, name, err)
			}
			if !change.Plan.Empty() {
				each(p.with(name, change.Plan))
			}
		}
	})
}

// writes are requests of a guest, at random places of images that have seen some already.
func writes(t *testing.T, each func(planned)) {
	eachAged(t, func(r *rand.Rand, p planned) {
		for n := range 6 {
			if plan, of := p.write(t, r); plan != nil {
				each(p.with(fmt.Sprintf("request %d, %v", n, of), plan))
			}
		}
	})
}

// write is the plan of a random request, nil when it changes nothing of the image file or
// needs bytes of a file beside it.
func (p planned) write(t *testing.T, r *rand.Rand) (*patch.Plan, cow.Request) {
	t.Helper()
	w, err := cow.Open(ctx, p.img, cow.Options{})
	if err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	o, err := w.Plan(ctx, request(r, p))
	if err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	plans, err := o.Plans(ctx)
	if err != nil || plans.Image.Empty() {
		return nil, o.Request
	}
	return plans.Image, o.Request
}

// eachAged visits healthy recipes as they are, and after random requests of a guest.
func eachAged(t *testing.T, visit func(r *rand.Rand, p planned)) {
	t.Helper()
	eachImage(t, func(b *testimages.Built, p planned) {
		if !strings.HasPrefix(p.name, "healthy_") || b.Encryption != "" {
			return
		}
		r := rand.New(rand.NewPCG(uint64(len(b.Image)), 5))
		visit(r, p)
		for age := range ages() {
			for range 4 {
				if plan, _ := p.write(t, r); plan != nil {
					p.src = content(t, p.src, plan)
					p.img = open(t, p.src)
					p.before = examine(t, p.img)
				}
			}
			p.name = fmt.Sprintf("%s aged %d", b.Recipe.Name, age)
			visit(r, p)
		}
	})
}

// request is a random one, often where something is mapped already.
func request(r *rand.Rand, p planned) cow.Request {
	size := int64(p.img.VirtualSize())
	cs := p.img.Geo.ClusterSize()
	var off int64
	if extents := p.built.Guest.Extents(); len(extents) > 0 && r.IntN(3) > 0 {
		e := extents[r.IntN(len(extents))]
		off = e.Off + r.Int64N(e.Len)
	} else {
		off = r.Int64N(size)
	}
	n := 1 + r.Int64N(3*cs)
	if r.IntN(3) == 0 {
		off, n = off&^(cs-1), cs
	}
	n = min(n, size-off)
	return cow.Request{Offset: qcow2.GuestOff(off), Length: n, Kind: cow.Kind(r.IntN(4) % 3), Unmap: r.IntN(2) == 0, Fill: byte(1 + r.IntN(255))}
}

// ages is how often an image is aged.
func ages() int {
	if full() {
		return 3
	}
	return 2
}
