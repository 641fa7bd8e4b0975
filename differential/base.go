//go:build !js

package differential

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"qcowscope/core/qcow2"
	"qcowscope/testimages"
	"qcowscope/testimages/qemu"
)

// Base is a healthy image that QEMU made, with what it takes to damage it.
type Base struct {
	Name     string
	Commands []string // that made it
	// Image is the file; Side are the files that lie beside it.
	Image      []byte
	Side       map[string][]byte
	Encryption string
	geo        qcow2.Geometry
	fields     map[string][]field // by group
	tables     []table
	snapshots  []string
	layers     []layer // what the guest reads, the active layer first
}

// draws is how often a base is drawn until QEMU finds its own work healthy.
const draws = 8

// errUnhealthy is the error of a base in which QEMU itself finds fault.
var errUnhealthy = errors.New("a base is not healthy")

// newBases makes n bases, two at a time. Of those that QEMU left unhealthy, and that others
// were drawn for, it tells how they came about.
func newBases(ctx context.Context, seed uint64, n int, dir string) (bases []*Base, redrawn []string, err error) {
	bases, errs, unhealthy := make([]*Base, n), make([]error, n), make([][]string, n)
	inParallel(n, func(i int) {
		bases[i], unhealthy[i], errs[i] = drawBase(ctx, seed, i, filepath.Join(dir, fmt.Sprintf("base-%d", i)))
	})
	for i, err := range errs {
		if err != nil {
			return nil, nil, fmt.Errorf("differential: base %d: %w", i, err)
		}
		redrawn = append(redrawn, unhealthy[i]...)
	}
	return bases, redrawn, nil
}

// drawBase draws base i until it is healthy: QEMU's own bugs make an unhealthy one now and then.
func drawBase(ctx context.Context, seed uint64, i int, dir string) (b *Base, unhealthy []string, err error) {
	for draw := range uint64(draws) {
		noise := rand.New(rand.NewPCG(seed, draw<<48+uint64(i)))
		b, err = newBase(ctx, newShape(noise, i), noise, i, dir)
		if !errors.Is(err, errUnhealthy) {
			break
		}
		unhealthy = append(unhealthy, fmt.Sprintf("draw %d: %v", draw+1, err))
	}
	return b, unhealthy, err
}

// inParallel calls work for 0 to n-1 in two lanes.
func inParallel(n int, work func(i int)) {
	const lanes = 2
	var wait sync.WaitGroup
	next := make(chan int)
	for range lanes {
		wait.Go(func() {
			for i := range next {
				work(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wait.Wait()
}

func newBase(ctx context.Context, s shape, noise *rand.Rand, n int, dir string) (*Base, error) {
	b := &Base{Name: fmt.Sprintf("%d: v%d %s cluster 2^%d refcount %d", n, s.version, s.feature, s.clusterBits, s.width), Side: map[string][]byte{}}
	if s.feature.encrypted() {
		b.Encryption = s.feature.String()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := b.prepare(s, noise, dir); err != nil {
		return nil, err
	}
	for _, c := range newRecipe(s, noise) {
		if err := b.cook(ctx, c, dir); err != nil {
			return nil, err
		}
	}
	if err := b.load(dir); err != nil {
		return nil, err
	}
	if err := b.findFields(ctx); err != nil {
		return nil, err
	}
	return b, b.mustBeHealthy(ctx, dir)
}

// prepare writes the raw files that the commands start from.
func (b *Base) prepare(s shape, noise *rand.Rand, dir string) error {
	name := map[feature]string{converted: "source.raw", backingRaw: "base.raw"}[s.feature]
	if name == "" {
		return nil
	}
	raw := make([]byte, s.size/512*512)
	for off := 0; off < len(raw); off += 2048 {
		part := raw[off:min(off+2048, len(raw))]
		switch noise.IntN(4) {
		case 0: // stays zero
		case 1:
			for i := range part {
				part[i] = byte(noise.Uint32())
			}
		default:
			copy(part, bytes.Repeat([]byte{byte(noise.Uint32()), byte(off >> 11)}, len(part)/2))
		}
	}
	b.Commands = append(b.Commands, fmt.Sprintf("# %s is %d bytes of zeros, noise and patterns", name, len(raw)))
	return os.WriteFile(filepath.Join(dir, name), raw, 0o644)
}

// cook runs one command. What may fail and does leaves the image as it was.
func (b *Base) cook(ctx context.Context, c command, dir string) error {
	image := filepath.Join(dir, imageFile)
	var before []byte
	if c.mayFail {
		var err error
		if before, err = os.ReadFile(image); err != nil {
			return err
		}
	}
	out, err := c.run(ctx, dir)
	if err != nil && !c.mayFail && !c.dies {
		// On a busy machine QEMU cannot measure how fast it derives a LUKS key.
		out, err = c.run(ctx, dir)
	}
	switch {
	case err == nil, c.dies && ctx.Err() == nil:
		b.Commands = append(b.Commands, c.String())
		return nil
	case c.mayFail:
		return os.WriteFile(image, before, 0o644)
	}
	return fmt.Errorf("%s: %w\n%s", c, err, out)
}

func (c command) run(ctx context.Context, dir string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Dir = dir
	return cmd.CombinedOutput()
}

// load reads the files that the commands left.
func (b *Base) load(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		if e.Name() == imageFile {
			b.Image = data
		} else if e.Name() != "source.raw" {
			b.Side[e.Name()] = data
		}
	}
	return nil
}

// place writes the image, changed, and what lies beside it to a folder.
func (b *Base) place(dir string, image []byte) (qemu.Image, error) {
	built := testimages.Built{Image: image, Side: b.Side}
	if built.Encryption = cryptOf(image); built.Encryption != "" {
		built.Password = secret
	}
	return qemu.Place(dir, &built)
}

// mustBeHealthy holds QEMU to its own images, and reads what the guest reads of them.
func (b *Base) mustBeHealthy(ctx context.Context, dir string) error {
	img, err := b.place(filepath.Join(dir, "healthy"), b.Image)
	if err != nil {
		return err
	}
	run, err := qemu.Check(ctx, img, qemu.Plain)
	if err == nil && run.Exit != 0 {
		err = fmt.Errorf("%w: %s: exit %d %q", errUnhealthy, b.Name, run.Exit, run.Stderr)
	}
	if err != nil {
		return err
	}
	return b.readLayers(ctx, img)
}
