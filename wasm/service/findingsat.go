package service

import (
	"context"
	"strconv"
	"strings"

	"qcowscope/core/check"
	"qcowscope/core/qcow2"
)

const (
	maxWords   = 8
	maxIndices = 2000
	// cancelEvery is after how many findings a search looks whether it is still wanted.
	cancelEvery = 1 << 16
)

// FindingsAt searches the findings of all groups by their places.
func (s *Session) FindingsAt(ctx context.Context, req FindingsAtRequest) (FindingsAtReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.report == nil {
		return FindingsAtReply{}, errNotChecked
	}
	var words []placeWord
	for _, w := range req.Words[:min(len(req.Words), maxWords)] {
		words = append(words, placeWordOf(w))
	}
	var reply FindingsAtReply
	for i := range s.now.report.Groups {
		g := &s.now.report.Groups[i]
		found := FindingsAt{Code: string(g.Code)}
		for k, f := range g.From(0) {
			if k%cancelEvery == 0 && ctx.Err() != nil {
				return FindingsAtReply{}, problemError(ctx.Err())
			}
			if !allFit(words, f, s.now.img.Geo) {
				continue
			}
			if len(found.Indices) == maxIndices {
				found.More = true
				break
			}
			found.Indices = append(found.Indices, k)
		}
		if len(found.Indices) > 0 {
			reply.Groups = append(reply.Groups, found)
		}
	}
	return reply, nil
}

func allFit(words []placeWord, f check.Finding, g qcow2.Geometry) bool {
	for _, w := range words {
		if !w.fits(f, g) {
			return false
		}
	}
	return true
}

// placeWord is one word of a search: an offset, a cluster, or a field with its indices.
type placeWord struct {
	offset, cluster int64 // -1 when it is not that
	field           string
	refcount        int64 // index of a refcount, which a run of clusters may include; -1
}

func placeWordOf(word string) placeWord {
	w := placeWord{-1, -1, strings.ToLower(word), -1}
	if digits, ok := strings.CutPrefix(w.field, "0x"); ok {
		if v, err := strconv.ParseInt(digits, 16, 64); err == nil {
			w.offset = v
		}
	} else if v, err := strconv.ParseInt(w.field, 10, 64); err == nil {
		w.cluster = v
	} else if digits, ok := strings.CutPrefix(strings.TrimSuffix(w.field, "]"), "refcount["); ok {
		if v, err := strconv.ParseInt(digits, 10, 64); err == nil {
			w.refcount = v
		}
	}
	return w
}

func (w placeWord) fits(f check.Finding, g qcow2.Geometry) bool {
	switch {
	case w.offset >= 0:
		return inRange(f.Host, qcow2.HostOff(w.offset)) || inRange(f.Guest, qcow2.GuestOff(w.offset)) || int64(f.At.Off) == w.offset
	case w.cluster >= 0:
		return w.cluster < 1<<62>>g.ClusterBits && f.Host.Len > 0 && f.Host.Start < g.Offset(qcow2.HostCluster(w.cluster+1)) && f.Host.End() > g.Offset(qcow2.HostCluster(w.cluster))
	case w.refcount >= 0:
		return f.At.Kind == check.FieldRefcount && w.refcount >= f.At.L1Index && w.refcount < f.At.L1Index+max(1, g.Clusters(int64(f.Host.Len)))
	}
	return strings.ToLower(f.At.Field()) == w.field
}

func inRange[T ~int64](r qcow2.Range[T], off T) bool {
	return r.Len > 0 && off >= r.Start && off < r.End()
}
