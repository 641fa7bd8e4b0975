package image_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// file is n bytes of noise with text at an offset.
func file(n, off int, text string) source.Bytes {
	b := bytes.Repeat([]byte{0xd7, 0x1c, 0x93}, n/3+1)[:n]
	copy(b[off:], text)
	return b
}

func TestRecognize(t *testing.T) {
	boot := make(source.Bytes, 4096)
	copy(boot, "\xeb\x63\x90")
	boot[510], boot[511] = 0x55, 0xaa
	iso := make(source.Bytes, 40<<10)
	copy(iso[32769:], "CD001")
	headless := make(source.Bytes, 4096)
	binary.BigEndian.PutUint32(headless[4:], 3)
	binary.BigEndian.PutUint32(headless[20:], 16)
	binary.BigEndian.PutUint64(headless[48:], 1<<16)
	for _, c := range []struct {
		name  string
		src   source.Bytes
		looks string // part of it
	}{
		{"qcow 1", file(4096, 0, "QFI\xfb\x00\x00\x00\x01"), "qcow image of version 1"},
		{"vmdk", file(4096, 0, "KDMV"), "VMDK"},
		{"old vmdk", file(4096, 0, "COWD"), "old VMDK"},
		{"vmdk descriptor", file(4096, 0, "# Disk DescriptorFile\nversion=1\n"), "descriptor of a VMDK"},
		{"vhdx", file(4096, 0, "vhdxfile"), "VHDX"},
		{"vhd", file(4096, 0, "conectix"), "a VHD disk"},
		{"vdi", file(4096, 64, "\x7f\x10\xda\xbe"), "VDI"},
		{"qed", file(4096, 0, "QED\x00"), "QED"},
		{"parallels", file(4096, 0, "WithoutFreeSpace"), "Parallels"},
		{"luks", file(4096, 0, "LUKS\xba\xbe"), "LUKS"},
		{"gzip", file(4096, 0, "\x1f\x8b\x08"), "gzip"},
		{"zstd", file(4096, 0, "\x28\xb5\x2f\xfd"), "Zstandard"},
		{"xz", file(4096, 0, "\xfd7zXZ\x00"), "xz archive"},
		{"bzip2", file(4096, 0, "BZh9"), "bzip2"},
		{"zip", file(4096, 0, "PK\x03\x04"), "ZIP"},
		{"7z", file(4096, 0, "7z\xbc\xaf\x27\x1c"), "7-Zip"},
		{"tar", file(4096, 257, "ustar\x0000"), "tar archive"},
		{"iso", iso, "ISO 9660"},
		{"empty", nil, "empty"},
		{"zeros", make(source.Bytes, 4096), "zero"},
		{"boot sector", boot, "boot sector"},
		{"lost magic", headless, "first bytes were overwritten"},
		{"noise", file(4096, 0, ""), "some other file"},
		{"one byte", file(1, 0, "Q"), "some other file"},
		{"four bytes of magic", source.Bytes("QFI\xfb"), "some other file"},
	} {
		_, err := image.Open(context.Background(), c.src)
		var e *image.NotQcow2Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !strings.Contains(e.Looks, c.looks) || e.Advice == "" || !strings.Contains(e.Error(), e.Looks) {
			t.Errorf("%s: looks like %q, want %q; %q", c.name, e.Looks, c.looks, e.Advice)
		}
		if !bytes.Equal(e.Head[:min(4, len(c.src))], c.src[:min(4, len(c.src))]) {
			t.Errorf("%s: head %x", c.name, e.Head)
		}
	}
}

// The recipes whose header is gone are told from files that never had one.
func TestRecognizeRecipes(t *testing.T) {
	for name, looks := range map[string]string{
		"magic_overwritten": "first bytes were overwritten", "header_zeroed": "zero", "header_sector_zeroed": "zero", "truncated_to_nothing": "empty",
	} {
		b := testimages.Make(t, name)
		_, err := image.Open(context.Background(), source.Bytes(b.Image))
		var e *image.NotQcow2Error
		if !errors.As(err, &e) || !strings.Contains(e.Looks, looks) {
			t.Errorf("%s: %v, want %q", name, err, looks)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	whole := source.Bytes(testimages.MakeLines(t, plainImage).Image)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := image.Open(ctx, whole); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	var re *source.ReadError
	for _, off := range []int64{0, 64 << 10} { // the header, the reftable
		if _, err := image.Open(context.Background(), source.Faulty{Source: whole, BadOff: off, BadLen: 1}); !errors.As(err, &re) {
			t.Errorf("bad sector at 0x%x: %v", off, err)
		}
	}
	small := source.Bytes(testimages.MakeLines(t, smallCluster).Image)
	for off := int64(0); off < 64<<10; off += 512 {
		_, err := image.Open(context.Background(), source.Faulty{Source: small, BadOff: off, BadLen: 512})
		if inHeaderOrReftable := off < 16<<10; inHeaderOrReftable != errors.As(err, &re) {
			t.Errorf("clusters of 8 KiB, bad sector at 0x%x: %v", off, err)
		}
	}
	var fe *qcow2.FieldError
	if _, err := image.Open(context.Background(), source.Bytes(testimages.MakeLines(t, plainImage+"set header.version = 7").Image)); !errors.As(err, &fe) || fe.Field != "version" {
		t.Errorf("version 7: %v", err)
	}
}

// A file may end anywhere: what is not there reads as zeros, and nothing panics.
func TestOpenTruncatedAnywhere(t *testing.T) {
	whole := testimages.MakeLines(t, "image version=3 size=64K cluster=512\nwrite guest=0 len=4K fill=0x11\nbitmap name=b granularity=512 auto\nsnapshot name=one\n").Image
	for n := 0; n < len(whole); n++ {
		if n > 1024 {
			n += 61 // past the header only some of them
		}
		img, err := image.Open(context.Background(), source.Bytes(whole[:min(n, len(whole))]))
		if err != nil {
			var ne *image.NotQcow2Error
			var fe *qcow2.FieldError
			if !errors.As(err, &ne) && !errors.As(err, &fe) {
				t.Fatalf("%d bytes: %v", n, err)
			}
			continue
		}
		if _, err := img.ReadSnapshots(); err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
}
