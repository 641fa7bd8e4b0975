package fleet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Own is the prefix of everything that is ours. No image lies under it.
const Own = ".qcowscope/"

const (
	latestPrefix = Own + "latest/"
	fleetsPrefix = Own + "fleets/"
	activePrefix = Own + "active/"
	fleetPrefix  = Own + "fleet/"
	watchPrefix  = Own + "watch/"
	partsPrefix  = Own + "parts/"

	// maxKey is the longest key of an image: its result's key must fit into 1,024 bytes.
	maxKey = 1024 - len(latestPrefix)
	// lastRune sorts after all others in UTF-8.
	lastRune = "\U0010ffff"
	// listed is how many objects are asked for at a time: the most that R2 gives.
	listed = 1000
)

// checkKey says why a string cannot be the key of an image.
func checkKey(key string) error {
	if key == "" {
		return errors.New("the key is empty")
	}
	if err := checkPrefix(key); err != nil {
		return err
	}
	if len(key) > maxKey {
		return fmt.Errorf("the key is longer than %d bytes", maxKey)
	}
	if strings.HasPrefix(key, Own) {
		return fmt.Errorf("no image lies under %s", Own)
	}
	return nil
}

// checkPrefix says why a string cannot be what keys begin with.
func checkPrefix(prefix string) error {
	switch {
	case len(prefix) > 1024:
		return errors.New("the key is longer than 1024 bytes")
	case !utf8.ValidString(prefix):
		return errors.New("the key is not valid UTF-8")
	case strings.ContainsFunc(prefix, unicode.IsControl):
		return errors.New("the key has control characters")
	}
	for part := range strings.SplitSeq(prefix, "/") {
		if part == ".." || part == "." {
			return errors.New("the key has . or .. as a segment")
		}
	}
	return nil
}

// hashOf is a name of fixed length for a string.
func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}

// Text in metadata is escaped: it travels in headers.
func escaped(s string) string { return url.QueryEscape(s) }

func unescaped(s string) string {
	t, err := url.QueryUnescape(s)
	if err != nil {
		return s
	}
	return t
}

// all visits the objects under a prefix, in order, from behind the key after on.
func (s *Service) all(ctx context.Context, prefix, after string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		for more := true; more; {
			var page []Object
			var err error
			if page, more, err = s.Store.List(ctx, prefix, after, listed); err != nil {
				yield(Object{}, err)
				return
			}
			for _, o := range page {
				if !yield(o, nil) {
					return
				}
				after = o.Key
			}
			more = more && len(page) > 0
		}
	}
}

// objects visits what the user keeps under a prefix: all but what is ours.
func (s *Service) objects(ctx context.Context, prefix, after string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		for again := true; again; {
			again = false
			for o, err := range s.all(ctx, prefix, after) {
				if err == nil && strings.HasPrefix(o.Key, Own) {
					after, again = Own+lastRune, true // over all of it at once
					break
				}
				if !yield(o, err) {
					return
				}
			}
		}
	}
}
