//go:build !js

package cow_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// disk is an image to be made by qemu-img for a random sequence.
type disk struct {
	kind          string
	cluster, size int64
	options       []string // of qemu-img create
	extended      bool
	backing       string // file beside it
	backingFormat string
	dataFile      string
	snapshots     bool
	compressed    bool
	lazy          bool
	steps         int
	longest       int64 // request, bytes
}

// kinds of images, each with its floor of sequences.
var kinds = []string{
	"plain", "extended", "version 2", "raw backing file", "qcow2 backing file", "metadata preallocated", "space preallocated",
	"compressed clusters", "data file", "raw data file", "lazy refcounts", "snapshots", "extended with snapshots", "version 2 with snapshots",
	"growing refcount structures",
}

// drawDisk draws what the kind leaves open: cluster size, refcount width, size.
func drawDisk(kind string, rng *rand.Rand) disk {
	d := disk{kind: kind, steps: 24}
	v2 := strings.HasPrefix(kind, "version 2")
	d.extended = strings.HasPrefix(kind, "extended") || !v2 && kind != "plain" && kind != "snapshots" && rng.IntN(2) == 0
	d.snapshots = strings.HasSuffix(kind, "snapshots") || kind == "raw backing file" || kind == "compressed clusters"
	d.cluster = 512 << rng.IntN(9)
	if d.extended {
		d.cluster = 16384 << rng.IntN(3)
		d.options = append(d.options, "extended_l2=on")
	}
	if rng.IntN(24) == 0 {
		d.cluster = 1 << (20 + rng.IntN(2)) // few, large clusters
	}
	width := 1 << rng.IntN(7)
	if d.snapshots {
		width = 4 << rng.IntN(5) // one more reference for each snapshot
	}
	if kind == "compressed clusters" {
		width = 16 << rng.IntN(3) // a host cluster holds many streams, each counted by each snapshot
	}
	switch kind {
	case "version 2", "version 2 with snapshots":
		d.options = append(d.options, "compat=0.10")
	case "raw backing file":
		d.backing, d.backingFormat = "base.raw", "raw"
	case "qcow2 backing file":
		d.backing, d.backingFormat = "base.qcow2", "qcow2"
	case "metadata preallocated":
		d.options = append(d.options, "preallocation=metadata")
	case "space preallocated":
		d.options = append(d.options, "preallocation=falloc")
	case "compressed clusters":
		d.compressed = true
	case "data file", "raw data file":
		d.dataFile = "data.raw"
		d.options = append(d.options, "data_file=data.raw")
		if kind == "raw data file" {
			d.options = append(d.options, "data_file_raw=on")
		}
	case "lazy refcounts":
		d.lazy, d.steps = true, 8 // each step closes the image
		d.options = append(d.options, "lazy_refcounts=on")
	}
	if !v2 {
		d.options = append(d.options, fmt.Sprintf("refcount_bits=%d", width))
	}
	d.drawSize(rng)
	return d
}

func (d *disk) drawSize(rng *rand.Rand) {
	d.longest = d.cluster * 10
	clusters := 5 + rng.Int64N(min(200, max(1, 2<<20/d.cluster)))
	if d.cluster >= 1<<20 {
		clusters, d.steps = 3+rng.Int64N(3), 8
		d.longest = 2 * d.cluster
	}
	if d.kind == "growing refcount structures" && !d.extended {
		// One reftable cluster counts 4096 clusters of 512 bytes in 64 bits.
		d.cluster, d.steps, d.longest = 512, 40, 400<<10
		d.options = []string{fmt.Sprintf("refcount_bits=%d", 32<<rng.IntN(2))}
		clusters = 9000 + rng.Int64N(3000)
	}
	d.size = d.cluster*clusters - 512*rng.Int64N(2)
	d.options = append(d.options, fmt.Sprintf("cluster_size=%d", d.cluster))
}

// create makes the image, and a backing file with data, holes and zeros.
func (d *disk) create(t *testing.T, dir string, rng *rand.Rand) {
	args := []string{"create", "-q", "-f", "qcow2", "-o", strings.Join(d.options, ",")}
	if d.backing != "" {
		size := d.size - d.size/4 // it may be shorter
		if rng.IntN(3) == 0 {
			size = d.size + 65536 // or longer
		}
		writeBacking(t, dir, d, size&^511, rng)
		args = append(args, "-b", d.backing, "-F", d.backingFormat)
	}
	run(t, dir, "qemu-img", append(args, "image.qcow2", fmt.Sprint(d.size))...)
}

// holeGrain is what file systems make holes in.
const holeGrain = 64 << 10

func writeBacking(t *testing.T, dir string, d *disk, size int64, rng *rand.Rand) {
	run(t, dir, "qemu-img", "create", "-q", "-f", d.backingFormat, d.backing, fmt.Sprint(size))
	args := []string{"-f", d.backingFormat}
	for off := int64(0); off < size; off += holeGrain {
		n := min(holeGrain, size-off)
		switch rng.IntN(3) {
		case 0:
			args = append(args, "-c", fmt.Sprintf("write -q -P %d %d %d", 0x80+rng.IntN(100), off, n))
		case 1:
			if d.backingFormat == "qcow2" {
				args = append(args, "-c", fmt.Sprintf("write -q -z %d %d", off, n))
			}
		}
	}
	run(t, dir, "qemu-io", append(args, d.backing)...)
	if _, err := os.Stat(filepath.Join(dir, d.backing)); err != nil {
		t.Fatal(err)
	}
}
