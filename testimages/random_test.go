//go:build !js

package testimages_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"qcowscope/testimages"
	"qcowscope/testimages/qemu"
)

// Whatever a guest does, the builder's image is sound to QEMU and reads as the
// guest model says: every refcount width, cluster size and kind of entry.
func TestRandomHealthyImages(t *testing.T) {
	if err := qemu.Available(); err != nil {
		t.Fatal(err)
	}
	images := 28
	if os.Getenv("QCOWSCOPE_FULL") != "" {
		images = 210
	}
	for seed := range images {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			source, built := randomImage(t, seed)
			got, err := qemu.JudgeMode(context.Background(), built, t.TempDir(), qemu.Plain)
			if err != nil {
				t.Fatal(err)
			}
			sound := got.Exit == 0 && got.StderrLines == 0 && got.Guest == testimages.Intact
			for _, s := range got.Snapshots {
				sound = sound && s == testimages.Intact
			}
			if !sound {
				t.Errorf("%+v %+v\n%s", got, got.Counts, source)
			}
		})
	}
}

// disk is the shape of a random image.
type disk struct {
	cluster, size, grain int64
	head                 string
	v2, extended         bool
}

// randomDisk goes through all refcount widths and draws the rest.
func randomDisk(noise *rand.Rand, seed int) disk {
	d := disk{cluster: 512 << noise.IntN(9)}
	d.grain = d.cluster
	if seed%8 == 7 {
		d.v2 = true
		d.size = d.cluster * (20 + noise.Int64N(300))
		d.head = fmt.Sprintf("image version=2 size=%d cluster=%d\n", d.size, d.cluster)
		return d
	}
	d.head = fmt.Sprintf("refcount_bits=%d reftable_clusters=2", 1<<(seed%7))
	if noise.IntN(3) == 0 {
		d.extended = true
		d.cluster = 16384 << noise.IntN(4)
		d.grain = d.cluster / 32
		d.head += " extended_l2"
	}
	if noise.IntN(2) == 0 {
		d.head += " compression=zstd"
	}
	switch noise.IntN(8) {
	case 0:
		d.head += " encrypted=luks"
	case 1:
		d.head += " encrypted=aes"
	case 2:
		d.head += " data_file=data.raw"
	}
	if noise.IntN(4) == 0 {
		d.head += " backing=base.raw format=raw fill=0x5a"
	}
	d.size = d.cluster*(20+noise.Int64N(200)) - 512*noise.Int64N(2)
	d.head = fmt.Sprintf("image version=3 size=%d cluster=%d %s\n", d.size, d.cluster, d.head)
	return d
}

// verb draws one guest action.
func (d disk) verb(noise *rand.Rand, i int) string {
	place := func(grain int64) string {
		off := noise.Int64N(d.size/grain) * grain
		n := min((1+noise.Int64N(12))*grain, (d.size-off)/grain*grain)
		return fmt.Sprintf("guest=%d len=%d", off, n)
	}
	switch noise.IntN(8) {
	case 0, 1, 2:
		return fmt.Sprintf("write %s fill=%d\n", place(512<<noise.IntN(3)), noise.IntN(200))
	case 3, 4:
		return fmt.Sprintf("compress %s fill=%d\n", place(d.cluster), 1+noise.IntN(200))
	case 5:
		return fmt.Sprintf("zero %s%s\n", place(d.grain), []string{"", " prealloc"}[noise.IntN(2)])
	case 6:
		return fmt.Sprintf("discard %s\n", place(d.cluster))
	}
	return fmt.Sprintf("snapshot name=s%d\n", i)
}

// randomImage strings random verbs together and leaves out those that the image
// cannot do: zeroing in version 2, one more reference than a narrow refcount counts.
func randomImage(t *testing.T, seed int) (string, *testimages.Built) {
	noise := rand.New(rand.NewPCG(uint64(seed), 11))
	d := randomDisk(noise, seed)
	source := "# Random.\n" + d.head
	done := 0
	var last *testimages.Built
	for i := range 24 {
		v := d.verb(noise, i)
		r, err := testimages.Parse("random", source+v+"expect leaks=0")
		if err != nil {
			t.Fatalf("%v\n%s%s", err, source, v)
		}
		built, err := r.Build()
		if err != nil {
			refuse(t, err, source+v)
			continue
		}
		source, last = source+v, built
		done++
	}
	if done < 5 {
		t.Fatalf("only %d verbs worked:\n%s", done, source)
	}
	return source, last
}

// refuse fails the test unless the builder's reason is one of the known ones.
func refuse(t *testing.T, err error, source string) {
	for _, known := range []string{
		"does not fit in", "version 2 has no zero clusters", "would show the backing file",
		"part of a compressed cluster", "a data file cannot", "QEMU does not compress", "not in units", "does not get smaller",
	} {
		if strings.Contains(err.Error(), known) {
			return
		}
	}
	t.Fatalf("%v\n%s", err, source)
}
