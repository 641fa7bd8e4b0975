package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"qcowscope/core/source"
)

// How an image is read from a server: only its metadata is asked for, in few and large
// requests, because each costs a way there and back.
const (
	remoteHead    = 64 << 10  // read at once and kept
	remoteJoin    = 256 << 10 // ranges nearer than this are read as one
	remoteMost    = 4 << 20   // by one request
	remoteFlights = 6         // requests under way
	remoteTries   = 4
	remotePatient = 2 * time.Minute // for one request
)

// errNoRanges says that a server gives only whole files.
var errNoRanges = errors.New("the server does not give parts of files (HTTP range requests): download the image and check the copy")

// remote is an image on a web server, read by range requests. It is a source.Batcher.
type remote struct {
	ctx    context.Context
	client *http.Client
	url    *url.URL
	known  bool // what follows
	size   int64
	etag   string // of the object when it was opened, strong or ""
	date   string // Last-Modified, for servers without such an etag
	head   []byte
}

func isURL(name string) bool {
	return strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://")
}

// openRemote asks for the first bytes and learns the size.
func openRemote(ctx context.Context, name string) (*remote, error) {
	u, err := url.Parse(name)
	if err != nil {
		return nil, err
	}
	r := &remote{ctx: ctx, client: &http.Client{Timeout: remotePatient}, url: u}
	buf := make([]byte, remoteHead)
	n, err := r.tryAgain(ctx, buf, 0)
	if err != nil {
		return nil, err
	}
	r.head = buf[:n]
	return r, nil
}

// Size is the length in bytes when the image was opened.
func (r *remote) Size() int64 { return r.size }

// Close ends idle connections.
func (r *remote) Close() error {
	r.client.CloseIdleConnections()
	return nil
}

func (r *remote) name() string { return nameOf(r.url.String()) }

// nameOf is what an input is called in what is printed: an address without what may be a
// secret in it.
func nameOf(path string) string {
	u, err := url.Parse(path)
	if err != nil || !isURL(path) {
		return path
	}
	u.RawQuery, u.Fragment = "", ""
	return u.Redacted()
}

// changed is nil: each request asks for the object as it was at the first.
func (r *remote) changed() error { return nil }

func (r *remote) lockedByWriter() bool { return false }

// ReadAt reads len(p) bytes, less at the end.
func (r *remote) ReadAt(p []byte, off int64) (int, error) { return r.ranges().ReadAt(p, off) }

// ReadBatch joins neighbouring ranges and keeps several requests under way.
func (r *remote) ReadBatch(ctx context.Context, reqs []source.Request) error {
	return r.ranges().ReadBatch(ctx, reqs)
}

// ranges are what the server is asked for, except for the first bytes, which are there.
func (r *remote) ranges() *source.Ranges {
	return &source.Ranges{Ctx: r.ctx, Length: r.size, Gap: remoteJoin, Most: remoteMost, Flights: remoteFlights,
		Read: func(ctx context.Context, p []byte, off int64) error {
			if off+int64(len(p)) <= int64(len(r.head)) {
				copy(p, r.head[off:])
				return nil
			}
			_, err := r.tryAgain(ctx, p, off)
			return err
		}}
}

// tryAgain reads into p, again after a while where the network or the server failed.
func (r *remote) tryAgain(ctx context.Context, p []byte, off int64) (n int, err error) {
	for try := 1; ; try++ {
		var passing *passingError
		if n, err = r.fetch(ctx, p, off); try == remoteTries || !errors.As(err, &passing) {
			return n, err
		}
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(20 * time.Millisecond << (2 * try)):
		}
	}
}

// passingError is a failure that may be over soon.
type passingError struct{ error }

// fetch makes one request. The first one learns size and version of the object, the others
// insist on them.
func (r *remote) fetch(ctx context.Context, p []byte, off int64) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url.String(), nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", off, off+int64(len(p))-1))
	req.Header.Set("Accept-Encoding", "identity")
	if r.etag != "" {
		req.Header.Set("If-Match", r.etag)
	} else if r.date != "" {
		req.Header.Set("If-Unmodified-Since", r.date)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err // without the address, which may hold a secret
		}
		return 0, &passingError{err}
	}
	defer resp.Body.Close()
	if !r.known {
		err = r.learn(resp)
	} else if err = statusError(resp); err != nil {
		return 0, err
	} else if etag := strong(resp.Header.Get("ETag")); etag != r.etag {
		err = errChangedThere
	}
	if err != nil {
		return 0, err
	}
	n, err := io.ReadFull(resp.Body, p[:max(0, min(int64(len(p)), r.size-off))])
	if err != nil {
		return n, &passingError{fmt.Errorf("the server stopped in the middle: %w", err)}
	}
	return n, nil
}

// learn takes size and version from the first answer. An empty file has no ranges.
func (r *remote) learn(resp *http.Response) error {
	empty := resp.StatusCode == http.StatusRequestedRangeNotSatisfiable || resp.StatusCode == http.StatusOK && resp.ContentLength == 0
	if !empty {
		if err := statusError(resp); err != nil {
			return err
		}
		_, total, found := strings.Cut(resp.Header.Get("Content-Range"), "/")
		size, err := strconv.ParseInt(total, 10, 64)
		if !found || err != nil || size <= 0 {
			return errNoRanges
		}
		r.size = size
	}
	r.known, r.etag, r.date = true, strong(resp.Header.Get("ETag")), resp.Header.Get("Last-Modified")
	return nil
}

// strong is the etag if it stands for bytes, not only for what they mean.
func strong(etag string) string {
	if strings.HasPrefix(etag, "W/") {
		return ""
	}
	return etag
}

var errChangedThere = errors.New("the image changed on the server while it was read: try again when nobody writes to it")

func statusError(resp *http.Response) error {
	switch code := resp.StatusCode; {
	case code == http.StatusPartialContent:
		return nil
	case code == http.StatusOK:
		return errNoRanges
	case code == http.StatusPreconditionFailed:
		return errChangedThere
	case code == http.StatusRequestedRangeNotSatisfiable:
		return errChangedThere
	case code >= 500 || code == http.StatusTooManyRequests:
		return &passingError{fmt.Errorf("the server answers %s", resp.Status)}
	}
	return fmt.Errorf("the server answers %s", resp.Status)
}
