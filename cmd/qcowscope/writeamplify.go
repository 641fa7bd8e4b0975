package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"qcowscope/core/cow"
)

var amplifyVerb = verb{
	name: "amplify", args: "TRACE", short: "what a trace of writes costs with each cluster size, with and without subclusters",
	help: `  TRACE                a file, or - for standard input: lines of an offset and a length in bytes, an I/O log of fio
                       (write_iolog), a latency or bandwidth log of fio with log_offset=1, or the output of blkparse
  --initial=STATE      the image before the first write:
                         empty      nothing is allocated (this is the default)
                         backed     nothing is allocated, and there is a backing file
                         allocated  all of it is allocated
                         shared     the same, just after a snapshot
  --output=human|json  a table and advice, or the same for programs

exit codes:
  0   the trace was compared
  1   it cannot be read, or a line of it is not understood
`,
}

func init() { amplifyVerb.run = runAmplify }

func runAmplify(c *command) int {
	form := c.outputFlag()
	name := "empty"
	c.flags.StringVar(&name, "initial", name, "")
	if code, ok := c.parse(1); !ok {
		return code
	}
	at := slices.IndexFunc(cow.Initials(), func(i cow.Initial) bool { return i.String() == name })
	if at < 0 {
		return c.misuse("--initial is empty, backed, allocated or shared")
	}
	in := os.Stdin
	if c.words[0] != "-" {
		f, err := os.Open(c.words[0])
		if err != nil {
			return c.fail(plainError(err))
		}
		defer f.Close()
		in = f
	}
	t, err := cow.ParseTrace(c.ctx, in)
	if err != nil {
		return c.fail(fmt.Errorf("%s: %s", c.words[0], strings.TrimPrefix(err.Error(), "cow: ")))
	}
	p := c.progress()
	result, err := cow.Compare(c.ctx, t, cow.Initials()[at], func(done, total int) { p.show("comparing", int64(done), int64(total)) })
	p.end()
	if err != nil {
		return c.fail(err)
	}
	if *form == "json" {
		writeJSON(c.out, newAmplifyJSON(c.words[0], t, result))
	} else {
		c.printComparison(t, result)
	}
	return exitOK
}

// printComparison is a table of all setups, and the advice.
func (c *command) printComparison(t *cow.Trace, result *cow.Comparison) {
	fmt.Fprintf(c.out, "%s of %s in %s (%s)\n\n", count(len(t.Writes), "write"), size(uint64(result.Costs[0].Written)), count(t.Lines, "line"), t.Format)
	fmt.Fprintf(c.out, "%-10s %-11s %12s %12s %12s %8s   %12s %12s\n", "cluster", "subclusters", "copied", "zero-filled", "metadata", "factor", "structures", "allocated")
	for i, k := range result.Costs {
		sub, mark := "-", ""
		if k.ExtendedL2 {
			sub = size(uint64(k.Geometry().SubclusterSize()))
		}
		if i == result.Best && !result.Extended || i == result.BestExtended && result.Extended {
			mark = " <-"
		}
		fmt.Fprintf(c.out, "%-10s %-11s %12s %12s %12s %8.2f   %12s %12s%s\n", size(uint64(k.Geometry().ClusterSize())), sub,
			size(uint64(k.Copied)), size(uint64(k.Zeroed)), size(uint64(k.Metadata)), k.Factor(), size(uint64(k.Structures)), size(uint64(k.Allocated)), mark)
	}
	fmt.Fprintf(c.out, "\nThe factor is how many bytes are written for each byte of the guest. Structures are L2 tables and refblocks, written once.\n%s\n", result.Advice)
}

// setupCostJSON is what the trace costs in one setup.
type setupCostJSON struct {
	Cluster   int64   `json:"cluster-size"`
	Extended  bool    `json:"extended-l2"`
	Written   int64   `json:"written"`
	Copied    int64   `json:"copied"`
	Zeroed    int64   `json:"zero-filled"`
	Metadata  int64   `json:"metadata"`
	Once      int64   `json:"structures"`
	Allocated int64   `json:"allocated"`
	Entries   int64   `json:"l2-entries"`
	Tables    int64   `json:"l2-tables"`
	Refcounts int64   `json:"refcounts"`
	InPlace   int64   `json:"in-place"`
	Mapping   int64   `json:"l2-bytes"` // of all L2 tables up to the trace's end
	Factor    float64 `json:"factor"`
}

// amplifyJSON is the comparison.
type amplifyJSON struct {
	Filename string          `json:"filename"`
	Format   string          `json:"format"`
	Writes   int             `json:"writes"`
	Other    int             `json:"other-lines"`
	Initial  string          `json:"initial"`
	Costs    []setupCostJSON `json:"setups"`
	Cluster  int64           `json:"advised-cluster-size"`
	Extended bool            `json:"advised-extended-l2"`
	Advice   string          `json:"advice"`
	Schema   int             `json:"schema"`
}

func newAmplifyJSON(path string, t *cow.Trace, result *cow.Comparison) amplifyJSON {
	best := result.Costs[result.Best]
	if result.Extended {
		best = result.Costs[result.BestExtended]
	}
	j := amplifyJSON{Filename: path, Format: t.Format, Writes: len(t.Writes), Other: t.Other, Initial: best.Initial.String(),
		Cluster: best.Geometry().ClusterSize(), Extended: result.Extended, Advice: result.Advice, Schema: schema}
	for _, k := range result.Costs {
		j.Costs = append(j.Costs, setupCostJSON{k.Geometry().ClusterSize(), k.ExtendedL2, k.Written, k.Copied, k.Zeroed, k.Metadata, k.Structures, k.Allocated,
			k.Entries, k.Tables, k.Refcounts, k.InPlace, k.Mapping, k.Factor()})
	}
	return j
}
