package qcow2_test

import (
	"math"
	"testing"

	"qcowscope/core/qcow2"
)

func TestSizeAsPeopleSayIt(t *testing.T) {
	for _, c := range []struct {
		size        qcow2.Size
		text, exact string
	}{
		{0, "0 bytes", "0 bytes"},
		{1, "1 byte", "1 byte"},
		{1023, "1023 bytes", "1023 bytes"},
		{1024, "1 KiB", "1 KiB (1024 bytes)"},
		{1536, "1.5 KiB", "1.5 KiB (1536 bytes)"},
		{1<<20 - 1, "1 MiB", "1 MiB (1048575 bytes)"},
		{1 << 30, "1 GiB", "1 GiB (1073741824 bytes)"},
		{5 << 40, "5 TiB", "5 TiB (5497558138880 bytes)"},
		{1 << 63, "8 EiB", "8 EiB (9223372036854775808 bytes)"},
		{math.MaxUint64, "16 EiB", "16 EiB (18446744073709551615 bytes)"},
	} {
		if got := c.size.String(); got != c.text {
			t.Errorf("%d: %q, want %q", uint64(c.size), got, c.text)
		}
		if got := c.size.Exact(); got != c.exact {
			t.Errorf("%d: %q, want %q", uint64(c.size), got, c.exact)
		}
	}
}
