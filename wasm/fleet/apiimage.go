package fleet

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/repair"
)

// maxResult bounds what is read of a stored result.
const maxResult = 16 << 20

// checkOne checks an image now. One whose tables are too large for that is left to the queue.
func (c *call) checkOne() error {
	var req struct {
		Key string `json:"key"`
	}
	if err := c.body(&req); err != nil {
		return err
	}
	name, err := key(req.Key)
	if err != nil {
		return err
	}
	for range maxChanges {
		if err = c.checkNow(name); !errors.Is(err, ErrChanged) {
			return err
		}
	}
	return err
}

func (c *call) checkNow(name string) error {
	o, err := c.s.Store.Head(c.ctx, name)
	if err != nil {
		return err
	}
	sum, stored, ok, err := c.s.latest(c.ctx, name)
	if err != nil {
		return err
	}
	if ok && c.s.known(sum, o) {
		return c.sendResult(stored)
	}
	r, shares, err := c.s.judge(c.ctx, o, judging{most: c.s.Limits.Inline})
	if err != nil {
		return err
	}
	if shares != nil {
		run, err := c.s.beginOne(c.ctx, o)
		if err != nil {
			return err
		}
		return c.begun(run)
	}
	if err := c.s.save(c.ctx, &r); err != nil {
		return err
	}
	return c.json(http.StatusOK, &r)
}

// sendResult answers with a result as it is stored.
func (c *call) sendResult(o Object) error {
	body, err := c.s.read(c.ctx, o, maxResult)
	if err != nil {
		return err
	}
	return c.send(http.StatusOK, "application/json", append(body, '\n'))
}

// findings answers with the last result of an image.
func (c *call) findings() error {
	name, err := key(c.arg)
	if err != nil {
		return err
	}
	for range maxChanges {
		_, o, ok, err := c.s.latest(c.ctx, name)
		if err != nil {
			return err
		}
		if !ok {
			return refuse(http.StatusNotFound, "this image was never checked", "POST /api/check checks it.")
		}
		if err := c.sendResult(o); !errors.Is(err, ErrChanged) {
			return err
		}
	}
	return ErrChanged
}

// version is the image that the path names, in the version that the caller insists on.
func (c *call) version() (Object, error) {
	name, err := key(c.arg)
	if err != nil {
		return Object{}, err
	}
	o, err := c.s.Store.Head(c.ctx, name)
	if err != nil {
		return o, err
	}
	if want := c.r.Header.Get("If-Match"); want != "" && want != strconv.Quote(o.ETag) {
		return o, refuse(http.StatusPreconditionFailed, "the image is not the version that If-Match names", "Open it again.")
	}
	c.w.Header().Set("ETag", strconv.Quote(o.ETag))
	return o, nil
}

// maxPatch bounds the bytes that a patch writes.
const maxPatch = 8 << 20

// patch answers with the repair of an image as a plan. Nothing is applied.
func (c *call) patch() error {
	q := c.r.URL.Query()
	opt := repair.Options{Scope: repair.All, Check: check.Options{Limit: kept, MaxClusters: c.s.Limits.Clusters}}
	if scope := q.Get("scope"); scope != "" {
		opt.Scope = repair.Scope(scope)
	}
	var err error
	if opt.Accept, err = accepted(q.Get("accept")); err != nil {
		return err
	}
	form := q.Get("format")
	if !opt.Scope.Valid() || form != "" && form != "json" && form != "vcdiff" {
		return refuse(http.StatusBadRequest, "scope is none of leaks, all, rebuild, or format none of json, vcdiff", "Leave them out for all, as json.")
	}
	o, err := c.version()
	if err != nil {
		return err
	}
	src, end := c.s.open(c.ctx, o)
	defer end()
	plan, err := c.s.plan(src, opt)
	var body []byte
	if err == nil {
		body, err = encodePlan(plan, src, form)
	}
	if trouble := src.trouble(); trouble != nil && !final(trouble) {
		return trouble
	}
	if err != nil {
		return unrepaired(err)
	}
	kind, ending := "application/json", ".plan.json"
	if form == "vcdiff" {
		kind, ending = "application/octet-stream", ".vcdiff"
	}
	c.w.Header().Set("Content-Disposition", "attachment; filename*=UTF-8''"+escapedName(path.Base(o.Key)+ending))
	return c.send(http.StatusOK, kind, body)
}

// escapedName is a file's name in a header.
func escapedName(name string) string { return strings.ReplaceAll(escaped(name), "+", "%20") }

// accepted reads the codes of repairs that the caller consents to. Of all repairs only that
// of cross-links writes data of the disk: it is left to where the image lies.
func accepted(list string) (map[check.Code]bool, error) {
	accept := map[check.Code]bool{}
	for word := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' }) {
		code := check.Code(word)
		if code.Consent() == "" {
			return nil, refuse(http.StatusBadRequest, fmt.Sprintf("%q is not repaired by consent", word), "The findings name the codes that are.")
		}
		if code == check.CrossLink {
			return nil, refuse(http.StatusBadRequest, "the repair of cross-links copies data, which does not travel in patches", "The command line does it: qcowscope repair IMAGE -o OUT --accept="+word)
		}
		accept[code] = true
	}
	return accept, nil
}

// plan makes the plan of a repair, of an image that is not too large for a request.
func (s *Service) plan(src *stored, opt repair.Options) (*patch.Plan, error) {
	img, err := image.Open(src.ctx, src)
	if err != nil {
		return nil, err
	}
	shares, err := s.shares(img, s.Limits.Inline)
	if err != nil {
		return nil, err
	}
	if shares != nil {
		return nil, &errCost{"takes more memory than a request has"}
	}
	before, err := check.Run(src.ctx, img, opt.Check)
	if err != nil {
		return nil, err
	}
	out, err := repair.Plan(src.ctx, img, before, opt)
	if err != nil {
		return nil, err
	}
	if out.Plan.Bytes() > maxPatch {
		return nil, &errCost{fmt.Sprintf("writes more than %d MiB", maxPatch>>20)}
	}
	return out.Plan, nil
}

func encodePlan(plan *patch.Plan, src *stored, form string) ([]byte, error) {
	if form != "vcdiff" {
		body, err := plan.EncodeJSON(src)
		return append(body, '\n'), err
	}
	var body bytes.Buffer
	err := plan.WriteVCDIFF(&body, src, patch.VCDIFFOptions{})
	return body.Bytes(), err
}

// unrepaired puts into words why there is no plan.
func unrepaired(err error) error {
	p, _ := explain("the image", err)
	p.What = "there is no plan for the repair: " + p.What
	p.Advice = "The command line repairs a copy: qcowscope repair IMAGE -o OUT."
	return &refusal{http.StatusUnprocessableEntity, p}
}

// maxContent is the longest range of an image that one request gives.
const maxContent = 4 << 20

// content answers with a range of an image's bytes: the page opens an image by these, where
// it lies. Nothing else of the API gives bytes that are not metadata. Browsers say which page
// asks, and scripts in it cannot say otherwise.
func (c *call) content() error {
	if c.r.Header.Get("Sec-Fetch-Site") != "same-origin" {
		return refuse(http.StatusForbidden, "an image's bytes are for the page of this service only", "Open the image there, or fetch it from the bucket.")
	}
	o, err := c.version()
	if err != nil {
		return err
	}
	c.w.Header().Set("Accept-Ranges", "bytes")
	if c.r.Method == http.MethodHead {
		c.w.Header().Set("Content-Type", "application/octet-stream")
		c.w.Header().Set("Content-Length", strconv.FormatInt(o.Size, 10))
		c.w.WriteHeader(http.StatusOK)
		return nil
	}
	off, n, ok := byteRange(c.r.Header.Get("Range"), o.Size)
	if !ok {
		c.w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", o.Size))
		return refuse(http.StatusRequestedRangeNotSatisfiable, fmt.Sprintf("give one range of at most %d bytes in the image", maxContent), "Send a header such as Range: bytes=0-65535.")
	}
	body := make([]byte, n)
	if err := c.s.Store.ReadRange(c.ctx, o.Key, o.ETag, body, off); err != nil {
		return err
	}
	c.w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", off, off+n-1, o.Size))
	return c.send(http.StatusPartialContent, "application/octet-stream", body)
}

// byteRange reads a range header with both ends. The end is cut at the file's.
func byteRange(header string, size int64) (off, n int64, ok bool) {
	spec, isBytes := strings.CutPrefix(header, "bytes=")
	from, to, both := strings.Cut(spec, "-")
	off, err := strconv.ParseInt(from, 10, 64)
	last, err2 := strconv.ParseInt(to, 10, 64)
	if !isBytes || !both || err != nil || err2 != nil || off < 0 || off >= size || last < off {
		return 0, 0, false
	}
	n = min(last, size-1) - off + 1
	return off, n, n <= maxContent
}
