package check

import (
	"errors"
	"fmt"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
)

// Qemu is the line that `qemu-img check` 7.2 prints for the finding (for the first of a
// run), or the part of it that does not depend on names, "" for what it does not report.
// People search for these lines.
func (f Finding) Qemu(g qcow2.Geometry) string {
	if f.refused() {
		return f.qemuRefusal(g)
	}
	host := uint64(f.Host.Start)
	switch f.Code {
	case SnapshotTableBad, SnapshotsOffsetStray:
		return f.qemuSnapshotTable()
	case SnapshotEntryShort:
		return fmt.Sprintf("ERROR snapshot table entry %d is incomplete", f.At.Root-1)
	case SnapshotL1Unaligned:
		return fmt.Sprintf("l1_offset=0x%x: L1 table is not cluster aligned; snapshot table entry corrupted", host)
	case SnapshotL1TooLarge:
		return fmt.Sprintf("l1_size=0x%x: L1 table is too large; snapshot table entry corrupted", int64(f.Host.Len)/qcow2.L1EntrySize)
	case SnapshotsWithDataFile:
		return fmt.Sprintf("ERROR %d snapshots in image with data file", f.Count)
	case RegionBeyondEOF, SnapshotL1Outside, SnapshotTableOutside:
		return fmt.Sprintf("ERROR: counting reference for region exceeding the end of the file by one cluster or more: offset 0x%x size 0x%x", host, f.firstLen(g))
	case RefcountOverflow:
		return fmt.Sprintf("ERROR: overflow cluster offset=0x%x", host)
	case RefcountZero, RefcountTooLow:
		return fmt.Sprintf("ERROR cluster %d refcount=%d reference=%d", f.At.L1Index, f.Got, f.Want)
	case RefcountTooHigh, LeakedCluster:
		return fmt.Sprintf("Leaked cluster %d refcount=%d reference=%d", f.At.L1Index, f.Got, f.Want)
	case RefcountUnreadable:
		return fmt.Sprintf("Can't get refcount for cluster %d: Input/output error", g.Cluster(f.Host.Start))
	case TableReadError:
		return "qemu-img: Check failed: Input/output error"
	case BitmapTableBad, BitmapDirectoryBad:
		if errors.Is(f.Err, image.ErrBitmapTablePlace) {
			return "qemu-img: Check failed: Input/output error"
		}
		return "qemu-img: Check failed: Invalid argument"
	case ReftableReservedBits, RefblockUnaligned, RefblockOutside, RefblockShared:
		return f.qemuRefblock()
	}
	return f.qemuEntry()
}

// firstLen is the length of the first region of a run: streams and areas stand alone.
func (f Finding) firstLen(g qcow2.Geometry) int64 {
	if f.Guest.Len > 0 && f.At.L2Index >= 0 && f.Got&qcow2.FlagCompressed == 0 {
		return g.ClusterSize()
	}
	return int64(f.Host.Len)
}

// qemuEntry is the line about an L1 or L2 entry.
func (f Finding) qemuEntry() string {
	host := uint64(f.Host.Start)
	switch f.Code {
	case L1ReservedBits:
		return fmt.Sprintf("ERROR found L1 entry with reserved bits set: %x", f.Got)
	case L2ReservedBits:
		return fmt.Sprintf("ERROR found l2 entry with reserved bits set: %x", f.Got)
	case L2TableUnaligned:
		return fmt.Sprintf("ERROR l2_offset=%x: Table is not cluster aligned; L1 entry corrupted", host)
	case CompressedCopied:
		return fmt.Sprintf("ERROR: coffset=0x%x: copied flag must never be set for compressed clusters", host)
	case CompressedWithDataFile:
		return fmt.Sprintf("ERROR compressed cluster %d with data file, entry=0x%x", f.At.L2Index, f.Got)
	case CompressedBitmap:
		return fmt.Sprintf("ERROR compressed cluster %d with non-zero subcluster allocation bitmap, entry=0x%x", f.At.L2Index, f.Got)
	case SubclusterZeroAndAlloc:
		return fmt.Sprintf("ERROR offset=%x: Allocated cluster has corrupted subcluster allocation bitmap", host)
	case SubclusterAllocNoHost:
		return "ERROR: Unallocated cluster has non-zero subcluster allocation map"
	case DataUnaligned:
		return fmt.Sprintf("ERROR offset=%x: Data cluster is not properly aligned; L2 entry corrupted.", host)
	case PreallocUnaligned:
		return fmt.Sprintf("ERROR offset=%x: Preallocated cluster is not properly aligned; L2 entry corrupted.", host)
	case CopiedL1:
		return fmt.Sprintf("ERROR OFLAG_COPIED L2 cluster: l1_index=%d l1_entry=%x refcount=%s", f.At.L1Index, f.Got, f.qemuCount())
	case CopiedL2:
		return fmt.Sprintf("ERROR OFLAG_COPIED data cluster: l2_entry=%x refcount=%s", f.Got, f.qemuCount())
	}
	return ""
}

func (f Finding) qemuCount() string {
	if f.Count == UnknownCount {
		return ""
	}
	return fmt.Sprint(f.Count)
}

func (f Finding) qemuRefblock() string {
	switch f.Code {
	case ReftableReservedBits:
		return fmt.Sprintf("ERROR refcount table entry %d has reserved bits set", f.At.L1Index)
	case RefblockUnaligned:
		return fmt.Sprintf("ERROR refcount block %d is not cluster aligned; refcount table entry corrupted", f.At.L1Index)
	case RefblockOutside:
		return fmt.Sprintf("ERROR refcount block %d is outside image", f.At.L1Index)
	}
	return fmt.Sprintf("ERROR refcount block %d refcount=%d", f.At.L1Index, f.Count)
}

func (f Finding) qemuSnapshotTable() string {
	switch {
	case errors.Is(f.Err, image.ErrSnapshotCount):
		return "ERROR snapshot table too large"
	case errors.Is(f.Err, image.ErrSnapshotOffset):
		return "ERROR snapshot table offset invalid"
	}
	return "ERROR failed to read the snapshot table"
}

// qemuRefusals are the messages with which QEMU refuses a header field, where there is
// only one for it.
var qemuRefusals = map[string]string{
	"backing_file_offset":     "Invalid backing file offset",
	"backing_file_size":       "Backing file name too long",
	"refcount_table_clusters": "Reference count table too large",
	"refcount_table_offset":   "Reference count table offset invalid",
	"l1_table_offset":         "Active L1 table offset invalid",
	"header extension":        "Header extension too large",
	"autoclear_features":      "data-file-raw requires a data file",
	"bitmaps extension":       "bitmaps_ext",
}

func (f Finding) qemuRefusal(g qcow2.Geometry) string {
	pick := func(first bool, a, b string) string {
		if first {
			return a
		}
		return b
	}
	switch f.At.Name {
	case "header_length":
		return pick(f.Got < qcow2.HeaderLengthV3Min, "qcow2 header too short", "qcow2 header exceeds cluster size")
	case "l1_size":
		return pick(f.Got > qcow2.MaxL1Entries, "Active L1 table too large", "L1 table is too small")
	case "crypt_method":
		return pick(f.Got > qcow2.CryptLUKS, fmt.Sprintf("Unsupported encryption method %d", f.Got), "Missing CRYPTO header for crypt method 2")
	case "size":
		return pick(f.Got > -uint64(g.L2Span()), "Could not refresh total sector count: File too large", "Image is too big")
	case "compression_type":
		return fmt.Sprintf("qcow2: unknown compression type: %d", f.Got)
	case "data file name extension":
		return pick(f.Got == 0, "'data-file' is required for this image", "driver requires a file name")
	case "cluster_bits":
		return fmt.Sprintf("Unsupported subcluster size: %d", g.ClusterSize()/qcow2.SubclustersPerEntry)
	case "incompatible_features":
		return pick(f.Got&^qcow2.IncompatKnown != 0, "Unsupported qcow2 feature(s)", "qcow2: Compression type incompatible feature bit must")
	}
	if r, ok := f.Err.(refusal); ok && r.QEMU != "" {
		return r.QEMU
	}
	return qemuRefusals[f.At.Name]
}
