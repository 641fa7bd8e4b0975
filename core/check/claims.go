package check

import (
	"context"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// claimedCodes are the findings about a cluster of which it matters who points to it.
var claimedCodes = map[Code]bool{CrossLink: true, MetadataOverlap: true, L2TableShared: true, RefblockShared: true,
	RefcountZero: true, RefcountTooLow: true, RefcountTooHigh: true, RefcountOverflow: true}

// Claimants finds, in one bounded pass, who points to the first cluster of each finding
// about references, for at most limit clusters and limit pointers to each. It is apart from
// Run because most who check an image want the verdict only.
func (r *Report) Claimants(ctx context.Context, img *image.Image, limit int) (map[qcow2.HostCluster][]refcount.Claim, error) {
	claims := map[qcow2.HostCluster][]refcount.Claim{}
	want := refcount.Want{Lo: qcow2.HostCluster(r.Refcounts.Len())}
	for _, g := range r.Groups {
		for _, f := range g.Findings {
			if !claimedCodes[f.Code] || f.Host.Len <= 0 || f.Host.Start < 0 || len(claims) >= limit {
				continue
			}
			c := img.Geo.Cluster(f.Host.Start)
			claims[c] = nil
			want.Lo, want.Hi = min(want.Lo, c), max(want.Hi, c)
		}
	}
	if len(claims) == 0 {
		return claims, nil
	}
	want.Has = func(c qcow2.HostCluster) bool { _, ok := claims[c]; return ok }
	_, err := refcount.Claimants(ctx, img, r.Snapshots, r.Refcounts, want, func(k refcount.Claim) bool {
		if len(claims[k.Cluster]) < limit {
			claims[k.Cluster] = append(claims[k.Cluster], k)
		}
		return true
	})
	return claims, err
}
