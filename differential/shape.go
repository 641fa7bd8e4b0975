//go:build !js

package differential

import (
	"fmt"
	"math/rand/v2"
)

// shape is what a healthy base image is made of.
type shape struct {
	version     int
	clusterBits int
	width       int // of a refcount, bits
	size        int64
	extendedL2  bool
	lazy        bool
	zstd        bool
	feature     feature
}

// feature is the part of the format that a base is about.
type feature uint8

const (
	plain feature = iota
	snapshots
	bitmaps
	converted // by qemu-img convert -c
	mixed     // snapshots, bitmaps and compressed clusters
	dataFile
	dataFileRaw
	backingQcow2
	backingRaw
	luks
	aes
	preallocated
	vmState
	inUse // bitmaps of a program that died
	long  // so many clusters that the refcount structure has several tables
	empty
	features
)

func (f feature) String() string {
	return [...]string{"plain", "snapshots", "bitmaps", "converted", "mixed", "data-file", "data-file-raw", "backing-qcow2", "backing-raw",
		"luks", "aes", "preallocated", "vm-state", "in-use-bitmaps", "long", "empty"}[f]
}

func (f feature) external() bool  { return f == dataFile || f == dataFileRaw }
func (f feature) encrypted() bool { return f == luks || f == aes }

// secret opens the encrypted bases.
const secret = "differential"

// clusterSizes are drawn small: many clusters in a small file show more.
var clusterSizes = []int{9, 12, 16, 10, 9, 14, 12, 16, 9, 11, 16, 13, 9, 15, 12, 17, 10, 16, 14, 9}

// newShape draws the shape of base n. What must occur goes by n, the rest is drawn.
func newShape(noise *rand.Rand, n int) shape {
	s := shape{version: 3, clusterBits: clusterSizes[n%len(clusterSizes)], width: 1 << (n % 7), feature: feature(n % int(features))}
	switch {
	case n%30 == 19:
		s.clusterBits = 21
	case n%30 == 4:
		s.clusterBits = 18
	}
	s.lazy = noise.IntN(5) == 0 && s.feature != inUse // a crash makes refcounts wrong then
	s.zstd = noise.IntN(2) == 0
	if s.feature == long {
		s.clusterBits = 9
	}
	s.extendedL2 = s.clusterBits >= 14 && noise.IntN(5) < 3
	if n%9 == 8 && !s.feature.external() && s.feature != bitmaps && s.feature != inUse && s.feature != luks {
		s.version, s.width, s.lazy, s.zstd, s.extendedL2 = 2, 16, false, false, false
	}
	s.size = s.drawSize(noise)
	return s
}

// drawSize is an odd number of sectors and of clusters; it needs more than one L2 table
// where clusters are small.
func (s shape) drawSize(noise *rand.Rand) int64 {
	cs := int64(1) << s.clusterBits
	clusters := 12 + noise.Int64N(60)
	switch {
	case s.feature == long:
		clusters = 3000
	case s.clusterBits <= 12:
		clusters = 64 + noise.Int64N(700)
	case s.clusterBits > 17:
		clusters = 2 + noise.Int64N(5)
	}
	return max(4096, clusters*cs-512*noise.Int64N(3))
}

// createOptions are those of qemu-img create -o.
func (s shape) createOptions() string {
	o := fmt.Sprintf("cluster_size=%d", 1<<s.clusterBits)
	if s.version == 2 {
		o += ",compat=0.10"
	} else {
		o += fmt.Sprintf(",compat=1.1,refcount_bits=%d", s.width)
	}
	if s.extendedL2 {
		o += ",extended_l2=on"
	}
	if s.lazy {
		o += ",lazy_refcounts=on"
	}
	if s.zstd {
		o += ",compression_type=zstd"
	}
	switch s.feature {
	case dataFile:
		o += ",data_file=data.raw"
	case dataFileRaw:
		o += ",data_file=data.raw,data_file_raw=on"
	case luks:
		o += ",encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10"
	case aes:
		o += ",encrypt.format=aes,encrypt.key-secret=key"
	case preallocated:
		o += ",preallocation=metadata"
	}
	return o
}
