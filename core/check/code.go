package check

import "qcowscope/core/refcount"

// Code names a kind of finding. It is stable: reports, scripts and consent refer to it.
type Code string

// The codes. Those up to CopiedL2 are in QEMU's catalogue.
const (
	HeaderField            Code = "header-field"
	SnapshotTableBad       Code = "snapshot-table-bad"
	SnapshotEntryShort     Code = "snapshot-entry-incomplete"
	SnapshotL1Unaligned    Code = "snapshot-l1-unaligned"
	SnapshotL1TooLarge     Code = "snapshot-l1-too-large"
	SnapshotsWithDataFile  Code = "snapshots-with-data-file"
	RegionBeyondEOF        Code = "region-beyond-eof"
	RefcountOverflow       Code = "refcount-overflow"
	L1ReservedBits         Code = "l1-reserved-bits"
	L2TableUnaligned       Code = "l2-table-unaligned"
	TableReadError         Code = "table-read-error"
	L2ReservedBits         Code = "l2-reserved-bits"
	CompressedCopied       Code = "compressed-copied"
	CompressedWithDataFile Code = "compressed-with-data-file"
	CompressedBitmap       Code = "compressed-subcluster-bitmap"
	SubclusterZeroAndAlloc Code = "subcluster-zero-and-alloc"
	SubclusterAllocNoHost  Code = "subcluster-alloc-no-host"
	DataUnaligned          Code = "data-unaligned"
	PreallocUnaligned      Code = "data-prealloc-unaligned"
	ReftableReservedBits   Code = "reftable-reserved-bits"
	RefblockUnaligned      Code = "refblock-unaligned"
	RefblockOutside        Code = "refblock-outside"
	RefblockShared         Code = "refblock-shared"
	BitmapDirectoryBad     Code = "bitmap-directory-bad"
	BitmapTableBad         Code = "bitmap-table-bad"
	RefcountUnreadable     Code = "refcount-unreadable"
	RefcountZero           Code = "refcount-zero"
	RefcountTooLow         Code = "refcount-too-low"
	RefcountTooHigh        Code = "refcount-too-high"
	LeakedCluster          Code = "leaked-cluster"
	CopiedL1               Code = "copied-l1"
	CopiedL2               Code = "copied-l2"
	TooManyClusters        Code = "image-too-many-clusters"

	CrossLink          Code = "cross-linked-data"
	MetadataOverlap    Code = "metadata-overlap"
	L2TableShared      Code = "l2-table-shared"
	L2TableGarbage     Code = "l2-table-garbage"
	L1OffsetZero       Code = "l1-offset-zero"
	TablesOverlap      Code = "tables-overlap"
	ZeroInVersion2     Code = "zero-flag-in-v2"
	ZeroBitInExtended  Code = "zero-bit-in-extended-l2"
	DataFileOffset     Code = "data-file-offset"
	DirtyBit           Code = "dirty-bit"
	CorruptBit         Code = "corrupt-bit"
	LostMapping        Code = "lost-mapping"
	ReftableImpossible Code = "reftable-impossible"

	// What the header and its extensions get wrong, beside HeaderField.
	HeaderExtension    Code = "header-extension"
	HeaderLength       Code = "header-length"
	L1SizeWrong        Code = "l1-size-wrong"
	DiskSizeImpossible Code = "disk-size-impossible"
	CompressionWrong   Code = "compression-type-wrong"
	RawBitStray        Code = "raw-data-bit-stray"
	BackingNameWrong   Code = "backing-name-wrong"
	EncryptionWrong    Code = "encryption-wrong"
	FeatureUnknown     Code = "feature-unknown"
	HeaderPadding      Code = "header-padding"

	SnapshotEntryGarbage Code = "snapshot-entry-garbage"
	SnapshotsOffsetStray Code = "snapshots-offset-stray"
	SnapshotTableOutside Code = "snapshot-table-beyond-eof"
	SnapshotL1Outside    Code = "snapshot-l1-beyond-eof"
	BitmapInUse          Code = "bitmap-in-use"
	BitmapsUnvouched     Code = "bitmaps-not-vouched"
	BitmapTailBits       Code = "bitmap-tail-bits"

	// What lies beyond need, and what only a deep check sees.
	GuestBeyondSize   Code = "guest-beyond-size"
	VMStateLeft       Code = "vm-state-left"
	FileLonger        Code = "file-longer"
	RefcountPastEnd   Code = "refcount-past-end"
	SnapshotDiskSize  Code = "snapshot-disk-size"
	CompressedBroken  Code = "compressed-stream-broken"
	CompressedOverlap Code = "compressed-overlap"
)

// codeOf maps the troubles of the recount.
var codeOf = map[refcount.Kind]Code{
	refcount.RegionBeyondEOF:        RegionBeyondEOF,
	refcount.RefcountOverflow:       RefcountOverflow,
	refcount.L1ReservedBits:         L1ReservedBits,
	refcount.L2TableUnaligned:       L2TableUnaligned,
	refcount.L1OffsetZero:           L1OffsetZero,
	refcount.L2ReservedBits:         L2ReservedBits,
	refcount.CompressedCopied:       CompressedCopied,
	refcount.CompressedWithDataFile: CompressedWithDataFile,
	refcount.CompressedBitmap:       CompressedBitmap,
	refcount.SubclusterZeroAndAlloc: SubclusterZeroAndAlloc,
	refcount.SubclusterAllocNoHost:  SubclusterAllocNoHost,
	refcount.DataUnaligned:          DataUnaligned,
	refcount.PreallocUnaligned:      PreallocUnaligned,
	refcount.SnapshotL1Unaligned:    SnapshotL1Unaligned,
	refcount.SnapshotL1TooLarge:     SnapshotL1TooLarge,
	refcount.SnapshotsWithDataFile:  SnapshotsWithDataFile,
	refcount.ReftableReservedBits:   ReftableReservedBits,
	refcount.RefblockUnaligned:      RefblockUnaligned,
	refcount.RefblockOutside:        RefblockOutside,
	refcount.RefblockShared:         RefblockShared,
	refcount.BitmapDirectoryBad:     BitmapDirectoryBad,
	refcount.BitmapTableBad:         BitmapTableBad,
	refcount.BitmapTableEntryBad:    BitmapTableBad,
	refcount.TableReadError:         TableReadError,
	refcount.TablesOverlap:          TablesOverlap,
	refcount.CrossLink:              CrossLink,
	refcount.MetadataOverlap:        MetadataOverlap,
	refcount.L2TableShared:          L2TableShared,
	refcount.ZeroInVersion2:         ZeroInVersion2,
	refcount.ZeroBitInExtended:      ZeroBitInExtended,
	refcount.DataFileOffset:         DataFileOffset,
}

// Cure is what a repair does about a code.
type Cure uint8

// Cures. Only those before CureConsent are done without asking.
const (
	CureNone     Cure = iota // nothing: the information is gone or must be decided elsewhere
	CureFree                 // give the space back: set the refcount to the count
	CureRaise                // raise the refcount to the count
	CureRebuild              // write a new refcount structure
	CureFlag                 // set or clear a flag
	CureEntry                // correct the entry; the guest reads at least what it read
	CureEvidence             // correct it when exactly one correction fits; otherwise by consent
	CureConsent              // needs consent: it chooses, or gives something up
)

type fact struct {
	class    Class
	severity Severity
	cure     Cure
}

// facts is what is known of each code.
var facts = map[Code]fact{
	HeaderField:            {CheckError, Damage, CureNone},
	SnapshotTableBad:       {CheckError, Damage, CureEvidence},
	SnapshotEntryShort:     {Corruption, Warning, CureEntry},
	SnapshotL1Unaligned:    {Corruption, Damage, CureEvidence},
	SnapshotL1TooLarge:     {Corruption, Damage, CureEvidence},
	SnapshotsWithDataFile:  {Corruption, Damage, CureEvidence},
	RegionBeyondEOF:        {Corruption, Damage, CureEvidence},
	RefcountOverflow:       {Corruption, Danger, CureNone},
	L1ReservedBits:         {Corruption, Damage, CureEvidence},
	L2TableUnaligned:       {Corruption, Damage, CureEvidence},
	TableReadError:         {CheckError, Damage, CureNone},
	L2ReservedBits:         {Corruption, Damage, CureEvidence},
	CompressedCopied:       {Corruption, Warning, CureFlag},
	CompressedWithDataFile: {Corruption, Damage, CureConsent},
	CompressedBitmap:       {Corruption, Warning, CureEntry},
	SubclusterZeroAndAlloc: {Corruption, Damage, CureEntry},
	SubclusterAllocNoHost:  {Corruption, Damage, CureEvidence},
	DataUnaligned:          {Corruption, Damage, CureEvidence},
	PreallocUnaligned:      {Corruption, Warning, CureEntry},
	ReftableReservedBits:   {Corruption, Danger, CureRebuild},
	RefblockUnaligned:      {Corruption, Danger, CureRebuild},
	RefblockOutside:        {Corruption, Danger, CureRebuild},
	RefblockShared:         {Corruption, Danger, CureRebuild},
	BitmapDirectoryBad:     {Corruption, Damage, CureEvidence},
	BitmapTableBad:         {Corruption, Damage, CureEntry},
	RefcountUnreadable:     {CheckError, Danger, CureRebuild},
	RefcountZero:           {Corruption, Danger, CureRebuild},
	RefcountTooLow:         {Corruption, Danger, CureRaise},
	RefcountTooHigh:        {Leak, Waste, CureFree},
	LeakedCluster:          {Leak, Waste, CureFree},
	CopiedL1:               {Corruption, Warning, CureFlag},
	CopiedL2:               {Corruption, Warning, CureFlag},
	TooManyClusters:        {CheckError, Damage, CureNone},
	CrossLink:              {Beyond, Danger, CureConsent},
	MetadataOverlap:        {Beyond, Danger, CureNone},
	L2TableShared:          {Beyond, Danger, CureConsent},
	L2TableGarbage:         {Corruption, Damage, CureEvidence},
	L1OffsetZero:           {Beyond, Damage, CureEvidence},
	TablesOverlap:          {CheckError, Damage, CureNone},
	ZeroInVersion2:         {Beyond, Damage, CureEvidence},
	ZeroBitInExtended:      {Beyond, Note, CureEntry},
	DataFileOffset:         {Beyond, Damage, CureEntry},
	DirtyBit:               {Beyond, Note, CureFlag},
	CorruptBit:             {Beyond, Warning, CureFlag},
	LostMapping:            {Beyond, Danger, CureNone},
	ReftableImpossible:     {CheckError, Danger, CureRebuild},
	HeaderExtension:        {CheckError, Damage, CureEvidence},
	HeaderLength:           {CheckError, Damage, CureEvidence},
	L1SizeWrong:            {CheckError, Damage, CureEvidence},
	DiskSizeImpossible:     {CheckError, Damage, CureConsent},
	CompressionWrong:       {CheckError, Damage, CureEvidence},
	RawBitStray:            {CheckError, Damage, CureFlag},
	BackingNameWrong:       {CheckError, Damage, CureEvidence},
	EncryptionWrong:        {CheckError, Damage, CureEvidence},
	FeatureUnknown:         {CheckError, Warning, CureNone},
	HeaderPadding:          {Beyond, Note, CureNone},
	SnapshotEntryGarbage:   {Beyond, Damage, CureEvidence},
	SnapshotsOffsetStray:   {CheckError, Damage, CureEntry},
	SnapshotTableOutside:   {Corruption, Damage, CureEvidence},
	SnapshotL1Outside:      {Corruption, Damage, CureEvidence},
	BitmapInUse:            {Beyond, Note, CureNone},
	BitmapsUnvouched:       {Beyond, Warning, CureConsent},
	BitmapTailBits:         {Beyond, Note, CureNone},
	GuestBeyondSize:        {Beyond, Warning, CureNone},
	VMStateLeft:            {Beyond, Note, CureNone},
	FileLonger:             {Beyond, Note, CureNone},
	RefcountPastEnd:        {Beyond, Note, CureNone},
	SnapshotDiskSize:       {Beyond, Warning, CureNone},
	CompressedBroken:       {Beyond, Damage, CureNone},
	CompressedOverlap:      {Beyond, Damage, CureNone},
}

// Severity is what findings of the code mean for the user.
func (c Code) Severity() Severity { return facts[c].severity }

// Class is how QEMU counts findings of the code.
func (c Code) Class() Class { return facts[c].class }

// Cure is what a repair does about findings of the code.
func (c Code) Cure() Cure { return facts[c].cure }

// Mendable tells whether a repair always mends the code without consent.
func (c Code) Mendable() bool { f := facts[c]; return f.cure != CureNone && f.cure < CureEvidence }

// MayMend tells whether a repair may mend the code without consent.
func (c Code) MayMend() bool { f := facts[c]; return f.cure != CureNone && f.cure < CureConsent }

// Codes are all codes.
func Codes() []Code {
	var all []Code
	for c := range facts {
		all = append(all, c)
	}
	return all
}
