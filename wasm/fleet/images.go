package fleet

import (
	"context"
	"iter"
	"strings"
)

// pair is an object and its last result. One of the two may be missing: an object that was
// never checked has no result, a result whose image was removed has no object.
type pair struct {
	key    string
	object Object // no etag if it is missing
	last   Summary
	known  bool // last is there
}

// changed tells whether the object is to be checked because it is not as it was.
func (p *pair) changed() bool {
	if !p.known {
		return strings.HasSuffix(p.key, imageSuffix)
	}
	return p.last.ETag != p.object.ETag
}

// pairs visits the objects under a prefix in order, with their last results if these are
// wanted. Both lie in the store in the same order, so two listings are merged.
func (s *Service) pairs(ctx context.Context, prefix, after string, results bool) iter.Seq2[pair, error] {
	if !results {
		return func(yield func(pair, error) bool) {
			for o, err := range s.objects(ctx, prefix, after) {
				if !yield(pair{key: o.Key, object: o}, err) {
					return
				}
			}
		}
	}
	return func(yield func(pair, error) bool) {
		behind := ""
		if after != "" {
			behind = latestPrefix + after
		}
		nextObject, stopObjects := iter.Pull2(s.objects(ctx, prefix, after))
		defer stopObjects()
		nextResult, stopResults := iter.Pull2(s.all(ctx, latestPrefix+prefix, behind))
		defer stopResults()
		merge(nextObject, nextResult, yield)
	}
}

// merge yields the objects of two ordered listings side by side.
func merge(nextObject, nextResult func() (Object, error, bool), yield func(pair, error) bool) {
	object, err, more := nextObject()
	result, errResult, moreResults := nextResult()
	for more || moreResults {
		if err != nil || errResult != nil {
			if err == nil {
				err = errResult
			}
			yield(pair{}, err)
			return
		}
		key := strings.TrimPrefix(result.Key, latestPrefix)
		p := pair{}
		takeObject := more && (!moreResults || object.Key <= key)
		takeResult := moreResults && (!more || key <= object.Key)
		if takeObject {
			p.key, p.object = object.Key, object
			object, err, more = nextObject()
		}
		if takeResult {
			p.key = key
			p.last, p.known = summaryOf(result.Meta)
			result, errResult, moreResults = nextResult()
		}
		if !yield(p, nil) {
			return
		}
	}
}
