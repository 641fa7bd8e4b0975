//go:build !js

package differential

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"qcowscope/core/repair"
	"qcowscope/core/source"
)

// Repairs counts how repairs went.
type Repairs struct {
	// Outcomes by scope and what both exited with afterwards, and who kept more.
	Outcomes map[string]int
	// Worse are the kinds in which ours was worse than QEMU's, or broke its word.
	Worse map[string]*Worse
}

// Worse is one kind of repair in which QEMU did better.
type Worse struct {
	Times   int
	Example string // with all that is needed to see it again
	Reason  string // why that is accepted, "" if it is not
}

// Unexplained are the kinds that no accepted deviation explains, the most frequent first.
func (r *Repairs) Unexplained() []string {
	var kinds []string
	for kind, w := range r.Worse {
		if w.Reason == "" {
			kinds = append(kinds, kind)
		}
	}
	slices.SortFunc(kinds, func(a, b string) int { return r.Worse[b].Times - r.Worse[a].Times })
	return kinds
}

// String is the table for people.
func (r *Repairs) String() string {
	var s strings.Builder
	fmt.Fprintln(&s, "repairs (exit codes of QEMU's check afterwards)")
	for _, name := range slices.Sorted(maps.Keys(r.Outcomes)) {
		fmt.Fprintf(&s, "  %-60s %6d\n", name, r.Outcomes[name])
	}
	fmt.Fprintln(&s, "\nworse than QEMU")
	for _, kind := range slices.Sorted(maps.Keys(r.Worse)) {
		w := r.Worse[kind]
		fmt.Fprintf(&s, "  %6d %s", w.Times, kind)
		if w.Reason != "" {
			fmt.Fprintf(&s, " (accepted: %s)", w.Reason)
		}
		fmt.Fprintln(&s)
	}
	return s.String()
}

// repairs mends one damaged image in both scopes.
func (c *campaign) repairs(ctx context.Context, b *Base, i int, ms []mutation, v verdict, dir string) error {
	if v.report == nil {
		return nil
	}
	s := newStates(b, filepath.Join(dir, "repairs"))
	for _, scope := range []repair.Scope{repair.Leaks, repair.All} {
		m, err := b.mend(ctx, damage(b.Image, ms), v, scope, s)
		if err != nil {
			return err
		}
		c.noteOutcome(m)
		for _, d := range m.worse {
			if err := c.noteWorse(ctx, b, i, ms, m, d, dir); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *campaign) noteOutcome(m mending) {
	if m.broken != "" {
		return
	}
	kept := "the same kept"
	switch {
	case m.ours.kept.lessThan(m.qemu.kept):
		kept = "QEMU kept more"
	case m.qemu.kept.lessThan(m.ours.kept):
		kept = "ours kept more"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.res.Repairs.Outcomes[fmt.Sprintf("%s: ours exits %d, QEMU's %d, %s", m.scope, m.ours.check.Exit, m.qemu.check.Exit, kept)]++
}

// noteWorse drops the mutations that a deviation does not need and keeps what is left.
func (c *campaign) noteWorse(ctx context.Context, b *Base, i int, ms []mutation, m mending, d deviation, dir string) error {
	fewer := b.minimise(ms, dir, func(image []byte, dir string) bool {
		got, about, err := b.remend(ctx, image, m.scope, d.way, dir)
		if err == nil && about != nil {
			m, d = got, *about
		}
		return err == nil && about != nil
	})
	if c.opt.Keep != "" {
		if _, err := b.place(filepath.Join(c.opt.Keep, fmt.Sprintf("%d-%d-%s", c.opt.Seed, i, m.scope)), damage(b.Image, fewer)); err != nil {
			return err
		}
	}
	switch anew := m.writtenAnew(b, fewer); {
	case anew != "" && endsByConsent(d):
		d.about = anew
	case d.about == "":
		d.about = damages(fewer)
	}
	kind := fmt.Sprintf("%s: %s: %s", m.scope, d.way, d.about)
	text := fmt.Sprintf("%s%s\n", c.story(b, i, fewer), &m)
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.res.Repairs.Worse[kind]
	if w == nil {
		w = &Worse{Example: text, Reason: acceptedReason(kind)}
		c.res.Repairs.Worse[kind] = w
	}
	if w.Times++; len(text) < len(w.Example) {
		w.Example = text
	}
	return nil
}

// damages names the fields that were damaged.
func damages(ms []mutation) string {
	var names []string
	for _, m := range ms {
		names = append(names, m.class)
	}
	slices.Sort(names)
	return strings.Join(names, " and ")
}

// remend repairs an image with fewer mutations and tells whether it deviates in the same way.
func (b *Base) remend(ctx context.Context, image []byte, scope repair.Scope, way, dir string) (mending, *deviation, error) {
	v := ours(ctx, source.Bytes(image))
	if v.report == nil {
		return mending{}, nil, nil
	}
	m, err := b.mend(ctx, image, v, scope, newStates(b, dir))
	if err != nil {
		return m, nil, err
	}
	for _, d := range m.worse {
		if d.way == way {
			return m, &d, nil
		}
	}
	return m, nil, nil
}
