// Package redirect turns any plan into one that overwrites nothing that is live, so that a
// crash at any point leaves the old image or the new one, never something between.
//
// A table or data cluster that the plan changes goes to a new cluster; the table that
// points to it then changes as well and goes to a new cluster too, and so on up to the
// header, whose sector 0 holds the pointers to all roots:
//
//	header, sector 0 ── l1_table_offset ─────── L1 ── L2 ── data
//	   (one write       snapshots_offset ────── snapshot table ── L1 ── L2 ── data
//	    switches        refcount_table_offset ─ reftable ── refblock
//	    over)           bitmaps extension ───── directory ── table ── data
//
// New clusters are those that are free before the plan and after it. The refcounts of the
// new places are in refblocks, which are redirected likewise, each once. What results is
// the image that the plan makes, with some clusters at other places: the same findings, the
// same guest bytes, the same leaks.
//
// The batches of a redirected plan are: what goes to free clusters; the header sector; and,
// after that, what nobody refers to any more, and the end of the file. Where the header is
// longer than its first sector the header sector may be more than one step, see header.go.
package redirect
