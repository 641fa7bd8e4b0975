//go:build !js

package qemu

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"

	"qcowscope/testimages"
)

// compareLimit is the largest virtual disk whose bytes are compared.
const compareLimit = 256 << 20

// Judge checks an image in all three modes, each on a fresh copy under dir.
func Judge(ctx context.Context, b *testimages.Built, dir string) (testimages.Golden, error) {
	sum := sha256.Sum256(b.Image)
	g := testimages.Golden{SHA256: hex.EncodeToString(sum[:])}
	for mode, into := range map[Mode]*testimages.Run{Plain: &g.Check, Leaks: &g.Leaks, All: &g.All} {
		r, err := JudgeMode(ctx, b, filepath.Join(dir, "mode-"+string(mode)), mode)
		if err != nil {
			return g, err
		}
		*into = r
	}
	return g, nil
}

// JudgeMode checks a fresh copy of an image in one mode, checks the outcome
// again, and compares what the guest then reads with what it read before the damage.
func JudgeMode(ctx context.Context, b *testimages.Built, dir string, mode Mode) (testimages.Run, error) {
	img, err := Place(dir, b)
	if err != nil {
		return testimages.Run{}, err
	}
	r, err := Check(ctx, img, mode)
	if err != nil {
		return r, err
	}
	r.ExitAfter = r.Exit
	if mode != Plain {
		after, err := Check(ctx, img, Plain)
		if err != nil {
			return r, err
		}
		r.ExitAfter = after.Exit
	}
	if r.Guest, err = survival(ctx, img, "", b.Guest); err != nil {
		return r, err
	}
	for _, s := range b.Snapshots {
		v, err := survival(ctx, img, s.Name, s.Guest)
		if err != nil {
			return r, err
		}
		r.Snapshots = append(r.Snapshots, v)
	}
	return r, nil
}

// survival compares what QEMU reads from an image, or from one of its snapshots,
// with a guest model.
func survival(ctx context.Context, img Image, snapshot string, want *testimages.Guest) (testimages.Survival, error) {
	if want.Size > compareLimit {
		return testimages.Uncompared, nil
	}
	const name = "guest.raw"
	path := filepath.Join(img.Dir, name)
	readable, err := Convert(ctx, img, snapshot, name)
	if err != nil {
		return "", err
	}
	defer os.Remove(path)
	if !readable {
		return testimages.Unreadable, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	same, err := sameBytes(f, want)
	if err != nil {
		return "", err
	}
	if !same {
		return testimages.Changed, nil
	}
	return testimages.Intact, nil
}

// sameBytes compares a raw file with a guest model, length included.
func sameBytes(f *os.File, want *testimages.Guest) (bool, error) {
	info, err := f.Stat()
	if err != nil || info.Size() != want.Size {
		return false, err
	}
	have, model := make([]byte, 1<<20), make([]byte, 1<<20)
	for off := int64(0); off < want.Size; off += int64(len(have)) {
		n, err := f.ReadAt(have, off)
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		if _, err := want.ReadAt(model[:n], off); err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		if !bytes.Equal(have[:n], model[:n]) {
			return false, nil
		}
	}
	return true, nil
}
