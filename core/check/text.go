package check

import (
	"fmt"
	"strings"

	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// String is the finding in its golden form: one line, every number.
func (f Finding) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s %s %s", f.Class, f.Code, f.At.Field())
	if f.At.Off >= 0 {
		fmt.Fprintf(&s, "@0x%x", int64(f.At.Off))
	}
	if f.Host.Len > 0 {
		fmt.Fprintf(&s, " host %v", f.Host)
	}
	if f.Guest.Len > 0 {
		fmt.Fprintf(&s, " guest %v", f.Guest)
	}
	fmt.Fprintf(&s, " got %s", f.GotText())
	if want := f.WantText(); want != "" {
		fmt.Fprintf(&s, " want %s", want)
	}
	if f.Times != 1 {
		fmt.Fprintf(&s, " x%d", f.Times)
	}
	if f.Err != nil {
		fmt.Fprintf(&s, ": %v", f.Err)
	}
	return s.String()
}

// GotText is what the field holds: a count in decimal, anything else in hex.
func (f Finding) GotText() string { return f.number(f.Got) }

// WantText is what the field should hold, written like GotText, "" if that is not known.
func (f Finding) WantText() string {
	if f.Want == 0 && f.Code != LeakedCluster {
		return ""
	}
	return f.number(f.Want)
}

// number writes counts in decimal and everything else in hex, as people know them.
func (f Finding) number(v uint64) string {
	switch f.Code {
	case RefcountZero, RefcountTooLow, RefcountTooHigh, LeakedCluster, RefcountOverflow, RefcountPastEnd, SnapshotEntryShort, LostMapping:
		return fmt.Sprint(v)
	}
	return fmt.Sprintf("0x%x", v)
}

// Where is the field, where it stands in the file, and what it concerns.
func (f Finding) Where(g qcow2.Geometry) string {
	var parts []string
	field := f.At.Field()
	if n := f.places(g); n > 1 && f.At.Kind == FieldRefcount {
		field = fmt.Sprintf("refcount[%d..%d]", f.At.L1Index, f.At.L1Index+n-1)
	}
	switch {
	case field != "" && f.At.Off >= 0:
		parts = append(parts, fmt.Sprintf("%s at file offset 0x%x", field, int64(f.At.Off)))
	case field != "":
		parts = append(parts, field)
	}
	if root := f.root(); root != "" {
		parts = append(parts, root)
	}
	if f.Host.Len > 0 {
		parts = append(parts, "host "+f.Host.String())
	}
	if f.Guest.Len > 0 {
		parts = append(parts, "guest "+f.Guest.String())
	}
	return strings.Join(parts, ", ")
}

// root names the layer that the field belongs to, "" for the active one and none.
func (f Finding) root() string {
	if f.At.Root > 0 && f.At.Kind != FieldSnapshot {
		return fmt.Sprintf("of snapshot %d", f.At.Root)
	}
	return ""
}

// places is how many neighbouring clusters a joined finding covers.
func (f Finding) places(g qcow2.Geometry) int64 {
	if f.Host.Len <= 0 {
		return 1
	}
	return max(1, g.Clusters(int64(f.Host.Len)))
}

// cluster names the host clusters of the finding: "cluster 7" or "clusters 7 to 9 (3)".
func (f Finding) cluster(g qcow2.Geometry) string {
	first, n := int64(g.Cluster(f.Host.Start)), f.places(g)
	if n == 1 {
		return fmt.Sprintf("cluster %d", first)
	}
	return fmt.Sprintf("clusters %d to %d (%d)", first, first+n-1, n)
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// choose is one of two phrases, for one place or for many.
func (f Finding) choose(g qcow2.Geometry, one, many string) string {
	if f.places(g) == 1 {
		return one
	}
	return many
}

func clusterCount(n uint64) string {
	if n == 1 {
		return "1 cluster"
	}
	return fmt.Sprintf("%d clusters", n)
}

func references(n uint64) string {
	if n == 1 {
		return "1 reference"
	}
	return fmt.Sprintf("%d references", n)
}

// What is the finding in one sentence with its numbers.
func (f Finding) What(g qcow2.Geometry) string {
	if f.Code == MetadataOverlap && f.At.Kind != FieldL1 && f.At.Kind != FieldL2 {
		return capital(fmt.Sprintf("%s belongs to the %s and also to the %s.", f.cluster(g), f.At.Role, f.other()))
	}
	switch f.At.Kind {
	case FieldRefcount:
		return f.whatRefcount(g)
	case FieldL1, FieldL2:
		return f.whatEntry(g)
	case FieldReftable:
		return f.whatReftable(g)
	case FieldSnapshot:
		return f.whatSnapshot()
	case FieldBitmap:
		return f.whatBitmap()
	}
	return f.whatHeader(g)
}

// plain is an error's text without the name of the package that it comes from.
func plain(err error) string {
	_, why, ok := strings.Cut(err.Error(), ": ")
	if pkg := strings.SplitN(err.Error(), ":", 2)[0]; !ok || strings.Contains(pkg, " ") {
		return err.Error()
	}
	return why
}

// whatField speaks of a header field, or of a structure that the header leads to.
func (f Finding) whatField() string {
	switch name := f.At.Field(); {
	case name == "bitmap directory" || name == "header extension":
		return capital(plain(f.Err)) + "."
	case strings.Contains(name, " "):
		return fmt.Sprintf("The %s holds 0x%x: %s.", name, f.Got, plain(f.Err))
	default:
		return fmt.Sprintf("%s is 0x%x: %s.", name, f.Got, plain(f.Err))
	}
}

// cause is the error that was met, or what is said of the value without one.
func (f Finding) cause(format string, v uint64) string {
	if f.Err != nil {
		return plain(f.Err)
	}
	return fmt.Sprintf(format, v)
}

func (f Finding) whatRefcount(g qcow2.Geometry) string {
	has := f.choose(g, "has", "each have")
	switch f.Code {
	case LeakedCluster:
		return capital(fmt.Sprintf("%s %s refcount %d, but nothing refers to %s.", f.cluster(g), has, f.Got, f.choose(g, "it", "them")))
	case RefcountOverflow:
		return capital(fmt.Sprintf("%s (%s) has %s, but a refcount of this image counts to %d.", f.cluster(g), f.At.Role, references(f.Want), f.Got))
	case RefcountPastEnd:
		return fmt.Sprintf("%s behind the end of the file, with a refcount that is not 0: the first is %d, of cluster %d.", clusterCount(f.Count), f.Got, f.At.L1Index)
	}
	return capital(fmt.Sprintf("%s (%s) %s %s, but refcount %d.", f.cluster(g), f.At.Role, has, references(f.Want), f.Got))
}

// whatEntry speaks of an L1 or L2 entry, or of a run of them.
func (f Finding) whatEntry(g qcow2.Geometry) string {
	if f.Code == LostMapping {
		return f.whatLost(g)
	}
	entry := fmt.Sprintf("%s is 0x%x", f.At.Field(), f.Got)
	if f.Times > 1 && f.places(g) > 1 {
		entry = fmt.Sprintf("%s and the %d entries that continue it (the first is 0x%x)", f.At.Field(), f.places(g)-1, f.Got)
	}
	return fmt.Sprintf("%s: %s.%s", entry, f.entryTrouble(g), f.again(g))
}

// again tells how often QEMU counts what stands at one place.
func (f Finding) again(g qcow2.Geometry) string {
	if f.Times > 1 && f.places(g) == 1 && f.Class != Beyond {
		return fmt.Sprintf(" QEMU meets it %d times.", f.Times)
	}
	return ""
}

// other is the role of what lies there already.
func (f Finding) other() refcount.Role { return refcount.Role(f.Count) }

func (f Finding) entryTrouble(g qcow2.Geometry) string {
	switch f.Code {
	case CrossLink:
		return fmt.Sprintf("%s %s to another place of the disk already", f.cluster(g), f.choose(g, "belongs", "belong"))
	case MetadataOverlap:
		return fmt.Sprintf("%s %s to the %s already", f.cluster(g), f.choose(g, "belongs", "belong"), f.other())
	case L2TableShared:
		return fmt.Sprintf("the L2 table in %s belongs to another L1 entry already", f.cluster(g))
	case L2TableGarbage:
		return fmt.Sprintf("the L2 table in %s has %d impossible entries", f.cluster(g), f.Want)
	case CompressedBroken:
		return fmt.Sprintf("guest %v cannot be read, %s", f.Guest, plain(f.Err))
	case CompressedOverlap:
		if f.Count == uint64(f.Host.Start) {
			return "its compressed stream belongs to another place of the disk already"
		}
		return fmt.Sprintf("its compressed stream at host 0x%x begins inside the one at host 0x%x", int64(f.Host.Start), f.Count)
	}
	return f.pointerTrouble(g)
}

func (f Finding) pointerTrouble(g qcow2.Geometry) string {
	switch f.Code {
	case CopiedL1, CopiedL2:
		return f.whatCopied(g)
	case L1ReservedBits:
		return fmt.Sprintf("bits 0x%x must be zero", f.Got&qcow2.L1Reserved)
	case L2ReservedBits:
		return fmt.Sprintf("bits 0x%x must be zero", f.Got&qcow2.L2Reserved)
	case L1OffsetZero:
		return "it is not zero, but points to host 0x0, which is the header"
	case L2TableUnaligned, DataUnaligned, PreallocUnaligned:
		return fmt.Sprintf("host 0x%x is %d bytes past a cluster boundary", int64(f.Host.Start), int64(f.Host.Start)&(g.ClusterSize()-1))
	case RegionBeyondEOF:
		return fmt.Sprintf("host %v lies past the end of the file", f.Host)
	case CompressedCopied:
		return "a compressed cluster with the COPIED flag (bit 63)"
	case CompressedBitmap:
		return "a compressed cluster whose subcluster bitmap is not zero"
	case CompressedWithDataFile:
		return "a compressed cluster, which a data file cannot hold"
	case DataFileOffset:
		return fmt.Sprintf("it maps guest 0x%x to offset 0x%x of the data file", int64(f.Guest.Start), int64(f.Host.Start))
	case SubclusterZeroAndAlloc:
		return "some subclusters have both the allocation and the zero bit"
	case SubclusterAllocNoHost:
		return "some subclusters have the allocation bit, but the entry has no host cluster"
	case ZeroInVersion2:
		return "the zero flag (bit 0) does not exist in version 2"
	case ZeroBitInExtended:
		return "bit 0 does not exist in extended L2 entries"
	}
	return f.cause("not what code "+string(f.Code)+" allows (0x%x)", f.Got)
}

func (f Finding) whatCopied(g qcow2.Geometry) string {
	role := "the L2 table"
	if f.Code == CopiedL2 {
		role = "the data"
	}
	claim := "COPIED is not set, although"
	if f.Got&qcow2.FlagCopied != 0 {
		claim = "COPIED is set, although"
	}
	count := fmt.Sprintf("refcount %d", f.Count)
	if f.Count == UnknownCount {
		count = "a refcount that is not 1"
	}
	if f.At.Role == refcount.Data && g.DataFile {
		return claim + " clusters of a data file are never shared"
	}
	return fmt.Sprintf("%s %s in %s %s %s", claim, role, f.cluster(g), f.choose(g, "has", "have"), count)
}

func (f Finding) whatLost(g qcow2.Geometry) string {
	leaks := fmt.Sprintf("%d clusters are marked as used without a reference", f.Got)
	switch {
	case f.At.Kind == FieldL1 && f.Host.Len > 0:
		return fmt.Sprintf("%s, and the L2 table of %s in %s is wholly zero.", leaks, f.At.Field(), f.cluster(g))
	case f.Host.Len > 0:
		return fmt.Sprintf("%s, and the one at %s looks like an L2 table that maps others of them.", leaks, f.cluster(g))
	}
	return leaks + ", more than all tables map."
}

func (f Finding) whatReftable(g qcow2.Geometry) string {
	entry := fmt.Sprintf("%s is 0x%x: ", f.At.Field(), f.Got)
	switch f.Code {
	case ReftableReservedBits:
		return fmt.Sprintf("%sbits 0x%x must be zero.", entry, f.Got&qcow2.ReftableRsvd)
	case RefblockUnaligned:
		return fmt.Sprintf("%shost 0x%x is not a cluster boundary.", entry, uint64(f.Host.Start))
	case RefblockOutside, RegionBeyondEOF:
		return fmt.Sprintf("%sthe refblock at host 0x%x lies past the end of the file.", entry, uint64(f.Host.Start))
	case RefblockShared:
		return fmt.Sprintf("%sthe refblock in %s has %s in all.", entry, f.cluster(g), references(f.Count))
	}
	return fmt.Sprintf("%sthe refcounts of %s cannot be read.", entry, f.cluster(g))
}

func (f Finding) whatSnapshot() string {
	switch f.Code {
	case SnapshotEntryShort:
		return fmt.Sprintf("Snapshot %d has %d bytes of extra data; version 3 needs at least %d.", f.At.Root, f.Got, qcow2.SnapshotExtraV3)
	case SnapshotL1Unaligned:
		return fmt.Sprintf("%s is 0x%x, which is not a cluster boundary.", f.At.Field(), f.Got)
	case SnapshotEntryGarbage:
		return fmt.Sprintf("Entry %d of the snapshot table has no id that a program would write; as its L1 offset it holds 0x%x.", f.At.Root, f.Got)
	case SnapshotL1TooLarge:
		return fmt.Sprintf("Snapshot %d has an L1 table of %d entries; at most %d are allowed.", f.At.Root, int64(f.Host.Len)/qcow2.L1EntrySize, qcow2.MaxL1Entries)
	case SnapshotDiskSize:
		return f.whatDiskSize()
	case TableReadError:
		return f.whatUnread()
	}
	return fmt.Sprintf("The L1 table of snapshot %d, host %v, lies past the end of the file or across other tables.", f.At.Root, f.Host)
}

func (f Finding) whatBitmap() string {
	switch f.Code {
	case BitmapInUse:
		return fmt.Sprintf("Bitmap %d (%q): flags are 0x%x, bit 0 (in use) is set.", f.At.L1Index+1, f.At.Name, f.Got)
	case BitmapTailBits:
		return fmt.Sprintf("Bitmap %d (%q): %d bits are set behind the end of the disk.", f.At.L1Index+1, f.At.Name, f.Count)
	}
	return fmt.Sprintf("%s: %s.", f.At.Field(), f.cause("entry 0x%x is not one that a bitmap table can hold", f.Got))
}

func (f Finding) whatDiskSize() string {
	const says = "Snapshot %d says that its disk had %s, "
	had := qcow2.Size(f.Got).Exact()
	switch {
	case f.Got == 0:
		return fmt.Sprintf(says+"but it maps data.", f.At.Root, had)
	case f.Got%qcow2.SectorSize != 0:
		return fmt.Sprintf(says+"which is no whole number of sectors.", f.At.Root, had)
	}
	return fmt.Sprintf(says+"but its L1 table maps only %s.", f.At.Root, had, qcow2.Size(f.Count).Exact())
}

func (f Finding) whatUnread() string {
	return fmt.Sprintf("Host %v could not be read: %s.", f.Host, plain(f.Err))
}

// whatHeader speaks of what has no entry of its own: header fields and whole structures.
func (f Finding) whatHeader(g qcow2.Geometry) string {
	if f.refused() {
		return f.whatField()
	}
	switch f.Code {
	case HeaderPadding:
		return fmt.Sprintf("Bytes 0x%x to 0x%x of the header cluster belong to nothing, and not all of them are zero.", int64(f.Host.Start), int64(f.Host.End())-1)
	case BitmapsUnvouched:
		return fmt.Sprintf("autoclear_features is 0x%x: bit 0 (bitmaps) is clear, but there is a bitmaps extension.", f.Got)
	case SnapshotsOffsetStray:
		return fmt.Sprintf("snapshots_offset is 0x%x, which is not a cluster boundary, and nb_snapshots is 0.", f.Got)
	case SnapshotTableBad:
		return fmt.Sprintf("The snapshot table at 0x%x cannot be read: %s.", f.Got, plain(f.Err))
	case DirtyBit:
		return fmt.Sprintf("incompatible_features is 0x%x: bit 0 (dirty) is set.", f.Got)
	case CorruptBit:
		return fmt.Sprintf("incompatible_features is 0x%x: bit 1 (corrupt) is set.", f.Got)
	case LostMapping:
		return f.whatLost(g)
	case SnapshotsWithDataFile:
		return fmt.Sprintf("The image has an external data file and snapshots (%d).", f.Count)
	case GuestBeyondSize, VMStateLeft:
		return fmt.Sprintf("The disk has %s, but more is mapped behind its end: %s in guest %v.", qcow2.Size(f.Got).Exact(), clusterCount(f.Count), f.Guest)
	case FileLonger:
		return fmt.Sprintf("The file has %s; the last cluster in use ends at %s.", qcow2.Size(f.Got).Exact(), qcow2.Size(f.Want).Exact())
	case TableReadError:
		return f.whatUnread()
	}
	return fmt.Sprintf("The %s, host %v, lies past the end of the file.", f.At.Role, f.Host)
}
