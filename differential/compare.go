//go:build !js

package differential

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"qcowscope/core/source"
	"qcowscope/testimages"
	"qcowscope/testimages/qemu"
)

// qemuLimit is how long QEMU may take for one image.
const qemuLimit = 10 * time.Second

// environment are QEMU's reasons to refuse an image that lie outside of it: another file,
// or a key. A check of the structure needs neither.
var environment = []struct{ says, why string }{
	{"Could not open backing file", "the backing file"},
	{"Could not open '" + imageFile + "': Could not open '", "the data file"},
	{"cannot unlock any keyslot", "the key slots' content"},
}

// outsideReason is the reason that QEMU gave, "" if it is in the image.
func outsideReason(run testimages.Run) string {
	said := strings.Join(run.Stderr, "\n")
	for _, e := range environment {
		if strings.Contains(said, e.says) {
			return e.why
		}
	}
	return ""
}

// comparison is one image checked by both.
type comparison struct {
	ours  verdict
	qemu  testimages.Run
	image []byte
	// differs says in what, "" if in nothing.
	differs string
	// outcome is the kind of comparison that was possible.
	outcome string
}

// compare checks an image in dir by both.
func (b *Base) compare(ctx context.Context, damaged []byte, dir string) (comparison, error) {
	c := comparison{image: damaged, ours: ours(ctx, source.Bytes(damaged))}
	img, err := b.place(dir, damaged)
	if err != nil {
		return c, err
	}
	limited, cancel := context.WithTimeout(ctx, qemuLimit)
	defer cancel()
	if c.qemu, err = qemu.Check(limited, img, qemu.Plain); err != nil {
		return c, err
	}
	c.outcome, c.differs = judge(damaged, c.ours, c.qemu)
	return c, nil
}

// judge holds our verdict against QEMU's.
func judge(image []byte, v verdict, q testimages.Run) (outcome, differs string) {
	switch {
	case v.broken:
		return "ours broke", v.why
	case q.Killed != "":
		if v.exit == 0 && len(v.report.Groups) == 0 {
			return "QEMU died", "QEMU died and we find nothing: " + q.Killed
		}
		return "QEMU died", ""
	case q.Counts == nil:
		return judgeRefusal(image, v, q)
	case v.counts == nil:
		return "counts", "QEMU has counts, we have none"
	case *v.counts != *q.Counts || v.exit != q.Exit:
		return "counts", "the counts or exit codes differ"
	}
	return "counts", ""
}

// judgeRefusal is about images of which QEMU prints no counts.
func judgeRefusal(image []byte, v verdict, q testimages.Run) (outcome, differs string) {
	if v.exit == q.Exit {
		return "refused", ""
	}
	if why := outsideReason(q); why != "" {
		return "refused for " + why, ""
	}
	if v.exit == exitNoCheck && isVersion1(image) {
		return "refused as qcow of version 1", ""
	}
	return "refused", fmt.Sprintf("QEMU refuses with exit %d, ours is %d", q.Exit, v.exit)
}

// minimise drops mutations one by one as long as the difference stays.
func (b *Base) minimise(ms []mutation, dir string, differs func(image []byte, dir string) bool) []mutation {
	for i := 0; i < len(ms) && len(ms) > 1; {
		fewer := append(append([]mutation(nil), ms[:i]...), ms[i+1:]...)
		if differs(damage(b.Image, fewer), filepath.Join(dir, fmt.Sprintf("fewer-%d-%d", len(ms), i))) {
			ms = fewer
		} else {
			i++
		}
	}
	return ms
}
