package cow

import (
	"context"
	"encoding/binary"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

func be64(b []byte) uint64 { return binary.BigEndian.Uint64(b) }

// cacheBytes is how much of L2 tables and refblocks a Writer keeps.
const cacheBytes = 16 << 20

// clusterCache keeps clusters of the image file that were read last. What it hands out is
// never changed.
type clusterCache struct {
	img  *image.Image
	kept map[qcow2.HostOff][]byte
	old  []qcow2.HostOff // in the order in which they were read
}

func newClusterCache(img *image.Image) *clusterCache {
	return &clusterCache{img: img, kept: map[qcow2.HostOff][]byte{}}
}

// at is the cluster at a host offset; bytes past the end of the file are zero.
func (c *clusterCache) at(ctx context.Context, off qcow2.HostOff) ([]byte, error) {
	if b, ok := c.kept[off]; ok {
		return b, nil
	}
	b := make([]byte, c.img.Geo.ClusterSize())
	if err := c.img.ReadBatch(ctx, []source.Request{{Off: int64(off), Buf: b}}); err != nil {
		return nil, err
	}
	for int64(len(c.old)+1)*c.img.Geo.ClusterSize() > cacheBytes {
		delete(c.kept, c.old[0])
		c.old = c.old[1:]
	}
	c.kept[off] = b
	c.old = append(c.old, off)
	return b, nil
}
