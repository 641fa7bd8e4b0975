package testimages

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// maxFile bounds the image and each file beside it: recipes stay small.
const maxFile = 64 << 20

// Byte positions in the image file, on the virtual disk, and host clusters.
type (
	hostOff     int64
	guestOff    int64
	hostCluster int64
)

// Built is an image made from a recipe.
type Built struct {
	Recipe Recipe
	// Image is the qcow2 file.
	Image []byte
	// Side holds the files that must lie beside it, by name: data file, backing file.
	Side map[string][]byte
	// DataFile is the name of the external data file, or "".
	DataFile string
	// Password opens an encrypted image; "" when it is not encrypted.
	Password string
	// Encryption is "", "luks" or "aes".
	Encryption string
	// Guest is what the active layer read before the damage.
	Guest *Guest
	// Snapshots are the internal snapshots, in table order, before the damage.
	Snapshots []SnapshotGuest
}

// SnapshotGuest is what an internal snapshot read before the damage.
type SnapshotGuest struct {
	ID, Name string
	Guest    *Guest
}

// builder holds the file under construction and where the builder put things.
// Tables live in the file's bytes only; what is kept beside them is their places,
// which stay true whatever a recipe damages later.
type builder struct {
	opt   options
	chain int // number in its backing chain
	file  []byte
	cs    int64 // cluster size in bytes
	next  hostCluster

	reftable  hostOff
	refblocks map[int64]hostOff // by reftable index
	l1        hostOff
	l1Size    int64
	l2Tables  map[int64]hostOff // active, by L1 index
	pack      hostOff           // where the next compressed stream may start; 0: in a new cluster

	snapTable    hostOff
	snapTableLen int64
	snapshots    []snapshot
	bitmapDir    hostOff
	bitmaps      []bitmap
	extensions   []headerExtension
	cipher       *cipher
	crypt        hostOff // LUKS header area
	cryptLen     int64

	guest    *Guest
	dataFile []byte
	side     map[string][]byte
}

// maxChain bounds how many images of a backing chain are built.
const maxChain = 4

// Build makes the image. The same recipe always gives the same bytes.
func (r Recipe) Build() (*Built, error) { return r.build(1) }

// build makes the image that is number chain of a backing chain.
func (r Recipe) build(chain int) (*Built, error) {
	if chain > maxChain {
		return nil, fmt.Errorf("testimages: %s.recipe: a backing chain of more than %d images", r.Name, maxChain)
	}
	b := &builder{chain: chain, refblocks: map[int64]hostOff{}, l2Tables: map[int64]hostOff{}, side: map[string][]byte{}}
	for _, s := range r.steps {
		if err := s.run(b, s.args); err != nil {
			return nil, fmt.Errorf("testimages: %s.recipe:%d: %w", r.Name, s.line, err)
		}
		if !s.damage {
			if err := b.writeHeader(); err != nil {
				return nil, fmt.Errorf("testimages: %s.recipe:%d: %w", r.Name, s.line, err)
			}
		}
	}
	out := &Built{Recipe: r, Image: b.file, Side: b.side, DataFile: b.opt.dataFile, Guest: b.guest}
	if b.dataFile != nil {
		out.Side[b.opt.dataFile] = b.dataFile
	}
	if b.cipher != nil {
		out.Encryption, out.Password = b.opt.encrypted, password
	}
	for _, s := range b.snapshots {
		out.Snapshots = append(out.Snapshots, SnapshotGuest{s.id, s.name, s.guest})
	}
	return out, nil
}

// slot is a field in the file: bits wide, big endian from byte off; below 8 bits
// it starts shift bits above the byte's lowest.
type slot struct {
	off   hostOff
	bits  int
	shift int
}

func (b *builder) inFile(off hostOff, n int64) error {
	if off < 0 || n < 0 || int64(off) > int64(len(b.file)) || n > int64(len(b.file))-int64(off) {
		return fmt.Errorf("bytes %#x+%#x are outside the file of %#x bytes", off, n, len(b.file))
	}
	return nil
}

func (b *builder) get(s slot) (uint64, error) {
	if s.bits < 8 {
		if err := b.inFile(s.off, 1); err != nil {
			return 0, err
		}
		return uint64(b.file[s.off]) >> s.shift & (1<<s.bits - 1), nil
	}
	n := int64(s.bits / 8)
	if err := b.inFile(s.off, n); err != nil {
		return 0, err
	}
	var word [8]byte
	copy(word[8-n:], b.file[s.off:int64(s.off)+n])
	return binary.BigEndian.Uint64(word[:]), nil
}

func (b *builder) put(s slot, v uint64) error {
	if s.bits < 64 && v>>s.bits != 0 {
		return fmt.Errorf("%#x does not fit in %d bits", v, s.bits)
	}
	if s.bits < 8 {
		if err := b.inFile(s.off, 1); err != nil {
			return err
		}
		mask := byte(1<<s.bits-1) << s.shift
		b.file[s.off] = b.file[s.off]&^mask | byte(v)<<s.shift
		return nil
	}
	n := int64(s.bits / 8)
	if err := b.inFile(s.off, n); err != nil {
		return err
	}
	var word [8]byte
	binary.BigEndian.PutUint64(word[:], v)
	copy(b.file[s.off:], word[8-n:])
	return nil
}

// word and putWord are for the tables of 64-bit entries that the builder itself
// placed: their bytes are in the file.
func (b *builder) word(off hostOff) uint64 {
	return binary.BigEndian.Uint64(b.file[off:])
}

func (b *builder) putWord(off hostOff, v uint64) {
	binary.BigEndian.PutUint64(b.file[off:], v)
}

// host is the byte offset at which a host cluster starts.
func (b *builder) host(c hostCluster) hostOff { return hostOff(int64(c) * b.cs) }

// clusterOf is the host cluster that holds a byte.
func (b *builder) clusterOf(off hostOff) hostCluster { return hostCluster(int64(off) / b.cs) }

// clustersFor is the number of clusters that n bytes need.
func (b *builder) clustersFor(n int64) int64 { return (n + b.cs - 1) / b.cs }

// take reserves n host clusters at the end of the file, refcounts still 0.
func (b *builder) take(n int64) (hostCluster, error) {
	end := int64(b.next) + n
	if n > maxFile/b.cs || end*b.cs > maxFile {
		return 0, fmt.Errorf("the image would grow beyond %d MiB", maxFile>>20)
	}
	c := b.next
	b.next = hostCluster(end)
	more := int(end*b.cs) - len(b.file)
	if len(b.file)+more > cap(b.file) { // append would copy the file four times as often
		b.file = slices.Grow(b.file, max(more, len(b.file)))
	}
	b.file = append(b.file, make([]byte, more)...)
	return c, nil
}
