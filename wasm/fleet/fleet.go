// Package fleet checks many images where they lie, in an object store, by range reads.
//
// It is plain Go over three small interfaces: a Store of objects, a Queue of messages and a
// clock. wasm/edge binds them to a Cloudflare Worker's R2 bucket, queue and cron.
//
// The queue may deliver a message twice, late, out of order, or lose it when the host is
// restarted. So a message carries no truth, only the wish that something be done: what is
// done lies in the store, under the prefix Own, in objects whose names follow from the
// image's key, its version (etag) and the part of it. Whoever handles a message looks there
// first, and a cron sends again what was not done within a lease.
//
//	latest/<key>                        the last result: the JSON of a check, sums in the metadata
//	fleets/<id>                         a run over a prefix
//	active/<id>                         ... that is not finished
//	fleet/<id>/page/<n>                 its images, a page at a time
//	fleet/<id>/done/<page>/<hash>       an image of it is done: verdict in the metadata
//	fleet/<id>/worst/<rank>-<page>-<hash> the same, in the order of the verdicts
//	fleet/<id>/tally/<page>             a page of it is done: counts in the metadata
//	fleet/<id>/tried/<hash>             a message failed, and why
//	watch/<hash>                        a prefix whose changed images are checked again
//	parts/<hash>/<version>/plan         how a very large image is shared out
//	parts/<hash>/<version>/part/<first> the count of a part
//	parts/<hash>/<version>/for/<fleet>  who waits for it
package fleet

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// Object is what a store says of an object.
type Object struct {
	Key      string
	Size     int64
	ETag     string
	Uploaded time.Time
	Meta     map[string]string // printable ASCII
}

// The conditions of a Put. Any other string is the etag that the object must have.
const (
	Always = ""
	Absent = "*"
)

// Errors of a Store. Any other error may be over soon.
var (
	ErrNotFound  = errors.New("fleet: there is no such object")
	ErrChanged   = errors.New("fleet: the object has changed")
	ErrCondition = errors.New("fleet: the condition for writing is not met")
)

// Store is objects by key. Once a Put has returned, every Head, read and List sees it.
type Store interface {
	Head(ctx context.Context, key string) (Object, error)
	// ReadRange fills p from off on, all of which lies in the object. The error is
	// ErrChanged if its etag is another one.
	ReadRange(ctx context.Context, key, etag string, p []byte, off int64) error
	// Put writes a small object if the condition holds, else the error is ErrCondition.
	Put(ctx context.Context, key string, body []byte, meta map[string]string, only string) error
	Delete(ctx context.Context, keys ...string) error
	// List gives at most limit objects under the prefix whose keys come after the key after,
	// in the order of their bytes, and whether there may be more.
	List(ctx context.Context, prefix, after string, limit int) (objects []Object, more bool, err error)
}

// Queue delivers messages at least once, most of the time.
type Queue interface {
	// Send takes at most 100 messages of together at most 200 KiB.
	Send(ctx context.Context, bodies [][]byte) error
}

// Limits bound what one message or request may cost.
type Limits struct {
	Clusters int64 // host clusters of an image, at two bytes each
	Bytes    int64 // read for one message
	Requests int64 // reads for one message
	Room     int64 // bytes of memory for all that is checked at the same time
	AtOnce   int   // messages handled at the same time

	Inline    int64 // bytes of tables that an API request reads; more is left to the queue
	PartBytes int64 // of L2 tables, in a part of a very large image
	PartMost  int   // L2 tables in a part

	Page   int           // images in a page of a fleet
	Active int           // fleets that run at the same time
	Lease  time.Duration // after which what was not done is sent again
	// Patience is how long a message waits that failed once; twice that the next time.
	Patience time.Duration
	Kept     time.Duration // how long a finished fleet is kept
}

// DefaultLimits fit a Worker: 128 MiB of memory, of which the program itself and the
// buffers of reads take a part, 10,000 calls of bindings, and a few seconds of CPU time.
func DefaultLimits() Limits {
	return Limits{
		Clusters: 24 << 20, Bytes: 1 << 30, Requests: 9000, Room: 64 << 20, AtOnce: 6,
		Inline: 32 << 20, PartBytes: 2 << 20, PartMost: 512,
		Page: 250, Active: 20, Lease: 15 * time.Minute, Patience: 5 * time.Second, Kept: 30 * 24 * time.Hour,
	}
}

// Service is the API and the consumer of the queue.
type Service struct {
	Store  Store
	Queue  Queue
	Clock  func() time.Time
	Limits Limits
	Build  string // names this program: results of another one are not reused
	Token  string // of the API; without one it is off
	// Allow tells whether one more request is allowed now; nil allows all.
	Allow func(r *http.Request) bool
	// Log is told what an operator should know, in one line without control characters.
	Log func(line string)
}
