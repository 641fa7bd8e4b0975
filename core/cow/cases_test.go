package cow_test

import "qcowscope/core/cow"

// testCase is a request on an image. Its recipe is what comes before.
type testCase struct {
	name   string
	recipe string
	req    cow.Request
}

// From the middle of subcluster 3 to the end of the cluster: 64 KiB clusters have
// subclusters of 2 KiB.
var fromMiddleOf3 = cow.Request{Offset: 7 << 10, Length: 57 << 10, Fill: 0x5a}

const (
	extendedImage = "image version=3 size=1M cluster=64K extended_l2\n"
	backedImage   = "image version=3 size=1M cluster=64K extended_l2 backing=base.raw format=raw fill=0x22\n"
	plainImage    = "image version=3 size=1M cluster=64K\n"
	dataFileImage = "image version=3 size=1M cluster=64K extended_l2 data_file=data.raw\n"
	all           = "write guest=0 len=64K fill=0x11\n"
	only2And3     = "write guest=4K len=4K fill=0x11\n"
	snapshot      = "snapshot name=s\n"
)

// newCluster are the cases in which a new cluster is needed.
var newCluster = []testCase{
	{"1 shared, all subclusters allocated", extendedImage + all + snapshot, fromMiddleOf3},
	{"1 shared, only 2 and 3 allocated", extendedImage + only2And3 + snapshot, fromMiddleOf3},
	{"1 shared, only 2 and 3 allocated, the others zero", extendedImage + "zero guest=0 len=64K\n" + only2And3 + snapshot, fromMiddleOf3},
	{"1 shared, 3 unallocated, 1 allocated", extendedImage + "write guest=2K len=2K fill=0x11\n" + snapshot, fromMiddleOf3},
	{"1 shared, 3 unallocated, 1 allocated, over a backing file", backedImage + "write guest=2K len=2K fill=0x11\n" + snapshot, fromMiddleOf3},
	{"1 shared, 3 zero, 1 allocated", extendedImage + all + "zero guest=4K len=6K\n" + snapshot, fromMiddleOf3},
	{"1 shared, allocated only above 3", extendedImage + "write guest=8K len=4K fill=0x11\n" + snapshot, fromMiddleOf3},
	{"1 unallocated", extendedImage, fromMiddleOf3},
	{"1 unallocated over a backing file", backedImage, fromMiddleOf3},
	{"1 zero without host", extendedImage + "zero guest=0 len=64K\n", fromMiddleOf3},
	{"1 zero without host over a backing file", backedImage + "zero guest=0 len=64K\n", fromMiddleOf3},
	{"1 compressed", extendedImage + "compress guest=0 len=64K fill=0x11\n", fromMiddleOf3},
	{"1 compressed and shared", extendedImage + "compress guest=0 len=64K fill=0x11\n" + snapshot, fromMiddleOf3},
}

// inPlace are the cases in which the cluster is exclusive.
var inPlace = []testCase{
	{"2.1 subcluster 3 unallocated", extendedImage + "write guest=2K len=2K fill=0x11\n", fromMiddleOf3},
	{"2.1 subcluster 3 unallocated over a backing file", backedImage + "write guest=2K len=2K fill=0x11\n", fromMiddleOf3},
	{"2.1 subcluster 3 zero", extendedImage + all + "zero guest=6K len=2K\n", fromMiddleOf3},
	{"2.1 preallocated, nothing written", extendedImage + "prealloc guest=0 len=64K\n", fromMiddleOf3},
	{"2.1 subcluster 3 zero, in a data file", dataFileImage + all + "zero guest=6K len=2K\n", fromMiddleOf3},
	{"2.2 with a record: 3 data, 5 unallocated", extendedImage + "write guest=0 len=10K fill=0x11\n" + "write guest=12K len=52K fill=0x12\n", fromMiddleOf3},
	{"2.2 with a record: 3 data, 20 zero", extendedImage + all + "zero guest=40K len=2K\n", fromMiddleOf3},
	{"2.2 without a record: 3 to 31 data", extendedImage + all, fromMiddleOf3},
	{"2.2 without a record: 0 to 2 unallocated, 3 to 31 data", extendedImage + "write guest=6K len=58K fill=0x11\n", fromMiddleOf3},
	{"2.2 without a record, in a data file", dataFileImage + all, fromMiddleOf3},
}

// standard are the same on an image without subclusters.
var standard = []testCase{
	{"unallocated", plainImage, fromMiddleOf3},
	{"exclusive", plainImage + all, fromMiddleOf3},
	{"shared", plainImage + all + snapshot, fromMiddleOf3},
	{"compressed", plainImage + "compress guest=0 len=64K fill=0x11\n", fromMiddleOf3},
	{"zero without host", plainImage + "zero guest=0 len=64K\n", fromMiddleOf3},
	{"zero with host", plainImage + all + "zero guest=0 len=64K prealloc\n", fromMiddleOf3},
	{"over a backing file", "image version=3 size=1M cluster=64K backing=base.raw format=raw fill=0x22\n", fromMiddleOf3},
	{"several clusters: shared, exclusive, none", plainImage + "write guest=64K len=64K fill=0x11\n" + snapshot + "write guest=128K len=64K fill=0x12\n",
		cow.Request{Offset: 100 << 10, Length: 130 << 10, Fill: 0x5a}},
	{"a table that is not there", "image version=3 size=64M cluster=4K\n" + "write guest=0 len=4K fill=0x11\n", cow.Request{Offset: 5 << 20, Length: 4096, Fill: 0x5a}},
	{"a refblock that is not there", "image version=3 size=1M cluster=512 refcount_bits=64\n" + "write guest=0 len=27K fill=0x11\n",
		cow.Request{Offset: 28 << 10, Length: 4096, Fill: 0x5a}},
	{"lazy refcounts", "image version=3 size=1M cluster=64K lazy_refcounts feature_names\n", fromMiddleOf3},
}

// promised are images that say something of themselves that a write makes untrue.
var promised = []testCase{
	{"a dirty bitmap", plainImage + "bitmap name=b granularity=64K auto\n", fromMiddleOf3},
	{"an unknown autoclear feature", plainImage + all + "set header.autoclear_features = 4\n", fromMiddleOf3},
}

// withoutData are zero writes and discards.
var withoutData = []testCase{
	{"zero write of whole subclusters", extendedImage + all, cow.Request{Offset: 6 << 10, Length: 8 << 10, Kind: cow.Zero}},
	{"zero write of a whole cluster", extendedImage + all, cow.Request{Length: 64 << 10, Kind: cow.Zero}},
	{"zero write of a whole cluster, unmapped", extendedImage + all, cow.Request{Length: 64 << 10, Kind: cow.Zero, Unmap: true}},
	{"zero write of a part of a subcluster that holds data", extendedImage + all, cow.Request{Offset: 7 << 10, Length: 8 << 10, Kind: cow.Zero}},
	{"zero write of a part of a subcluster that is unallocated", extendedImage, cow.Request{Offset: 7 << 10, Length: 8 << 10, Kind: cow.Zero}},
	{"zero write of a part of a subcluster over a backing file", backedImage, cow.Request{Offset: 7 << 10, Length: 1 << 10, Kind: cow.Zero}},
	{"zero write of a part of a shared cluster", extendedImage + all + snapshot, cow.Request{Offset: 6 << 10, Length: 8 << 10, Kind: cow.Zero}},
	{"zero write of a part of a compressed cluster", extendedImage + "compress guest=0 len=64K fill=0x11\n", cow.Request{Offset: 6 << 10, Length: 8 << 10, Kind: cow.Zero}},
	{"zero write of a compressed cluster", plainImage + "compress guest=0 len=64K fill=0x11\n", cow.Request{Length: 64 << 10, Kind: cow.Zero}},
	{"zero write in version 2", "image version=2 size=1M cluster=64K\n" + all, cow.Request{Length: 64 << 10, Kind: cow.Zero}},
	{"zero write to a raw data file", "image version=3 size=1M cluster=64K data_file=data.raw raw\n" + all, cow.Request{Length: 64 << 10, Kind: cow.Zero}},
	{"discard", extendedImage + all, cow.Request{Length: 64 << 10, Kind: cow.Discard}},
	{"discard of parts", plainImage + "write guest=0 len=256K fill=0x11\n", cow.Request{Offset: 60 << 10, Length: 70 << 10, Kind: cow.Discard}},
	{"discard of a shared cluster", plainImage + all + snapshot, cow.Request{Length: 64 << 10, Kind: cow.Discard}},
	{"discard where nothing is", plainImage, cow.Request{Length: 64 << 10, Kind: cow.Discard}},
	{"discard where nothing is, over a backing file", backedImage, cow.Request{Length: 64 << 10, Kind: cow.Discard}},
}

// stopped are requests that end at an entry which is wrong.
var stopped = []testCase{
	{"both bits", extendedImage + all + "set l2bitmap[0][0] = value | 1<<37\n", fromMiddleOf3},
	{"allocated nowhere", extendedImage + "zero guest=0 len=64K\n" + "set l2bitmap[0][0] = 1\n", fromMiddleOf3},
	{"data not aligned", plainImage + all + "set l2[0][0] = value + 512\n", fromMiddleOf3},
	{"data past the end", plainImage + all + "set l2[0][0] = value + (1 << 40)\n", fromMiddleOf3},
	{"L2 table not aligned", plainImage + all + "set l1[0] = value + 512\n", fromMiddleOf3},
	{"data points at the L1 table", plainImage + all + "set l2[0][0] = copied | header.l1_table_offset\n", fromMiddleOf3},
	{"misplaced in a data file", dataFileImage + all + "set l2[0][0] = value + 64K\n", fromMiddleOf3},
	{"zero flag in version 2", "image version=2 size=1M cluster=64K\n" + all + "set l2[0][0] = value | 1\n", fromMiddleOf3},
}
