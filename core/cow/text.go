package cow

import (
	"fmt"
	"strings"

	"qcowscope/core/qcow2"
)

// Text is a step in words.
func (o *Outcome) Text(s Step) string {
	g := o.w.g
	switch s.Kind {
	case StepPromise:
		return capital(o.w.promises()[s.Count].why) + "."
	case StepMark:
		return "The image is marked dirty in the header: with lazy refcounts they may be behind until it is closed."
	case StepTable:
		return tableText(s)
	case StepRefblock:
		return fmt.Sprintf("There is no refblock %d yet. It is allocated at host 0x%x.", s.Count, int64(s.Host.Start))
	case StepReftable:
		return fmt.Sprintf("The reftable is full. A larger one of %d instead of %d clusters is allocated at host 0x%x.", s.After.Entry, s.Before.Entry, int64(s.Host.Start))
	case StepInPlace:
		if g.DataFile {
			return fmt.Sprintf("Guest %v is written in place, in the data file.", s.Guest)
		}
		return fmt.Sprintf("Guest %v is written in place: host %v is used by nobody else (COPIED).", s.Guest, s.Host)
	case StepAllocate:
		return o.allocateText(s)
	case StepCopy:
		return o.copyText(s)
	case StepWrite:
		what := "the data"
		if o.Runs[s.Run].zeros {
			what = "zeros"
		}
		return fmt.Sprintf("Write %s, guest %v, to %s %v.", what, s.Guest, o.file(), s.Host)
	case StepZeroData:
		return fmt.Sprintf("Write zeros to the data file at %v: it must read right without the image.", s.Guest)
	case StepSkip:
		return fmt.Sprintf("Leave guest %v alone: %s.", s.Guest, o.skipText(s))
	case StepBarrier:
		if s.QEMU {
			return "Barrier: all of this is on the disk before what follows."
		}
		return "Barrier of the plan. QEMU has none here: nothing was copied, so a crash costs only what the guest has not flushed."
	case StepCount, StepRelease:
		return countText(g, s)
	case StepHook:
		if s.Count < 0 {
			return "The header names the new reftable, in one write."
		}
		return fmt.Sprintf("Reftable entry %d names the new refblock.", s.Count)
	case StepL1:
		return fmt.Sprintf("L1 entry %d: 0x%016x becomes 0x%016x.", s.Count, s.Before.Entry, s.After.Entry)
	case StepLink:
		return linkText(s)
	case StepNoRecord:
		return "No L2 entry changes: every subcluster that is written holds data already."
	}
	return "The image is marked clean again when it is closed."
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func tableText(s Step) string {
	if s.From == 0 {
		return fmt.Sprintf("There is no L2 table for guest %v (L1 entry %d). An empty one is allocated at host 0x%x.", s.Guest, s.Count, int64(s.Host.Start))
	}
	return fmt.Sprintf("The L2 table at host 0x%x (L1 entry %d) is shared: it is copied to 0x%x first.", int64(s.From), s.Count, int64(s.Host.Start))
}

// allocateText also says why the clusters at hand do not do.
func (o *Outcome) allocateText(s Step) string {
	clusters := "a new cluster"
	if s.Count > 1 {
		clusters = fmt.Sprintf("%d new clusters", s.Count)
	}
	if o.w.g.DataFile {
		return fmt.Sprintf("Guest %v goes to the same place in the data file: there is nothing to allocate.", s.Guest)
	}
	return fmt.Sprintf("Guest %v goes to %s at host %v: %s.", s.Guest, clusters, s.Host, whyNew(o.w.g, s.Before))
}

// whyNew is why a cluster with this entry cannot be written in place.
func whyNew(g qcow2.Geometry, e qcow2.L2Entry) string {
	switch e.Kind(g) {
	case qcow2.Compressed:
		return "it is compressed"
	case qcow2.ZeroPlain:
		return "it reads as zeros and has no host cluster"
	case qcow2.Unallocated:
		return "it has no host cluster"
	}
	return fmt.Sprintf("that at 0x%x is shared (not COPIED)", int64(e.Host()))
}

// file is where guest data lies.
func (o *Outcome) file() string {
	if o.w.g.DataFile {
		return "the data file"
	}
	return "host"
}

func (o *Outcome) copyText(s Step) string {
	where := ""
	if s.Source == FromCluster || s.Source == FromStream {
		where = fmt.Sprintf(" at host 0x%x", int64(s.From))
	}
	if s.Source == FromNothing {
		return fmt.Sprintf("Fill guest %v with zeros, at %s %v: that is what it reads now.", s.Guest, o.file(), s.Host)
	}
	return fmt.Sprintf("Copy guest %v from %v%s to %s %v.", s.Guest, s.Source, where, o.file(), s.Host)
}

// skipText is why a part of a cluster need not be copied.
func (o *Outcome) skipText(s Step) string {
	switch s.State {
	case qcow2.SubNormal:
		return "its data is where it stays"
	case qcow2.SubZero, qcow2.SubZeroAlloc:
		return "it reads as zeros, and the bitmap goes on saying so"
	case qcow2.SubUnallocated, qcow2.SubUnallocatedAlloc:
		return "it is unallocated, and the bitmap goes on saying so"
	}
	return s.State.String()
}

func countText(g qcow2.Geometry, s Step) string {
	first := g.Cluster(s.Host.Start)
	change := fmt.Sprintf("from %d to %d", s.Before.Entry, s.After.Entry)
	if s.After.Entry == 0 {
		change += ", it is free"
	}
	if s.Count == 1 {
		return fmt.Sprintf("Refcount of host cluster %d: %s.", first, change)
	}
	return fmt.Sprintf("Refcounts of host clusters %d to %d: %s.", first, int64(first)+s.Count-1, strings.Replace(change, "it is", "they are", 1))
}

// linkText names the words of an entry that change.
func linkText(s Step) string {
	what := "The L2 entry"
	if s.Count > 1 {
		what = fmt.Sprintf("%d L2 entries", s.Count)
	}
	var words []string
	word := func(name string, digits int, before, after uint64) {
		if before != after {
			words = append(words, fmt.Sprintf("%s0x%0*x becomes 0x%0*x", name, digits, before, digits, after))
		}
	}
	word("", 16, s.Before.Entry, s.After.Entry)
	word("alloc ", 8, uint64(s.Before.Bitmap.Alloc()), uint64(s.After.Bitmap.Alloc()))
	word("zero ", 8, uint64(s.Before.Bitmap.Zero()), uint64(s.After.Bitmap.Zero()))
	text := fmt.Sprintf("%s of guest %v: %s", what, s.Guest, strings.Join(words, ", "))
	if s.Count > 1 {
		text += " in the first, the others alike"
	}
	return text + "."
}

// Text is what the danger means.
func (d Danger) Text() string {
	switch d.Kind {
	case FreeButUsed:
		return fmt.Sprintf("host %v is in use, but has refcount 0: QEMU might overwrite it. It was not handed out here.", d.Host)
	case CopiedButShared:
		return fmt.Sprintf("host %v is written in place because its entry says COPIED, but others use it too: they will see the new data.", d.Host)
	}
	return fmt.Sprintf("host %v is released, but has refcount 0 already.", d.Host)
}

// maxPictures bounds the clusters that String shows.
const maxPictures = 16

// String is the outcome in its golden form: the pictures of the first clusters, and the steps.
func (o *Outcome) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", o.Request)
	for i := range o.Clusters[:min(maxPictures, len(o.Clusters))] {
		p := o.Picture(i)
		lines := p.Lines(o.w.g)
		fmt.Fprintf(&b, "guest cluster 0x%x\n  before %s\n  now    %s\n  after  %s\n", int64(p.Guest), lines[0], lines[1], lines[2])
	}
	if more := len(o.Clusters) - maxPictures; more > 0 {
		fmt.Fprintf(&b, "... and %d more clusters\n", more)
	}
	for _, r := range o.Fallback {
		fmt.Fprintf(&b, "%v cannot be expressed by flags: zeros are written\n", r)
	}
	for _, r := range o.Ignored {
		fmt.Fprintf(&b, "%v is left as it is: only whole clusters are discarded\n", r)
	}
	for i, s := range o.Steps {
		fmt.Fprintf(&b, "%3d. %s\n", i+1, o.Text(s))
	}
	if len(o.Steps) == 0 {
		b.WriteString("Nothing changes.\n")
	}
	for _, d := range o.Dangers {
		fmt.Fprintf(&b, "danger: %s\n", d.Text())
	}
	return b.String()
}

func (r Request) String() string {
	text := fmt.Sprintf("%v of guest %v", r.Kind, r.Range())
	switch {
	case r.Kind == Data && r.Bytes == nil:
		text += fmt.Sprintf(", every byte 0x%02x", r.Fill)
	case r.Kind == Zero && r.Unmap:
		text += ", clusters may be given back"
	}
	return text
}
