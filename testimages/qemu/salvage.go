//go:build !js

package qemu

import (
	"context"
	"fmt"
	"strings"
)

// Salvage writes what the guest reads (or, with a name, what an internal snapshot reads) to
// the raw file OUT, zeros where QEMU cannot read; false when it cannot open the image. With
// a size above 0 only so many bytes of the active layer are written: the virtual size of a
// damaged image can be anything.
func Salvage(ctx context.Context, img Image, snapshot, out string, size int64) (bool, error) {
	args := []string{"convert", "--salvage", "-q", "-O", "raw"}
	switch {
	case snapshot != "":
		args = append(args, "-l", "snapshot.name="+snapshot)
		args = append(args, img.opened("qcow2")...)
	case size > 0:
		args = append(args, img.openedTo(size)...)
	default:
		args = append(args, img.opened("qcow2")...)
	}
	result, err := run(ctx, img.Dir, append(args, out))
	return err == nil && result.exit == 0, err
}

// openedTo gives the arguments that open the first size bytes of the disk.
func (img Image) openedTo(size int64) []string {
	var args []string
	layer := "driver=qcow2,file.driver=file,file.filename=" + img.File
	if img.Encryption != "" {
		args = []string{"--object", "secret,id=key,data=" + img.Password}
		layer += ",encrypt.format=" + img.Encryption + ",encrypt.key-secret=key"
	}
	layer = "file." + strings.ReplaceAll(layer, ",", ",file.")
	return append(args, "--image-opts", fmt.Sprintf("driver=raw,size=%d,%s", size, layer))
}
