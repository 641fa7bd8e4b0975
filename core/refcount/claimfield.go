package refcount

import "fmt"

// Field names the pointer: "l2[0][5]", "reftable[3]", a header field.
func (k Claim) Field() string {
	switch {
	case k.Role == Refblock:
		return fmt.Sprintf("reftable[%d]", k.L1Index)
	case k.Role == BitmapData && k.L2Index >= 0:
		return fmt.Sprintf("bitmap[%d].table[%d]", k.L1Index, k.L2Index)
	case k.Role == BitmapData && k.L1Index >= 0:
		return fmt.Sprintf("bitmap[%d]", k.L1Index)
	case k.L2Index >= 0:
		return fmt.Sprintf("l2[%d][%d]", k.L1Index, k.L2Index)
	case k.L1Index >= 0:
		return fmt.Sprintf("l1[%d]", k.L1Index)
	}
	switch k.Role {
	case Header:
		return "(the file starts with it)"
	case L1, InactiveL1:
		return "l1_table_offset"
	case Reftable:
		return "refcount_table_offset"
	case SnapshotTable:
		return "snapshots_offset"
	case Crypto:
		return "LUKS extension"
	}
	return "bitmap_directory_offset"
}
