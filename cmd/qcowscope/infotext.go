package main

import (
	"fmt"
	"io"
	"strings"
)

// barWidth is the length of the longest bar of the waterfall.
const barWidth = 30

func (i *imageInfo) write(w io.Writer) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-14s%s\n", name, printable(fmt.Sprintf(format, args...)))
	}
	line("file", "%s", i.Filename)
	line("format", "qcow2 version %d", i.Version)
	line("virtual size", "%s (%d bytes)", size(uint64(i.VirtualSize)), uint64(i.VirtualSize))
	line("file size", "%s (%d bytes), %s on disk", size(uint64(i.FileSize)), i.FileSize, size(uint64(i.OnDisk)))
	line("clusters", "%s each, refcounts of %d bits", size(uint64(i.ClusterSize)), i.RefcountBits)
	line("compression", "%s", i.CompressionType)
	line("encryption", "%s", i.Encryption)
	if i.BackingFile != "" {
		line("backing file", "%s (%s)", i.BackingFile, i.backingFormat())
	}
	if i.DataFile != "" {
		line("data file", "%s", i.DataFile)
	}
	for _, f := range i.Features {
		line("feature", "%s (%s bit %d)", f.Name, f.Kind, f.Bit)
	}
	for _, r := range i.Refusals {
		line("QEMU refuses", "%s", r)
	}
	i.writeTables(w)
	i.writeUsage(w)
	if i.Layers != nil {
		i.Layers.write(w)
	}
}

func (i *imageInfo) backingFormat() string {
	if i.BackingFormat == "" {
		return "its format is not named"
	}
	return i.BackingFormat
}

// writeTables prints the header's fields and extensions, the snapshots and the bitmaps.
func (i *imageInfo) writeTables(w io.Writer) {
	fmt.Fprint(w, "\nheader\n")
	for _, f := range i.Header {
		fmt.Fprintf(w, "  0x%02x  %-24s 0x%x\n", f.Offset, f.Name, uint64(f.Value))
	}
	for _, e := range i.Extensions {
		fmt.Fprintf(w, "  0x%02x  extension %s (%s), %s\n", e.Offset, e.Type, e.Name, count(e.Length, "byte"))
	}
	if len(i.Snapshots) > 0 {
		fmt.Fprint(w, "\nsnapshots\n")
	}
	for _, s := range i.Snapshots {
		fmt.Fprintf(w, "  %-4s %-20s %s, VM state %s", printable(s.ID), printable(s.Name), s.Date, size(uint64(s.VMStateSize)))
		if s.DiskSize != nil {
			fmt.Fprintf(w, ", disk %s", size(uint64(*s.DiskSize)))
		}
		fmt.Fprintln(w)
	}
	if len(i.Bitmaps) > 0 {
		fmt.Fprint(w, "\nbitmaps\n")
	}
	for _, m := range i.Bitmaps {
		fmt.Fprintf(w, "  %-20s granularity %s %s\n", printable(m.Name), size(m.Granularity), strings.Join(m.Flags, ", "))
	}
}

// writeUsage prints the waterfall.
func (i *imageInfo) writeUsage(w io.Writer) {
	fmt.Fprint(w, "\nwhere the bytes of the file go\n")
	if i.UsageUnknown != "" {
		fmt.Fprintf(w, "  not counted: %s\n", i.UsageUnknown)
	}
	most := int64(1)
	for _, u := range i.Usage {
		most = max(most, u.Bytes)
	}
	for _, u := range i.Usage {
		bar := strings.Repeat("#", int(max(1, float64(u.Bytes)/float64(most)*barWidth)))
		fmt.Fprintf(w, "  %-20s %10s  %-14s %s\n", u.Role, size(uint64(u.Bytes)), count(u.Clusters, "cluster"), bar)
	}
	if holes := i.FileSize - i.OnDisk; holes > 0 {
		fmt.Fprintf(w, "%s of it take no space on disk (holes).\n", size(uint64(holes)))
	}
}
