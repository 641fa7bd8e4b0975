//go:build !js

package differential

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Options steer a run.
type Options struct {
	N     int    // mutated images
	Seed  uint64 // of bases and mutations
	Bases int    // how many are made; 0 means 64
	// Only is the number of the one image to look at, -1 for all.
	Only int
	// Repairs says that every nth image is also repaired, by us and by QEMU; 0 is none.
	Repairs int
	// Keep is a folder for the images that differ, "" to keep none.
	Keep string
}

const defaultBases = 64

// Result is what a run found.
type Result struct {
	Table
	// Differences are texts, each with all that is needed to see it again.
	Differences []string
	// Deaths are texts about the images that QEMU's check crashed on or did not end with.
	Deaths []string
	// Redrawn are texts about the bases in which QEMU found fault with its own work, so that
	// others took their places.
	Redrawn []string
	Repairs Repairs
}

type campaign struct {
	opt   Options
	dir   string
	bases []*Base
	mu    sync.Mutex
	res   Result
}

// Run compares opt.N damaged images, in two lanes.
func Run(ctx context.Context, opt Options) (*Result, error) {
	if opt.Bases == 0 {
		opt.Bases = defaultBases
	}
	dir, err := os.MkdirTemp(fastFolder(), "differential-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	c := &campaign{opt: opt, dir: dir}
	c.res = Result{Table: newTable(), Repairs: Repairs{Outcomes: map[string]int{}, Worse: map[string]*Worse{}}}
	if c.bases, c.res.Redrawn, err = newBases(ctx, opt.Seed, opt.Bases, dir); err != nil {
		return nil, err
	}
	for _, b := range c.bases {
		c.res.offer(b)
	}
	errs := make([]error, opt.N)
	inParallel(opt.N, func(i int) {
		if ctx.Err() == nil && (opt.Only < 0 || opt.Only == i) {
			errs[i] = c.image(ctx, i)
		}
	})
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("differential: image %d: %w", i, err)
		}
	}
	return &c.res, ctx.Err()
}

// fastFolder is memory where there is such a folder.
func fastFolder() string {
	const shm = "/dev/shm"
	if info, err := os.Stat(shm); err == nil && info.IsDir() {
		return shm
	}
	return ""
}

// image damages one base and compares.
func (c *campaign) image(ctx context.Context, i int) error {
	noise := rand.New(rand.NewPCG(c.opt.Seed, 1<<32+uint64(i)))
	b := c.bases[i%len(c.bases)]
	ms := b.draw(noise)
	dir := filepath.Join(c.dir, fmt.Sprint(i))
	defer os.RemoveAll(dir)
	got, err := b.compare(ctx, damage(b.Image, ms), dir)
	if err != nil {
		return err
	}
	text := ""
	if got.differs != "" {
		if text, err = c.describe(ctx, b, i, ms, dir); err != nil {
			return err
		}
	}
	if c.opt.Repairs > 0 && i%c.opt.Repairs == 0 {
		if err := c.repairs(ctx, b, i, ms, got.ours, dir); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.res.count(ms, got)
	if got.qemu.Killed != "" {
		c.res.Deaths = append(c.res.Deaths, fmt.Sprintf("QEMU: %s\n%s", got.qemu.Killed, c.story(b, i, ms)))
	}
	if text != "" {
		c.res.Differences = append(c.res.Differences, text)
	}
	return nil
}

// describe minimises a difference and puts it into words.
func (c *campaign) describe(ctx context.Context, b *Base, i int, ms []mutation, dir string) (string, error) {
	ms = b.minimise(ms, dir, func(image []byte, dir string) bool {
		got, err := b.compare(ctx, image, dir)
		return err == nil && got.differs != ""
	})
	got, err := b.compare(ctx, damage(b.Image, ms), filepath.Join(dir, "minimal"))
	if err != nil {
		return "", err
	}
	if c.opt.Keep != "" {
		if _, err := b.place(filepath.Join(c.opt.Keep, fmt.Sprintf("%d-%d", c.opt.Seed, i)), got.image); err != nil {
			return "", err
		}
	}
	var s strings.Builder
	fmt.Fprintf(&s, "%s\n%s", got.differs, c.story(b, i, ms))
	counts := "no counts"
	if got.qemu.Counts != nil {
		counts = fmt.Sprintf("%+v", *got.qemu.Counts)
	}
	fmt.Fprintf(&s, "ours %s\nqemu exit %d %s %s\n", got.ours, got.qemu.Exit, counts, got.qemu.Killed)
	for _, line := range got.qemu.Stderr {
		fmt.Fprintf(&s, "  | %s\n", line)
	}
	return s.String(), nil
}

// story is how the image came to be.
func (c *campaign) story(b *Base, i int, ms []mutation) string {
	var s strings.Builder
	fmt.Fprintf(&s, "seed %d image %d of base %s\n", c.opt.Seed, i, b.Name)
	for _, line := range b.Commands {
		fmt.Fprintf(&s, "  %s\n", line)
	}
	for _, m := range ms {
		fmt.Fprintf(&s, "mutation %s\n", m)
	}
	return s.String()
}
