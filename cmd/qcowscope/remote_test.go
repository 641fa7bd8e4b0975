package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// store is a web server that gives the files of a folder in parts, as object stores do, and
// counts what it gave.
type store struct {
	*httptest.Server
	bytes, requests atomic.Int64
	// before is asked before each answer; true means that it answered.
	before func(w http.ResponseWriter, r *http.Request, n int64) bool
}

func newStore(t *testing.T, dir string) *store {
	s := &store{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := s.requests.Add(1)
		if s.before != nil && s.before(w, r, n) {
			return
		}
		f, err := os.Open(filepath.Join(dir, filepath.Base(r.URL.Path)))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		defer f.Close()
		if w.Header().Get("ETag") == "" {
			w.Header().Set("ETag", `"one"`)
		}
		info, err := f.Stat()
		if err != nil {
			t.Error(err)
			return
		}
		http.ServeContent(counting{w, &s.bytes}, r, "", info.ModTime(), f)
	}))
	t.Cleanup(s.Close)
	return s
}

type counting struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c counting) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return c.ResponseWriter.Write(p)
}

// TestCheckOverHTTP checks every recipe where it lies: the result is that for the file.
func TestCheckOverHTTP(t *testing.T) {
	eachRecipe(t, 4, func(t *testing.T, name string) {
		_, img, path := place(t, name)
		s := newStore(t, img.Dir)
		address := s.URL + "/" + filepath.Base(path)
		local, there := cli(t, "check", path, "--output=json"), cli(t, "check", address, "--output=json")
		if local.code != there.code {
			t.Errorf("exit %d, of the file %d: %s", there.code, local.code, there.err)
		}
		if want := strings.ReplaceAll(local.out, path, address); there.out != want {
			t.Errorf("got %s\nwant %s", there.out, want)
		}
	})
}

// Of a large image only the metadata is read.
func TestRemoteReadsOnlyMetadata(t *testing.T) {
	dir := t.TempDir()
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-o", "preallocation=metadata", "large.qcow2", "64G")
	s := newStore(t, dir)
	cli(t, "check", s.URL+"/large.qcow2").want(t, exitOK)
	if most := int64(12 << 20); s.bytes.Load() > most { // 8 MiB of L2 tables, 2 MiB of refblocks
		t.Errorf("%d bytes were read, want at most %d", s.bytes.Load(), most)
	}
	if s.requests.Load() > 200 { // 128 L2 tables lie half a gigabyte apart
		t.Errorf("%d requests", s.requests.Load())
	}
}

// What can go wrong on the way is said, or mended by asking again.
func TestRemoteTroubles(t *testing.T) {
	dir := t.TempDir()
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-o", "preallocation=metadata,cluster_size=4k", "a.qcow2", "1G")
	for _, c := range []struct {
		name   string
		before func(w http.ResponseWriter, r *http.Request, n int64) bool
		exit   int
		says   string
	}{
		{"a server that is busy at times", func(w http.ResponseWriter, r *http.Request, n int64) bool {
			if n%3 == 0 {
				http.Error(w, "later", http.StatusServiceUnavailable)
			}
			return n%3 == 0
		}, exitOK, ""},
		{"an answer that ends too early", func(w http.ResponseWriter, r *http.Request, n int64) bool {
			if n != 2 {
				return false
			}
			w.Header().Set("Content-Length", "100000")
			w.Header().Set("ETag", `"one"`)
			w.WriteHeader(http.StatusPartialContent)
			fmt.Fprint(w, "too short")
			return true
		}, exitOK, ""},
		{"an object that changes", func(w http.ResponseWriter, r *http.Request, n int64) bool {
			if n > 2 {
				w.Header().Set("ETag", `"two"`)
			}
			return false
		}, exitFailed, "changed on the server"},
		{"a server that ignores If-Match", func(w http.ResponseWriter, r *http.Request, n int64) bool {
			r.Header.Del("If-Match")
			if n > 2 {
				w.Header().Set("ETag", `"two"`)
			}
			return false
		}, exitFailed, "changed on the server"},
		{"no ranges", func(w http.ResponseWriter, r *http.Request, n int64) bool {
			r.Header.Del("Range")
			return false
		}, exitFailed, "range requests"},
		{"no access", func(w http.ResponseWriter, r *http.Request, n int64) bool {
			http.Error(w, "no", http.StatusForbidden)
			return true
		}, exitFailed, "403"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStore(t, dir)
			s.before = c.before
			secret := strings.Replace(s.URL, "http://", "http://me:hunter2@", 1)
			r := cli(t, "check", secret+"/a.qcow2?signature=hunter2").want(t, c.exit)
			if !strings.Contains(r.out+r.err, c.says) {
				t.Errorf("it says %q, want %q", r.out+r.err, c.says)
			}
			if strings.Contains(r.out+r.err, "hunter2") {
				t.Errorf("a secret is printed: %s", r.out+r.err)
			}
		})
	}
	s := newStore(t, dir)
	cli(t, "check", s.URL+"/nothing.qcow2").want(t, exitFailed).says(t, "404")
	s.Close()
	cli(t, "check", s.URL+"/a.qcow2").want(t, exitFailed)
}
