package fleet

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"qcowscope/core/report"
	"qcowscope/docs"
)

// What the API takes.
const (
	minToken = 16       // characters; a shorter one is taken for none
	maxBody  = 64 << 10 // of a request
	maxURL   = 16 << 10
)

// route is an address of the API. A segment {name} of its path stands for one that is
// escaped, with slashes in it.
type route struct {
	method, path string
	do           func(c *call) error
}

// routes are all addresses. Only health answers without the token.
func routes() []route {
	return []route{
		{"GET", "/api/health", (*call).health},
		{"GET", "/api/openapi.json", (*call).openAPI},
		{"GET", "/api/check.schema.json", (*call).checkSchema},
		{"POST", "/api/check", (*call).checkOne},
		{"GET", "/api/images", (*call).images},
		{"GET", "/api/images/{key}/findings", (*call).findings},
		{"GET", "/api/images/{key}/patch", (*call).patch},
		{"GET", "/api/images/{key}/content", (*call).content},
		{"POST", "/api/fleet", (*call).beginFleet},
		{"GET", "/api/fleets", (*call).fleets},
		{"GET", "/api/fleet/{id}", (*call).fleet},
	}
}

// call is one request.
type call struct {
	s   *Service
	w   http.ResponseWriter
	r   *http.Request
	ctx context.Context
	arg string // the segment in braces
}

// refusal is an answer that is not what was asked for.
type refusal struct {
	status int
	report.Problem
}

func (r *refusal) Error() string { return r.What }

func refuse(status int, what, advice string) error {
	return &refusal{status, report.Problem{What: what, Advice: advice}}
}

// apiHeaders go with every answer: it is data for our own page, and nobody keeps it.
var apiHeaders = map[string]string{
	"Cache-Control":                "no-store",
	"Content-Security-Policy":      "default-src 'none'; frame-ancestors 'none'",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Referrer-Policy":              "no-referrer",
	"X-Content-Type-Options":       "nosniff",
}

// ServeHTTP answers a request to the API.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, value := range apiHeaders {
		w.Header().Set(name, value)
	}
	c := &call{s: s, w: w, r: r, ctx: r.Context()}
	if err := c.answer(); err != nil {
		c.fail(err)
	}
}

// answer finds the route and takes it. A panic is our own bug, brought to light by an image.
func (c *call) answer() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if len(c.r.URL.Path)+len(c.r.URL.RawQuery) > maxURL {
		return refuse(http.StatusRequestURITooLong, "the address is too long", "Keys have at most 1006 bytes.")
	}
	var allowed []string
	for _, r := range routes() {
		arg, ok := matches(r.path, c.r.URL.EscapedPath())
		switch {
		case !ok:
		case c.r.Method == r.method || c.r.Method == http.MethodHead && r.method == http.MethodGet:
			if err := c.admit(r); err != nil {
				return err
			}
			c.arg = arg
			return r.do(c)
		default:
			allowed = append(allowed, r.method)
		}
	}
	if err := c.admit(route{}); err != nil {
		return err // who may not ask is not told what there is
	}
	if len(allowed) > 0 {
		c.w.Header().Set("Allow", strings.Join(allowed, ", "))
		return refuse(http.StatusMethodNotAllowed, "this address does not take "+strconv.Quote(c.r.Method), "It takes "+strings.Join(allowed, ", ")+".")
	}
	return refuse(http.StatusNotFound, "there is no such address", "GET /api/openapi.json lists all.")
}

// matches compares a route with an escaped path, segment by segment.
func matches(route, escapedPath string) (arg string, ok bool) {
	want, have := strings.Split(route, "/"), strings.Split(escapedPath, "/")
	if len(want) != len(have) {
		return "", false
	}
	for i, segment := range want {
		if !strings.HasPrefix(segment, "{") {
			if segment != have[i] {
				return "", false
			}
			continue
		}
		value, err := url.PathUnescape(have[i])
		if err != nil || value == "" {
			return "", false
		}
		arg = value
	}
	return arg, true
}

// admit lets in who has the token, and not too often.
func (c *call) admit(r route) error {
	if r.path == "/api/health" {
		return nil
	}
	if len(c.s.Token) < minToken {
		return refuse(http.StatusServiceUnavailable, "the API is off", fmt.Sprintf("Whoever runs this service turns it on with the secret TOKEN, of at least %d characters.", minToken))
	}
	if c.s.Allow != nil && !c.s.Allow(c.r) {
		c.w.Header().Set("Retry-After", "60")
		return refuse(http.StatusTooManyRequests, "too many requests", "Wait a minute.")
	}
	given, isBearer := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	// Hashes have one length, so that the comparison takes the same time for any token.
	have, want := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(c.s.Token))
	if subtle.ConstantTimeCompare(have[:], want[:]) != 1 || !isBearer {
		c.w.Header().Set("WWW-Authenticate", "Bearer")
		return refuse(http.StatusUnauthorized, "the token is missing or wrong", "Send the header Authorization: Bearer TOKEN.")
	}
	return nil
}

// failed is the answer to a request that could not be done.
type failed struct {
	Problem report.Problem `json:"problem"`
	Schema  int            `json:"schema"`
}

// fail answers with what is wrong. What the caller cannot mend is logged, not told.
func (c *call) fail(err error) {
	var no *refusal
	switch {
	case errors.As(err, &no):
	case errors.Is(err, ErrNotFound):
		no = &refusal{http.StatusNotFound, report.Problem{What: "there is no such object", Advice: "Check the key."}}
	case errors.Is(err, ErrChanged):
		no = &refusal{http.StatusConflict, report.Problem{What: "the image changes while it is read", Advice: "Try again when nobody writes to it."}}
	case errors.Is(err, errBusy):
		no = &refusal{http.StatusTooManyRequests, report.Problem{What: err.Error(), Advice: "GET /api/fleets lists them."}}
	default:
		c.s.Log(fmt.Sprintf("%s %q: %q", c.r.Method, c.r.URL.EscapedPath(), err))
		no = &refusal{http.StatusInternalServerError, report.Problem{What: "the service failed", Advice: "Try again; if it stays, look into its log."}}
	}
	_ = c.json(no.status, failed{no.Problem, report.Schema})
}

// json answers with a value. Nothing was written before, so it is an answer or none.
func (c *call) json(status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.send(status, "application/json", append(body, '\n'))
}

// send answers with bytes.
func (c *call) send(status int, kind string, body []byte) error {
	c.w.Header().Set("Content-Type", kind)
	c.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(status)
	if c.r.Method == http.MethodHead {
		return nil
	}
	if _, err := c.w.Write(body); err != nil {
		c.s.Log(fmt.Sprintf("an answer was not taken: %q", err))
	}
	return nil
}

// body reads the request's JSON. Fields that there are not are refused: they are mistakes.
func (c *call) body(v any) error {
	text, err := io.ReadAll(io.LimitReader(c.r.Body, maxBody+1))
	if err != nil {
		return refuse(http.StatusBadRequest, "the request could not be read", "Send it again.")
	}
	if len(text) > maxBody {
		return refuse(http.StatusRequestEntityTooLarge, fmt.Sprintf("the request has more than %d bytes", maxBody), "It takes a few words of JSON.")
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil || d.More() {
		return refuse(http.StatusBadRequest, "the request is not the JSON that is wanted here", "GET /api/openapi.json says what is.")
	}
	return nil
}

// number is a number in the query, between 1 and most.
func (c *call) number(name string, usual, most int) (int, error) {
	text := c.r.URL.Query().Get(name)
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, refuse(http.StatusBadRequest, name+" is not a number from 1 to "+strconv.Itoa(most), "Leave it out for the usual.")
	}
	return n, nil
}

// key is a key that the caller names.
func key(text string) (string, error) {
	if err := checkKey(text); err != nil {
		return "", refuse(http.StatusBadRequest, err.Error(), "Give the key as the store has it; in a path, escape its slashes as %2F.")
	}
	return text, nil
}

// prefix is what keys begin with, as the caller gives it.
func prefix(text string) (string, error) {
	if err := checkPrefix(text); err != nil {
		return "", refuse(http.StatusBadRequest, err.Error(), "Give what keys begin with; nothing stands for all.")
	}
	return text, nil
}

func (c *call) health() error {
	return c.json(http.StatusOK, map[string]bool{"api": len(c.s.Token) >= minToken})
}

func (c *call) openAPI() error { return c.send(http.StatusOK, "application/json", docs.OpenAPI) }

func (c *call) checkSchema() error {
	return c.send(http.StatusOK, "application/json", docs.CheckSchema)
}
