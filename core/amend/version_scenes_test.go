//go:build !js

package amend_test

import (
	"os"
	"path/filepath"
	"strings"
)

// scene is a kind of image: how it is made, and its snapshots.
type scene struct {
	make      func(b bench, create string) // create: qemu-img create with a cluster size
	snapshots []string
}

func backed(b bench, create, base string) {
	b.img("create -q -f raw base.raw 1M")
	b.must("qemu-io", "-f", "raw", "-c", "write -P 0x99 0 1M", "base.raw")
	if base == "qcow2" {
		b.img("convert -f raw -O qcow2 base.raw base.qcow2")
	}
	b.img(create + " -b base." + base + " -F " + base + " x.qcow2 1M")
}

var scenes = map[string]scene{
	"empty": {make: func(b bench, create string) { b.img(create + " x.qcow2 1M") }},
	"data":  {make: func(b bench, create string) { b.img(create + " x.qcow2 1M"); b.io("write -P 1 5k 300k") }},
	"zeros": {make: func(b bench, create string) {
		b.img(create + " x.qcow2 1M")
		b.io("write -z 0 300k", "write -P 1 100k 64k")
	}},
	"backed": {make: func(b bench, create string) { backed(b, create, "raw"); b.io("write -P 1 5k 300k") }},
	"zeros kept": {make: func(b bench, create string) {
		b.img(create + " x.qcow2 1M")
		b.io("write -P 1 0 512k", "write -z 128k 192k")
	}},
	"zeros over a backing file": {make: func(b bench, create string) {
		backed(b, create, "qcow2")
		b.io("write -P 1 0 512k", "write -z 128k 192k", "write -z 640k 64k", "discard 768k 64k")
	}},
	"zeros shared": {snapshots: []string{"a", "b"}, make: func(b bench, create string) {
		b.img(create + " x.qcow2 1M")
		b.io("write -P 1 0 256k")
		b.img("snapshot -c a x.qcow2")
		b.io("write -z 64k 128k", "write -P 2 512k 64k")
		b.img("snapshot -c b x.qcow2")
		b.io("write -P 3 0 64k")
	}},
	"zeros of a snapshot only": {snapshots: []string{"a"}, make: func(b bench, create string) {
		b.img(create + " x.qcow2 1M")
		b.io("write -P 1 0 256k", "write -z 64k 64k")
		b.img("snapshot -c a x.qcow2")
		b.io("write -P 3 64k 64k")
	}},
	"data that a snapshot zeroed": {snapshots: []string{"a", "b"}, make: func(b bench, create string) {
		b.img(create + " x.qcow2 1M")
		b.io("write -P 1 0 256k")
		b.img("snapshot -c a x.qcow2")
		b.io("write -z 64k 64k")
		b.img("snapshot -c b x.qcow2")
		b.img("snapshot -a a x.qcow2") // the active layer has the data, snapshot b its zeros, and they share the clusters
		b.img("snapshot -d a x.qcow2")
		b.img("snapshot -c a x.qcow2")
		b.io("write -P 4 0 64k")
	}},
	"the last user of shared data": {snapshots: []string{"b"}, make: func(b bench, create string) {
		b.img(create + " x.qcow2 1M")
		b.io("write -P 1 0 256k")
		b.img("snapshot -c a x.qcow2")
		b.io("write -z 64k 64k")
		b.img("snapshot -c b x.qcow2")
		b.img("snapshot -a a x.qcow2")
		b.img("snapshot -d a x.qcow2")
	}},
	"zeros between data that became the active layer's alone": {snapshots: []string{"b"}, make: func(b bench, create string) {
		b.img(create + " x.qcow2 1M")
		b.io("write -P 1 0 256k")
		b.img("snapshot -c a x.qcow2")
		b.io("write -z 64k 64k", "write -z 192k 64k")
		b.img("snapshot -c b x.qcow2")
		b.img("snapshot -a a x.qcow2")
		b.img("snapshot -d a x.qcow2")
		b.io("write -z 128k 64k")
	}},
	"zeros shared over a backing file": {snapshots: []string{"a", "b"}, make: func(b bench, create string) {
		backed(b, create, "raw")
		b.io("write -P 1 0 256k", "write -z 512k 64k")
		b.img("snapshot -c a x.qcow2")
		b.io("write -z 64k 128k")
		b.img("snapshot -c b x.qcow2")
		b.io("write -P 3 0 64k")
	}},
	"compressed": {make: func(b bench, create string) {
		b.img(create + " x.qcow2 1M")
		b.io("write -P 1 0 300k", "write -z 64k 64k")
		b.must("qemu-img", append(append([]string{"convert", "-c"}, convertTo(create)...), "x.qcow2", "y.qcow2")...)
		if err := os.Rename(filepath.Join(b.dir, "y.qcow2"), filepath.Join(b.dir, "x.qcow2")); err != nil {
			b.t.Fatal(err)
		}
	}},
}

// convertTo is the create line's format and options for convert, which calls the format
// otherwise.
func convertTo(create string) []string {
	return strings.Fields(strings.Replace(create, "create -q -f", "-O", 1))
}
