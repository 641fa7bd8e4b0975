package service

import (
	"context"
	"fmt"
	"strconv"

	"qcowscope/core/check"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

const (
	maxClaims          = 100
	maxClusterFindings = 20
)

// Cluster tells all about one host cluster.
func (s *Session) Cluster(ctx context.Context, req ClusterRequest) (ClusterView, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.report == nil {
		return ClusterView{}, errNotChecked
	}
	img, t := s.now.img, s.now.report.Refcounts
	c := qcow2.HostCluster(req.Cluster)
	if !(req.Cluster >= 0 && req.Cluster < float64(max(img.HostClusters(), t.Len()))) {
		return ClusterView{}, &ProblemError{Problem{Kind: "internal", Title: fmt.Sprintf("The file has no cluster %v.", req.Cluster)}}
	}
	off := img.Geo.Offset(c)
	v := ClusterView{
		Cluster: req.Cluster, Host: hex(off), Length: float64(max(0, min(img.Geo.ClusterSize(), img.Src.Size()-int64(off)))),
		Owner: ownerName(t.Role(c)), Stored: s.stored(c), Counted: strconv.FormatUint(t.Count(c), 10),
	}
	if sev, bad := s.now.hosts.Severity(c); bad {
		v.Severity = sev.String()
	}
	claims, more, err := s.claims(ctx, c)
	if err != nil {
		return ClusterView{}, problemError(err)
	}
	v.MoreClaims = more
	for _, k := range claims {
		v.Claims = append(v.Claims, s.claimView(k))
	}
	v.OwnerText = s.ownerText(c, t.Role(c), claims)
	v.Subclusters = subclusters(img.Geo, claims)
	v.Findings = s.findingsAt(c)
	return v, nil
}

// stored is the refcount on disk, in words where there is none.
func (s *Session) stored(c qcow2.HostCluster) string {
	img := s.now.img
	per := img.Geo.RefblockEntries()
	k := int64(c) / per
	if k >= int64(len(img.Reftable)) || img.Reftable[k].Refblock() == 0 {
		return "0 (there is no refcount block for it)"
	}
	off := img.Reftable[k].Refblock()
	if !img.Geo.Aligned(off) || off < 0 {
		return "unreadable (the pointer to its refcount block is damaged)"
	}
	block := make(qcow2.Refblock, img.Geo.ClusterSize())
	if err := source.ReadFull(img.Src, block, int64(off)); err != nil {
		return "unreadable"
	}
	return strconv.FormatUint(block.At(img.Geo.RefcountOrder, int64(c)%per), 10)
}

func (s *Session) claims(ctx context.Context, c qcow2.HostCluster) (list []refcount.Claim, more bool, err error) {
	complete, err := refcount.Claimants(ctx, s.now.img, s.now.report.Snapshots, s.now.report.Refcounts, refcount.Want{Lo: c, Hi: c},
		func(k refcount.Claim) bool {
			if len(list) == maxClaims {
				more = true
				return false
			}
			list = append(list, k)
			return true
		})
	return list, more || !complete, err
}

func (s *Session) claimView(k refcount.Claim) Claim {
	img := s.now.img
	v := Claim{From: s.rootName(k), Layer: k.Root, Field: k.Field(), Entry: hex(k.Entry), Kind: claimKind(k)}
	if k.At >= 0 {
		v.At = hex(k.At)
	}
	if k.Root >= 0 && k.L1Index >= 0 && img.Geo.L2Span() <= 1<<62/(k.L1Index+1) {
		v.Guest = hex(img.Geo.GuestOffset(k.L1Index, max(0, k.L2Index)))
	}
	return v
}

// rootName is whose pointer it is.
func (s *Session) rootName(k refcount.Claim) string {
	switch {
	case k.Root > 0:
		return fmt.Sprintf("snapshot %d (%s)", k.Root, s.now.report.Snapshots.Snapshots[k.Root-1].Name)
	case k.Root == 0:
		return "active layer"
	}
	switch k.Role {
	case refcount.Refblock:
		return "refcount table"
	case refcount.BitmapData:
		return "bitmaps"
	}
	return "header"
}

func claimKind(k refcount.Claim) string {
	switch k.Role {
	case refcount.Data:
		return "normal"
	case refcount.ZeroData:
		return "zero"
	case refcount.CompressedData:
		return "compressed"
	}
	return "table"
}

// ownerText says what the cluster is, with the guest range that it serves.
func (s *Session) ownerText(c qcow2.HostCluster, role refcount.Role, claims []refcount.Claim) string {
	g := s.now.img.Geo
	switch role {
	case refcount.Free:
		return "free: nothing points here and its refcount is 0"
	case refcount.Leaked:
		return "leaked: it is marked as used, but nothing points here"
	case refcount.Refblock:
		for _, k := range claims {
			if k.Role == refcount.Refblock {
				per := g.RefblockEntries()
				return fmt.Sprintf("refcount block %d: the refcounts of clusters %d to %d", k.L1Index, k.L1Index*per, (k.L1Index+1)*per-1)
			}
		}
	}
	for _, k := range claims {
		if k.Root < 0 || k.L1Index < 0 || g.L2Span() > 1<<62/(k.L1Index+1) {
			continue
		}
		from := g.GuestOffset(k.L1Index, max(0, k.L2Index))
		if k.L2Index < 0 {
			return fmt.Sprintf("%s: it maps guest 0x%x to 0x%x", role, int64(from), int64(from)+g.L2Span()-1)
		}
		return fmt.Sprintf("%s: guest 0x%x to 0x%x", role, int64(from), int64(from)+g.ClusterSize()-1)
	}
	return role.String()
}

// subclusters are the 32 states of a data cluster in an image with extended L2 entries, as
// its first claimant has them.
func subclusters(g qcow2.Geometry, claims []refcount.Claim) []string {
	if !g.ExtendedL2 {
		return nil
	}
	for _, k := range claims {
		if k.L2Index < 0 || k.Role == refcount.BitmapData {
			continue
		}
		e := qcow2.L2Entry{Entry: k.Entry, Bitmap: k.Bitmap}
		states := make([]string, qcow2.SubclustersPerEntry)
		for i := range states {
			states[i] = SubclusterStates[e.Subcluster(g, i)]
		}
		return states
	}
	return nil
}

// findingsAt are the findings that concern the cluster.
func (s *Session) findingsAt(c qcow2.HostCluster) []FindingView {
	g := s.now.img.Geo
	from, to := g.Offset(c), g.Offset(c+1)
	var out []FindingView
	for _, group := range s.now.report.Groups {
		for _, f := range group.From(0) {
			if len(out) == maxClusterFindings {
				return out
			}
			about := f.Host.Len > 0 && f.Host.Start < to && f.Host.End() > from
			holds := f.At.Kind != check.FieldRefcount && f.At.Off >= from && f.At.Off < to
			if about || holds {
				out = append(out, findingView(f, s.now.img.Geo))
			}
		}
	}
	return out
}
