package cow_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"qcowscope/core/cow"
)

// TestTraceFormats: the same two writes in every format, among what is no write.
func TestTraceFormats(t *testing.T) {
	want := []cow.Access{{Off: 4096, Len: 512}, {Off: 1 << 20, Len: 8192}}
	for _, c := range []struct {
		name, text, format string
		other              int
	}{
		{"pairs", "# a remark\n4096 512\n\n1M 8K\n", "offsets and lengths", 0},
		{"pairs in hex, with commas", "0x1000,0x200\n0x100000, 0x2000\n", "offsets and lengths", 0},
		{"pairs with a direction", "W 4096 512\nR 0 4096\nwrite 1048576 8192\n", "offsets and lengths", 1},
		{"pairs with a direction after", "4096 512 W\n0 4096 R\n1048576 8192 W\n", "offsets and lengths", 1},
		{"fio I/O log 2", "fio version 2 iolog\n/dev/sda add\n/dev/sda open\n/dev/sda write 4096 512\n/dev/sda read 0 4096\n/dev/sda write 1048576 8192\n/dev/sda close\n",
			"I/O log of fio", 5},
		{"fio I/O log 3", "fio version 3 iolog\n0 f add\n1 f open\n2 f write 4096 512\n3 f sync 0 0\n4 f write 1048576 8192\n9 f close\n", "I/O log of fio", 5},
		{"fio latency log", "0, 50000, 1, 512, 4096, 0x0000\n1, 60000, 0, 4096, 0, 0x0000\n2, 7, 1, 8192, 1048576, 0x0000\n", "latency or bandwidth log of fio", 1},
		{"older fio latency log", "0, 50000, 1, 512, 4096\n2, 7, 1, 8192, 1048576\n", "latency or bandwidth log of fio", 0},
		{"blkparse", blkparseText, "output of blkparse", 8},
		{"blkparse without queueing", strings.ReplaceAll(blkparseText, "  Q  ", "  I  "), "output of blkparse", 8},
		{"no newline at the end", "4096 512\n1048576 8192", "offsets and lengths", 0},
		{"carriage returns", "4096 512\r\n1048576 8192\r\n", "offsets and lengths", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := cow.ParseTrace(context.Background(), strings.NewReader(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Writes, want) || got.Format != c.format || got.End != 1<<20+8192 {
				t.Errorf("got %+v", got)
			}
			if got.Other != c.other {
				t.Errorf("%d lines are no writes, want %d", got.Other, c.other)
			}
		})
	}
}

const blkparseText = `  8,0    3        1     0.000000000   697  Q   W 8 + 1 [kworker/3:1]
  8,0    3        2     0.000001829   697  G   W 8 + 1 [kworker/3:1]
  8,0    3        3     0.000002000   697  D   W 8 + 1 [kworker/3:1]
  8,0    3        4     0.000003000   697  Q   R 16 + 8 [cat]
  8,0    3        5     0.000003100   697  Q  FN [jbd2]
  8,0    3        6     0.000004000   697  Q  WS 2048 + 16 [jbd2]
  8,0    3        7     0.000005000   697  D  WS 2048 + 16 [jbd2]
  8,0    3        8     0.000006000     0  C   W 8 + 1 [0]

CPU3 (8,0):
 Reads Queued:           1,        4KiB	 Writes Queued:           2,        8KiB
`

// TestTraceErrors: a line that cannot be understood is named, nothing is guessed.
func TestTraceErrors(t *testing.T) {
	for _, c := range []struct {
		name, text string
		line       int
		says       string
	}{
		{"no number", "4096 512\nfour 512\n", 2, `"four" is not a number`},
		{"one column", "4096 512\n\n8192\n", 3, "an offset and a length"},
		{"four words", "1 2 3 4\n", 1, "an offset and a length"},
		{"neither read nor write", "X 4096 512\n", 1, "neither a read nor a write"},
		{"no length", "4096 0\n", 1, "length 0"},
		{"too long", "0 4G\n", 1, "length 4294967296"},
		{"beyond any disk", "0x7000000000000000 512\n", 1, "not on any disk"},
		{"negative", "-4096 512\n", 1, "not on any disk"},
		{"a number that is none", "99999999999999999999 512\n", 1, "is not a number"},
		{"a suffix too large", "9999999999G 512\n", 1, "is not a number"},
		{"a long line", "4096 512\n" + strings.Repeat("4", 5000), 2, "longer than"},
		{"fio log without offsets", "0, 5, 1, 4096\n", 1, "log_offset=1"},
		{"fio log with a priority only", "0, 5, 1, 4096, 0x0000\n", 1, "log_offset=1"},
		{"older fio log without offsets", "0, 5, 1, 4096, 0\n1, 5, 1, 4096, 0\n", 2, "log_offset=1"},
		{"fio direction", "0, 5, 7, 4096, 0, 0\n", 1, "no direction"},
		{"fio write without length", "fio version 2 iolog\nf write 4096\n", 2, "an offset and a length"},
		{"blkparse sector", "  8,0 3 1 0.0 697 Q W 99999999999999999 + 1 [x]\n", 1, "not a sector"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := cow.ParseTrace(context.Background(), strings.NewReader(c.text))
			var bad *cow.TraceError
			if !errors.As(err, &bad) || bad.Line != c.line || !strings.Contains(bad.What, c.says) {
				t.Errorf("the error is %v", err)
			}
		})
	}
	for _, text := range []string{"", "# nothing\n", "R 0 512\n"} {
		if _, err := cow.ParseTrace(context.Background(), strings.NewReader(text)); !errors.Is(err, cow.ErrTraceEmpty) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzTrace: any text is a trace within its bounds, or a line is to blame.
func FuzzTrace(f *testing.F) {
	f.Add([]byte("4096 512\n"))
	f.Add([]byte("fio version 3 iolog\n1 f write 1 2\n"))
	f.Add([]byte("0, 5, 1, 4096, 0, 0\n"))
	f.Add([]byte(blkparseText))
	f.Fuzz(func(t *testing.T, text []byte) {
		trace, err := cow.ParseTrace(context.Background(), bytes.NewReader(text))
		var bad *cow.TraceError
		if errors.As(err, &bad) && (bad.Line < 1 || bad.Line > bytes.Count(text, []byte("\n"))+1) {
			t.Errorf("line %d of %d", bad.Line, bytes.Count(text, []byte("\n"))+1)
		}
		if err != nil {
			return
		}
		for _, a := range trace.Writes {
			if a.Off < 0 || a.Len < 1 || a.Off+a.Len > trace.End {
				t.Errorf("%+v of %d", a, trace.End)
			}
		}
		if len(trace.Writes) > 100 {
			return
		}
		for _, s := range []cow.Setup{{12, false, cow.Empty}, {14, true, cow.Shared}} {
			c, err := cow.Amplify(context.Background(), trace, s)
			if err == nil && (c.Total() < c.Written || fmt.Sprint(c.Factor()) == "NaN") {
				t.Errorf("%+v", c)
			}
		}
	})
}
