//go:build !js

// Package qemu asks Debian's qemu-img 7.2, the judge of every test image. It
// guards itself: a damaged image can make qemu-img hang, grow its file without
// end or eat the memory.
package qemu

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"qcowscope/testimages"
)

// Limits of one qemu-img process.
const (
	timeLimit   = 20 * time.Second
	memoryLimit = 4 << 20 // KiB of address space
	fileLimit   = 8 << 20 // blocks of 512 bytes: 4 GiB
	stderrLines = 20      // kept of what it writes there
)

// Version is what a qemu-img must report to be the judge.
const Version = "qemu-img version 7.2"

// Mode is an -r option of qemu-img check; "" is a plain check.
type Mode string

// The three ways to run qemu-img check.
const (
	Plain Mode = ""
	Leaks Mode = "leaks"
	All   Mode = "all"
)

// Image is an image file on disk, with the files it needs in the same folder.
type Image struct {
	Dir, File            string
	Encryption, Password string
}

// Available returns an error of one line when the judge is missing.
func Available() error {
	out, err := exec.Command("qemu-img", "--version").Output()
	if err != nil {
		return fmt.Errorf("qemu-img is missing (Debian package qemu-utils): %w", err)
	}
	if !strings.HasPrefix(string(out), Version) {
		line, _, _ := strings.Cut(string(out), "\n")
		return fmt.Errorf("the judge is %s, but this is %s", Version, line)
	}
	return nil
}

// Place writes a built image, and what lies beside it, to a folder.
func Place(dir string, b *testimages.Built) (Image, error) {
	img := Image{Dir: dir, File: "image.qcow2", Encryption: b.Encryption, Password: b.Password}
	files := map[string][]byte{img.File: b.Image}
	for name, data := range b.Side {
		files[name] = data
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return img, err
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return img, err
		}
	}
	return img, nil
}

// Check runs qemu-img check. A non-zero exit is a result, not an error.
func Check(ctx context.Context, img Image, mode Mode) (testimages.Run, error) {
	args := []string{"check", "--output=json"}
	if mode != Plain {
		args = append(args, "-r", string(mode))
	}
	out, err := run(ctx, img.Dir, append(args, img.opened("")...))
	if err != nil {
		return testimages.Run{}, err
	}
	r := testimages.Run{Exit: out.exit, Killed: out.killed}
	if lines := strings.Split(strings.TrimRight(out.stderr, "\n"), "\n"); lines[0] != "" {
		r.StderrLines = len(lines)
		r.Stderr = lines[:min(len(lines), stderrLines)]
	}
	// A report comes whole or not at all: qemu-img prints it at the end.
	if len(bytes.TrimSpace(out.stdout)) > 0 {
		r.Counts = &testimages.Counts{}
		if err := json.Unmarshal(out.stdout, r.Counts); err != nil {
			return r, fmt.Errorf("qemu: report of %s: %w", img.File, err)
		}
	}
	return r, nil
}

// Convert writes what the guest reads (or, with a name, what an internal snapshot
// reads) to the raw file OUT; false when QEMU cannot read it all.
func Convert(ctx context.Context, img Image, snapshot, out string) (bool, error) {
	args := []string{"convert", "-O", "raw"}
	if snapshot != "" {
		args = append(args, "-l", "snapshot.name="+snapshot)
	}
	args = append(args, img.opened("qcow2")...)
	result, err := run(ctx, img.Dir, append(args, out))
	return err == nil && result.exit == 0, err
}

// opened gives the arguments that open the image. Encrypted ones need their key
// even for a check; a format other than "" is not probed for.
func (img Image) opened(format string) []string {
	if img.Encryption == "" && format == "" {
		return []string{img.File}
	}
	if img.Encryption == "" {
		return []string{"-f", format, img.File}
	}
	return []string{
		"--object", "secret,id=key,data=" + img.Password, "--image-opts",
		"driver=qcow2,encrypt.format=" + img.Encryption + ",encrypt.key-secret=key,file.driver=file,file.filename=" + img.File,
	}
}

type output struct {
	exit   int
	killed string
	stdout []byte
	stderr string
}

// run starts qemu-img in a folder, within the limits.
func run(ctx context.Context, dir string, args []string) (output, error) {
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	limits := fmt.Sprintf("ulimit -v %d && ulimit -f %d && ulimit -c 0 && exec qemu-img \"$@\"", memoryLimit, fileLimit)
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", limits, "qemu-img"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	err := cmd.Run()
	out := output{exit: cmd.ProcessState.ExitCode(), stdout: stdout.Bytes(), stderr: stderr.String()}
	var exit *exec.ExitError
	switch {
	case ctx.Err() == context.DeadlineExceeded:
		out.killed = "no answer within " + timeLimit.String()
	case errors.As(err, &exit):
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			out.killed = status.Signal().String()
		}
	case err != nil:
		return out, fmt.Errorf("qemu: qemu-img %s: %w", args[0], err)
	}
	return out, nil
}
