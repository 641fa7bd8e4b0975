package qcow2

import (
	"fmt"
	"strconv"
	"strings"
)

// Size is a number of bytes.
type Size uint64

// String is the size as people say it: "1 byte", "512 bytes", "1.5 GiB".
func (s Size) String() string {
	switch {
	case s == 1:
		return "1 byte"
	case s < 1<<10:
		return fmt.Sprintf("%d bytes", uint64(s))
	}
	v, unit := float64(s), ""
	for _, unit = range []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"} {
		if v /= 1024; v < 1023.95 { // which would be rounded to 1024
			break
		}
	}
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0") + " " + unit
}

// Exact is the size as people say it, and in bytes: "1.5 GiB (1610612736 bytes)".
func (s Size) Exact() string {
	if s < 1<<10 {
		return s.String()
	}
	return fmt.Sprintf("%v (%d bytes)", s, uint64(s))
}
