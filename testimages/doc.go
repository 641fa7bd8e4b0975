// Package testimages builds damaged (and healthy) qcow2 images from recipes: a
// few lines of text each, one defect per file, the file name is the defect.
//
// The encoder here shares nothing with qcowscope/core, so that a mistake in one
// cannot hide the same mistake in the other. `qemu-img check` is the judge of
// every recipe; what it said is kept in golden/ and available as Golden.
//
// # The recipe language
//
// A line is a verb and its arguments; # starts a comment. The comment block at
// the top is the recipe's story. Verbs run in order; the ones that use the image
// as a guest or QEMU would must come before the first one that damages it.
//
//	image version=3 size=1M cluster=64K refcount_bits=16   first verb, once
//	   extended_l2 lazy_refcounts feature_names            flags
//	   compression=zlib|zstd encrypted=luks|aes header_length=104|112
//	   l1_extra=N reftable_clusters=N                      room for VM state, for many refblocks
//	   data_file=NAME raw                                  external data file
//	   backing=NAME format=raw fill=0x22                   raw backing file of the image's size, or
//	   backing=NAME format=qcow2 recipe=OTHER              built from another recipe, or
//	   backing=NAME format=qcow2 missing                   a name only
//	write    guest=0 len=64K fill=0x11       fill=0 writes plain zeros
//	compress guest=0 len=64K fill=0x11
//	zero     guest=0 len=64K [prealloc]      prealloc keeps or allocates the host cluster
//	discard  guest=0 len=64K
//	prealloc guest=0 len=64K                 extended L2: host cluster, no subcluster allocated
//	snapshot name=before [vmstate=64K fill=0x77] [extra=0|16|24]
//	bitmap   name=b granularity=64K [dirty=OFF dirty_len=LEN] [ones] [in_use] [auto]
//	extension type=0x12345678 data=HEX
//	grow     clusters=1                      clusters at the end with refcount 0
//	truncate to=eof/2
//	set      PLACE = EXPR                    one field; [a..b] as an index sets each
//	fill     bytes[EXPR] len=cluster with=random seed=7     or with=0xff
//	expect   corruptions=1 leaks=0 check_errors=0 exit=2    what plain qemu-img check says
//	covers   class-5 data-unaligned          damage classes and catalogue rows shown
//	title    Text                            samples only
//
// Places: header.FIELD, reftable[i], refcount[hostcluster], l1[i], l2[i][j],
// l2bitmap[i][j], snapshot[i].FIELD, snapshot_l1[i][j], snapshot_l2[i][j][k],
// snapshot_l2bitmap[i][j][k], extension[i].FIELD, bitmap_extension.FIELD,
// bitmap_directory[i].FIELD, bitmap_table[i][j], bytes[offset] (whose right-hand
// side is hex digits). Fields bear the names of the qcow2 specification. A place
// is found where the builder put it, whatever was damaged before.
//
// Expressions: numbers (K, M, G, T suffixes), places, | ^ + - binding less than
// & * / << >>, ~, parentheses, offset(x) (bits 9 to 55), and the names copied,
// compressed, cluster, eof (file length) and value (what the place holds now).
package testimages
