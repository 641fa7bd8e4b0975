package check

// Consent is what accepting the repair of the code chooses or gives up, "" when there is no
// repair by consent.
func (c Code) Consent() string { return consents[c] }

// consents has an entry for each code that repairs ask about.
var consents = map[Code]string{
	HeaderExtension:      "The extension that cannot be read is left out of the header, and what it said is lost: a backing format, feature names, the list of bitmaps, or something that this program does not know. Extensions behind it that can be read are kept.",
	HeaderLength:         "The header is taken to be 112 bytes long. If that is wrong, extensions such as the list of bitmaps are not seen any more.",
	L1SizeWrong:          "The disk gets the size that its table covers, or an impossible length of the table is set to what the disk needs. If it was the other number that was wrong, the end of the disk is given up; nothing can be read there now.",
	DiskSizeImpossible:   "The disk gets the size that a snapshot recorded, or the whole size that its table covers, which can be more than it was.",
	CompressionWrong:     "There is no compressed data to tell by. The method is the one that the field compression_type names.",
	SnapshotTableBad:     "Snapshots whose entries cannot be read get new ones, with made-up names, if their tables are found in the file; otherwise they are dropped from the list. Their data stays in the file. Of an entry with more extra data than QEMU reads, the part that no program knows is cut.",
	SnapshotEntryGarbage: "Entries that are none are replaced by new ones, with made-up names, for snapshots whose tables are found in the file; otherwise they are dropped. The data stays in the file.",
	SnapshotTableOutside: "The list of snapshots is not in this file. Those whose tables are found get new entries with made-up names; the others are dropped, and their data stays in the file. " +
		"If the file was cut off in copying, a whole copy still has them.",
	SnapshotL1Unaligned: "The snapshot is dropped from the list. Its data stays in the file, marked as used, but nothing says any more which disk it was.",
	SnapshotL1TooLarge:  "The snapshot with the impossible table is dropped. Its data stays in the file, marked as used, but without a list entry.",
	SnapshotL1Outside: "The snapshot whose table is missing is dropped. Its data stays in the file, marked as used, but without a list entry. " +
		"If the file was cut off in copying, a whole copy still has it.",
	BitmapDirectoryBad: "Bitmaps that cannot be read are dropped, all of them if the list itself is gone. The next backup must be a full one.",
	BitmapsUnvouched:   "The bitmaps are left out of the header. Programs do not use them any more as it is; the next backup must be a full one.",

	CrossLink:     "The shared cluster is copied, so that both places of the disk keep what they read now. Which of them the content belongs to is not decided; the other place holds wrong data as before.",
	L2TableShared: "The shared table is copied, so that both pieces of the disk keep what they read now. Which of them it belongs to is not decided; the other one shows wrong data as before.",

	RegionBeyondEOF:        "Entries that point past the end of the file are replaced by zeros. If the file was cut off in copying, a whole copy still has that data.",
	DataUnaligned:          "Entries that can mean no cluster are replaced by zeros. Their data may still be in the file, but nothing points to it any more.",
	L2TableUnaligned:       "The piece of the disk that the table should map (512 MiB in an ordinary image) reads as empty. Its data stays in the file, without a map.",
	L1ReservedBits:         "The entry is cleared, and the piece of the disk that it maps (512 MiB in an ordinary image) reads as empty. Its data stays in the file.",
	L2ReservedBits:         "The entry is replaced by zeros. The data that it may mean stays in the file, but nothing points to it any more.",
	SubclusterAllocNoHost:  "The marks are taken back and these subclusters read as zeros. Data that they may mean stays in the file, but nothing points to it.",
	CompressedWithDataFile: "The compressed cluster is given up: that cluster of the disk reads as zeros.",
	L2TableGarbage:         "The piece of the disk that the table mapped reads as empty. The data stays in the file, but where each piece belongs is given up.",
}
