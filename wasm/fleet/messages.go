package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Kind is what a message wishes for.
type Kind string

// The kinds of messages.
const (
	List  Kind = "list"  // find the images of the next page of a fleet
	Check Kind = "check" // check an image
	Count Kind = "count" // count a part of a very large image
	Merge Kind = "merge" // check it with the counts of its parts
)

// Message is a wish that something be done. It may come twice, late, or never.
type Message struct {
	Kind  Kind   `json:"kind"`
	Fleet string `json:"fleet"`
	Page  int    `json:"page"`

	// Of a list: what keys begin with, and behind which key to look.
	Prefix string `json:"prefix,omitempty"`
	After  string `json:"after,omitempty"`
	// Changed asks only for images that are not as they were when they were last checked.
	Changed bool `json:"changed,omitempty"`

	// Of the others: the image, and for parts its version and which L1 indices.
	Key   string `json:"key,omitempty"`
	ETag  string `json:"etag,omitempty"`
	First int64  `json:"first,omitempty"`
	End   int64  `json:"end,omitempty"`
}

// What is sent in one call: the platform takes 100 messages and 256 KB.
const (
	maxSent      = 100
	maxSentBytes = 200 << 10
)

// send sends any number of messages.
func (s *Service) send(ctx context.Context, messages []Message) error {
	var bodies [][]byte
	size := 0
	for _, m := range messages {
		body, err := json.Marshal(m)
		if err != nil {
			return err
		}
		if len(bodies) == maxSent || size+len(body) > maxSentBytes {
			if err := s.Queue.Send(ctx, bodies); err != nil {
				return err
			}
			bodies, size = nil, 0
		}
		bodies, size = append(bodies, body), size+len(body)
	}
	if len(bodies) == 0 {
		return nil
	}
	return s.Queue.Send(ctx, bodies)
}

// decode reads a message. Messages come from our own queue, yet are checked like any input.
func decode(body []byte) (Message, error) {
	var m Message
	if err := json.Unmarshal(body, &m); err != nil {
		return m, err
	}
	if !validID(m.Fleet) || m.Page < 0 || m.Page > maxPages {
		return m, errors.New("fleet: the message names no fleet")
	}
	switch m.Kind {
	case List:
		return m, checkPrefix(m.Prefix)
	case Check, Count, Merge:
		if m.First < 0 || m.End < m.First {
			return m, errors.New("fleet: the message names no part")
		}
		return m, checkKey(m.Key)
	}
	return m, errors.New("fleet: a message of no known kind")
}

// name is what the message is about, for markers.
func (m *Message) name() string {
	if m.Kind == List {
		return hashOf("list " + m.After)
	}
	return hashOf(m.Key)
}

// Delivery is a message as a queue hands it over. One of Done and Again is called.
type Delivery struct {
	Body     []byte
	Attempts int // 1 for the first
	Done     func()
	Again    func(after time.Duration)
}

// patience is how long to wait before the next attempt.
func (s *Service) patience(attempts int) time.Duration {
	return min(s.Limits.Patience<<min(max(attempts-1, 0), 10), 5*time.Minute)
}
