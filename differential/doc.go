//go:build !js

// Package differential makes healthy images with the real qemu-img and qemu-io, damages
// their metadata at random with a fixed seed, and holds this program's answers against
// QEMU's: every count of a check, and what a repair keeps.
//
// A run is reproducible: base n and mutation n depend on the seed and on n only (but for
// the keys in a LUKS header, which QEMU draws). A difference is minimised, by dropping its
// mutations one by one, and printed with everything that is needed to see it again.
//
//	QCOWSCOPE_DIFF_N=3000 QCOWSCOPE_DIFF_SEED=7 go test ./differential
//	go run ./scripts/differential -n 3000 -seed 7 -table
package differential
