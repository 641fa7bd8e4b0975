//go:build !js

package differential

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// ourLimit is how long one check or repair of ours may take. It is far above what any image
// here needs, even on a busy machine: only a loop without end gets there.
const ourLimit = 2 * time.Minute

// exitNoCheck is qemu-img's exit code for what is not qcow2.
const exitNoCheck = 63

// verdict is what a plain check says.
type verdict struct {
	exit int
	// counts is nil where QEMU prints none.
	counts *testimages.Counts
	// why is what stopped the check, or a panic of ours.
	why    string
	broken bool // ours panicked or did not end
	report *check.Report
	img    *image.Image
}

func (v verdict) String() string {
	if v.counts == nil {
		return fmt.Sprintf("exit %d, no counts; %s", v.exit, v.why)
	}
	return fmt.Sprintf("exit %d %+v; %s", v.exit, *v.counts, v.why)
}

// ours checks the image in this process.
func ours(ctx context.Context, src source.Source) (v verdict) {
	ctx, cancel := context.WithTimeout(ctx, ourLimit)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			v = verdict{exit: -1, broken: true, why: fmt.Sprintf("panic: %v\n%s", p, debug.Stack())}
		}
	}()
	img, err := image.Open(ctx, src)
	if err != nil {
		var other *image.NotQcow2Error
		if errors.As(err, &other) {
			return verdict{exit: exitNoCheck, why: err.Error()}
		}
		return verdict{exit: 1, why: err.Error()}
	}
	rep, err := check.Run(ctx, img, check.Options{})
	if err != nil {
		return verdict{exit: 1, broken: ctx.Err() != nil, why: err.Error(), img: img}
	}
	return reported(img, rep)
}

// reported puts a report into QEMU's words.
func reported(img *image.Image, rep *check.Report) verdict {
	v := verdict{exit: rep.ExitCode(), report: rep, img: img}
	for _, r := range img.Refusals {
		v.why += r.String() + "; "
	}
	if rep.Refused || rep.Aborted {
		return v
	}
	v.counts = &testimages.Counts{
		ImageEndOffset: rep.ImageEnd, TotalClusters: int64(rep.Total),
		AllocatedClusters: int64(rep.Stats.Allocated), FragmentedClusters: int64(rep.Stats.Fragmented),
		CompressedClusters: int64(rep.Stats.Compressed), Corruptions: int64(rep.Corruptions),
		Leaks: int64(rep.Leaks), CheckErrors: int64(rep.CheckErrors),
	}
	return v
}

// isVersion1 tells an image of the format before qcow2, which QEMU opens by another driver
// with rules of its own.
func isVersion1(image []byte) bool {
	return isQcow(image) && binary.BigEndian.Uint32(image[qcow2.OffVersion:]) == 1
}

func isQcow(image []byte) bool {
	return len(image) > qcow2.OffCryptMethod+4 && binary.BigEndian.Uint32(image) == qcow2.Magic
}

// cryptOf names the encryption that the header asks for, in the words of QEMU's options, ""
// where QEMU is to find out the format by itself.
func cryptOf(image []byte) string {
	if !isQcow(image) || binary.BigEndian.Uint32(image[qcow2.OffVersion:]) < 2 {
		return ""
	}
	switch binary.BigEndian.Uint32(image[qcow2.OffCryptMethod:]) {
	case qcow2.CryptAES:
		return "aes"
	case qcow2.CryptLUKS:
		return "luks"
	}
	return ""
}
