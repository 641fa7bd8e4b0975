//go:build !js

package layers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"qcowscope/core/image"
	"qcowscope/core/layers"
	"qcowscope/core/qcow2"
	"qcowscope/testimages"
)

type guestRange = qcow2.Range[qcow2.GuestOff]

// dirtyRanges asks for pages of a few until there are no more, and joins neighbours.
func dirtyRanges(t *testing.T, img *image.Image, bitmap, most int) (all []guestRange) {
	t.Helper()
	for from, pages := qcow2.GuestOff(0), 0; from >= 0; pages++ {
		page, next, err := layers.DirtyRanges(context.Background(), img, bitmap, from, most)
		if err != nil || len(page) > most || next >= 0 && next <= from || pages > 1<<16 {
			t.Fatalf("page %d: %d ranges from %d, next %d, error %v", pages, len(page), from, next, err)
		}
		for _, r := range page {
			if n := len(all); n > 0 && all[n-1].End() == r.Start {
				all[n-1].Len += r.Len
			} else {
				all = append(all, r)
			}
		}
		from = next
	}
	return all
}

func scanned(t *testing.T, img *image.Image) []layers.Dirty {
	t.Helper()
	s := layers.NewBitmapScan(img)
	for !s.Done() {
		if err := s.Step(context.Background(), 1); err != nil {
			t.Fatal(err)
		}
	}
	return s.Found()
}

// agree: bytes, bits and strip say the same as the ranges.
func agree(t *testing.T, img *image.Image, bitmap int, d layers.Dirty, ranges []guestRange) {
	t.Helper()
	bytes, granule := int64(0), int64(1)<<img.Bitmaps[bitmap].GranularityBits
	bits := int64(0)
	for _, r := range ranges {
		bytes += int64(r.Len)
		bits += (int64(r.Len) + granule - 1) / granule
	}
	if d.Err != nil || d.Bytes != bytes || d.Bits != bits || len(d.Strip) != layers.StripCells {
		t.Errorf("the scan says %d bytes, %d bits, error %v; the ranges %d and %d", d.Bytes, d.Bits, d.Err, bytes, bits)
	}
	size := int64(img.VirtualSize())
	for c, v := range d.Strip {
		from, end := (int64(c)*size+layers.StripCells-1)/layers.StripCells, ((int64(c)+1)*size+layers.StripCells-1)/layers.StripCells
		dirty := int64(0)
		for _, r := range ranges {
			dirty += max(0, min(int64(r.End()), end)-max(int64(r.Start), from))
		}
		if (v > 0) != (dirty > 0) || (v == 255) != (dirty > 0 && dirty == end-from) && v != uint8(float64(dirty)/float64(end-from)*255) {
			t.Errorf("cell %d has %d, %d of %d bytes are dirty", c, v, dirty, end-from)
		}
	}
}

// TestBitmapsAgainstQEMU compares with what qemu-nbd exports of the bitmaps.
func TestBitmapsAgainstQEMU(t *testing.T) {
	for seed := range rounds() {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(uint64(seed), 11))
			path, names := bitmapImage(t, random)
			img, _ := open(t, path)
			found := scanned(t, img)
			for i, m := range img.Bitmaps {
				ours := dirtyRanges(t, img, i, 1+random.IntN(9))
				theirs := exported(t, path, string(m.Name))
				if !slices.Equal(ours, theirs) {
					t.Errorf("bitmap %s: %v, QEMU exports %v", m.Name, ours, theirs)
				}
				agree(t, img, i, found[i], ours)
			}
			if len(img.Bitmaps) != names {
				t.Errorf("%d bitmaps, made %d", len(img.Bitmaps), names)
			}
		})
	}
}

func bitmapImage(t *testing.T, random *rand.Rand) (path string, names int) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, "image.qcow2")
	size := 1<<20 + random.IntN(1<<13)*512
	tool(t, dir, "qemu-img", "create", "-f", "qcow2", "-o", fmt.Sprintf("cluster_size=%d", 512<<random.IntN(8)), path, strconv.Itoa(size))
	names = 1 + random.IntN(3)
	for n := range names {
		tool(t, dir, "qemu-img", "bitmap", "--add", "-g", strconv.Itoa(512<<random.IntN(9)), path, fmt.Sprint("b", n))
		for range random.IntN(12) {
			n := (1 + random.IntN(300)) * 512
			io(t, path, fmt.Sprintf("write -P 7 %d %d", random.IntN((size-n)/512+1)*512, n))
		}
	}
	return path, names
}

// exported are the dirty ranges of a bitmap as QEMU tells them.
func exported(t *testing.T, path, name string) (ranges []guestRange) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	nbd := exec.Command("qemu-nbd", "-r", "-f", "qcow2", "-k", socket, "-B", name, path)
	if err := nbd.Start(); err != nil {
		t.Fatalf("qemu-nbd (Debian package qemu-utils): %v", err)
	}
	t.Cleanup(func() { _ = nbd.Process.Kill() }) // it has ended, unless the test failed
	ended := make(chan error, 1)
	go func() { ended <- nbd.Wait() }()
	for {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		select {
		case err := <-ended:
			t.Fatalf("qemu-nbd ended: %v", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
	out := tool(t, filepath.Dir(path), "qemu-img", "map", "--output=json", "--image-opts",
		"driver=nbd,server.type=unix,server.path="+socket+",x-dirty-bitmap=qemu:dirty-bitmap:"+name)
	<-ended // qemu-nbd serves one client
	var runs []struct {
		Start, Length int64
		Data          bool
	}
	if err := json.Unmarshal([]byte(out), &runs); err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		if !r.Data { // so does QEMU show what is dirty
			ranges = append(ranges, guestRange{Start: qcow2.GuestOff(r.Start), Len: qcow2.GuestOff(r.Length)})
		}
	}
	return ranges
}

// TestBitmapsOfRecipes: damage is told apart from what is out of date.
func TestBitmapsOfRecipes(t *testing.T) {
	known, inUse, unusable := 0, 0, 0
	for _, name := range testimages.Names() {
		if !strings.Contains(name, "bitmap") {
			continue
		}
		b := testimages.Make(t, name)
		img, _ := opened(t, b.Image)
		for i, d := range scanned(t, img) {
			switch {
			case d.Err == nil:
				known++
				agree(t, img, i, d, dirtyRanges(t, img, i, 3))
			case errors.Is(d.Err, layers.ErrBitmapInUse) && img.Bitmaps[i].Flags&qcow2.BitmapInUse != 0:
				inUse++
			case errors.Is(d.Err, layers.ErrBitmapUnusable) || errors.Is(d.Err, image.ErrBitmapTable):
				unusable++
			default:
				t.Errorf("%s: bitmap %d: %v", name, i, d.Err)
			}
		}
	}
	if known < 5 || inUse < 1 || unusable < 3 {
		t.Errorf("%d known, %d in use, %d unusable", known, inUse, unusable)
	}
}
