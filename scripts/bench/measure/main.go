//go:build linux

// Measure runs a program and prints, as JSON, how long it took, the most memory that it
// held, and how it ended. Its output is thrown away.
//
//	measure PROGRAM [ARGUMENT...]
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

type result struct {
	Seconds float64 `json:"seconds"`
	PeakKiB int64   `json:"peakKiB"` // of resident memory, as wait4 reports it
	Exit    int     `json:"exit"`
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: measure PROGRAM [ARGUMENT...]")
		os.Exit(2)
	}
	r, err := measure(os.Args[1], os.Args[2:])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(r)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func measure(program string, args []string) (result, error) {
	cmd := exec.Command(program, args...)
	start := time.Now()
	err := cmd.Run()
	took := time.Since(start)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return result{}, err
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return result{}, errors.New("this system does not report resource usage")
	}
	return result{Seconds: took.Seconds(), PeakKiB: usage.Maxrss, Exit: cmd.ProcessState.ExitCode()}, nil
}
