package service

import (
	"context"
	"fmt"
	"math"

	"qcowscope/core/clustermap"
	"qcowscope/core/layers"
	"qcowscope/core/qcow2"
)

// dirtyPicture is what a bitmap marks, for the map.
type dirtyPicture struct {
	bitmap  int
	picture *clustermap.Picture
}

// dirtyPage is how many ranges are taken over at a time.
const dirtyPage = 4096

// dirtyPicture is that of a bitmap. What a bitmap marks that cannot be relied on is not shown.
func (s *Session) dirtyPicture(ctx context.Context, p *pictures, bitmap int) (*clustermap.Picture, error) {
	if p.dirty != nil && p.dirty.bitmap == bitmap {
		return p.dirty.picture, nil
	}
	img := s.now.img
	if bitmap < 0 || bitmap >= len(img.Bitmaps) {
		return nil, impossible(fmt.Sprintf("bitmap %d", bitmap))
	}
	clusters := img.Geo.Clusters(int64(min(img.VirtualSize(), math.MaxInt64)))
	m := clustermap.NewDirtyMap(clusters)
	for from, fits := qcow2.GuestOff(0), true; from >= 0 && fits; {
		ranges, next, err := layers.DirtyRanges(ctx, img, bitmap, from, dirtyPage)
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, &ProblemError{Problem{Kind: "header", Title: "What is dirty is not known.", Advice: layers.BitmapTrouble(err)}}
		}
		for _, r := range ranges {
			if fits = m.Mark(img.Geo, r); !fits {
				break
			}
		}
		from = next
	}
	p.dirty = &dirtyPicture{bitmap, m.Picture(clusters)}
	return p.dirty.picture, nil
}
