//go:build !js

package differential

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"

	"qcowscope/core/patch"
	"qcowscope/core/repair"
	"qcowscope/core/source"
	"qcowscope/testimages"
	"qcowscope/testimages/qemu"
)

// largestRepaired bounds a repaired file that is looked into: QEMU can make one of
// terabytes.
const largestRepaired = 256 << 20

// state is what an image is like: how QEMU's plain check judges it, and how many guest
// clusters read as they did before the damage.
type state struct {
	check testimages.Run
	kept  survival
}

func (s state) String() string {
	text := fmt.Sprintf("exit %d, %d guest clusters kept in %d layers", s.check.Exit, s.kept.clusters, s.kept.layers)
	if c := s.check.Counts; c != nil {
		text += fmt.Sprintf(", %d corruptions, %d leaks, %d errors", c.Corruptions, c.Leaks, c.CheckErrors)
	}
	return text
}

// mending is one damaged image, repaired by both.
type mending struct {
	scope               repair.Scope
	damaged, ours, qemu state
	plan                *repair.Outcome
	qemuRun             testimages.Run // of the repair itself
	// broken says what our repair promised and did not keep, "" if nothing.
	broken string
	// worse are the ways in which ours is worse than QEMU's.
	worse []deviation
}

// states looks at images, and remembers what it has seen of the one damaged image.
type states struct {
	b    *Base
	dir  string
	seen map[string]state
}

func newStates(b *Base, dir string) *states {
	return &states{b: b, dir: dir, seen: map[string]state{}}
}

// of judges an image file. A file that was seen before is not judged again.
func (s *states) of(ctx context.Context, image []byte) (state, error) {
	if got, ok := s.seen[string(image)]; ok {
		return got, nil
	}
	img, err := s.b.place(filepath.Join(s.dir, fmt.Sprint(len(s.seen))), image)
	if err != nil {
		return state{}, err
	}
	got, err := s.b.look(ctx, img)
	s.seen[string(image)] = got
	return got, err
}

// look judges an image in its place.
func (b *Base) look(ctx context.Context, img qemu.Image) (got state, err error) {
	limited, cancel := context.WithTimeout(ctx, qemuLimit)
	defer cancel()
	if got.check, err = qemu.Check(limited, img, qemu.Plain); err != nil {
		return got, err
	}
	got.kept, err = b.survives(ctx, img)
	return got, err
}

// mend repairs a damaged image, of which we have a report, by both in one scope.
func (b *Base) mend(ctx context.Context, damaged []byte, v verdict, scope repair.Scope, s *states) (m mending, err error) {
	m.scope = scope
	if m.damaged, err = s.of(ctx, damaged); err != nil {
		return m, err
	}
	var repaired []byte
	repaired, m.plan, m.broken = mendOurs(ctx, source.Bytes(damaged), v, repair.Options{Scope: scope})
	if m.broken == "" {
		m.broken = redirected(ctx, source.Bytes(damaged), v, m.plan)
	}
	if m.broken != "" {
		m.worse = m.compare()
		return m, nil
	}
	if m.ours, err = s.of(ctx, repaired); err != nil {
		return m, err
	}
	if _, m.broken = judge(repaired, reported(v.img, m.plan.After), m.ours.check); m.broken != "" {
		m.broken = fmt.Sprintf("our check after the repair: %s\nours %s", m.broken, reported(v.img, m.plan.After))
	}
	if err := b.mendByQEMU(ctx, damaged, &m, s); err != nil {
		return m, err
	}
	m.worse = m.compare()
	return m, b.afterConsent(ctx, damaged, v, &m, s)
}

// mendOurs plans a repair and applies it to a copy. It says what was promised and not kept.
func mendOurs(ctx context.Context, src source.Bytes, v verdict, opt repair.Options) (repaired []byte, out *repair.Outcome, broken string) {
	ctx, cancel := context.WithTimeout(ctx, ourLimit)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			broken = fmt.Sprintf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	out, err := repair.Plan(ctx, v.img, v.report, opt)
	if err != nil {
		return nil, nil, "no plan: " + err.Error()
	}
	if out.Plan.SizeAfter > largestRepaired {
		return nil, out, fmt.Sprintf("the plan makes the file %d bytes long", out.Plan.SizeAfter)
	}
	over := patch.NewOverlay(src)
	if repaired, err = applied(over, out.Plan); err != nil {
		return nil, out, "the plan cannot be applied: " + err.Error()
	}
	undo, err := out.Plan.Undo(src)
	if err != nil {
		return nil, out, "no undo: " + err.Error()
	}
	if back, err := applied(over, undo); err != nil || !bytes.Equal(back, src) {
		return nil, out, fmt.Sprintf("undo does not give the original: %v", err)
	}
	return repaired, out, ""
}

// applied is the whole file with one more plan applied.
func applied(over *patch.Overlay, p *patch.Plan) ([]byte, error) {
	if err := over.Apply(p); err != nil {
		return nil, err
	}
	file := make([]byte, over.Size())
	return file, source.ReadFull(over, file, 0)
}

// mendByQEMU runs qemu-img check -r on a copy.
func (b *Base) mendByQEMU(ctx context.Context, damaged []byte, m *mending, s *states) error {
	dir := filepath.Join(s.dir, "qemu-"+string(m.scope))
	img, err := b.place(dir, damaged)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	limited, cancel := context.WithTimeout(ctx, qemuLimit)
	defer cancel()
	if m.qemuRun, err = qemu.Check(limited, img, qemu.Mode(m.scope)); err != nil {
		return err
	}
	file := filepath.Join(dir, img.File)
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("qemu-img removed %s", file)
	case err != nil:
		return err
	case info.Size() > largestRepaired:
		m.qemu, err = b.look(ctx, img)
		return err
	}
	repaired, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	m.qemu, err = s.of(ctx, repaired)
	return err
}
