package report

import (
	"fmt"
	"io"
	"strings"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
)

// Page is what an HTML report tells. All of its text may come from an image.
type Page struct {
	Name    string // of the image
	Program string // and its version
	When    string // the check was
	Image   *image.Image
	Report  *check.Report
	Fixed   Fixed
	// KeptLeaks is why leaked clusters were not given back, "" if they were or there are none.
	KeptLeaks string
	// Plan is what was planned or done about it, nil if nothing was.
	Plan *PlanPart
}

// PlanPart is a plan, what its steps are, and whether the report is of the image after it.
type PlanPart struct {
	Plan    *patch.Plan
	Steps   []string
	Applied bool
}

// Places of a code and writes of a plan that a page lists.
const (
	pagePlaces = 200
	pageWrites = 500
)

// WriteHTML writes the report as one page that needs nothing else: no script, no font, no
// network. It is made to be read on any screen, and printed.
func WriteHTML(w io.Writer, p Page) error {
	h := &html{w: w}
	state, headline, advice := Verdict(p.Report)
	h.put(pageHead, "<title>", escape(p.Name), " \u2013 report of qcowscope</title><style>", pageStyle, "</style></head><body>\n",
		"<header><p>Report on a disk image</p><h1><bdi>", escape(p.Name), "</bdi></h1></header>\n<main>\n",
		`<section class="verdict `, escape(state), `"><h2>`, escape(headline), "</h2><p>", escape(advice), "</p></section>\n")
	h.counts(p)
	h.facts(p.Image)
	h.findings(p)
	h.plan(p.Plan)
	h.layers(p)
	h.put("</main>\n<footer><p>", escape(p.Program), ", ", escape(p.When), ". No data of the disk is on this page; ",
		"names that the image holds are.</p></footer>\n</body></html>\n")
	return h.err
}

// html writes until something fails.
type html struct {
	w   io.Writer
	err error
}

// put writes what is HTML already.
func (h *html) put(parts ...string) {
	if h.err == nil {
		_, h.err = io.WriteString(h.w, strings.Join(parts, ""))
	}
}

// pair is a line of a list of facts.
func (h *html) pair(name, value string) {
	h.put("<div><dt>", escape(name), "</dt><dd><bdi>", escape(value), "</bdi></dd></div>\n")
}

// row is a line of a table.
func (h *html) row(cells ...string) {
	h.put("<tr>")
	for _, c := range cells {
		h.put("<td><bdi>", escape(c), "</bdi></td>")
	}
	h.put("</tr>\n")
}

// table begins a table, which end closes.
func (h *html) table(heads ...string) (end func()) {
	h.put(`<div class="wide"><table><thead><tr>`)
	for _, name := range heads {
		h.put(`<th scope="col">`, escape(name), "</th>")
	}
	h.put("</tr></thead><tbody>\n")
	return func() { h.put("</tbody></table></div>\n") }
}

// counts are those of qemu-img check.
func (h *html) counts(p Page) {
	r := p.Report
	h.put(`<section><h2>As qemu-img check counts</h2><dl class="counts">`, "\n")
	h.pair("corruptions", fmt.Sprint(r.Corruptions))
	h.pair("leaked clusters", fmt.Sprint(r.Leaks))
	h.pair("errors of the check", fmt.Sprint(r.CheckErrors))
	h.pair("exit code", fmt.Sprint(r.ExitCode()))
	h.pair("clusters of the disk", fmt.Sprint(r.Total))
	h.pair("allocated", fmt.Sprint(r.Stats.Allocated))
	h.pair("fragmented", fmt.Sprint(r.Stats.Fragmented))
	h.pair("compressed", fmt.Sprint(r.Stats.Compressed))
	h.pair("image end offset", fmt.Sprint(r.ImageEnd))
	if p.Fixed != (Fixed{}) {
		h.pair("corruptions mended", fmt.Sprint(p.Fixed.Corruptions))
		h.pair("leaks mended", fmt.Sprint(p.Fixed.Leaks))
	}
	h.put("</dl>\n")
	for _, note := range []struct {
		is   bool
		text string
	}{
		{r.Refused, "QEMU does not open this image; these counts are of what can be said of it all the same."},
		{r.Aborted && !r.Refused, "qemu-img check gives up on this image in the middle; the counts are of what could be counted."},
		{r.Incomplete != nil, "A part of the file could not be read, so there may be more: " + errorText(r.Incomplete)},
		{p.KeptLeaks != "", "Leaked clusters were not given back: " + p.KeptLeaks + "."},
	} {
		if note.is {
			h.put("<p>", escape(note.text), "</p>\n")
		}
	}
	h.put("</section>\n")
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// findings are the groups, the worst first.
func (h *html) findings(p Page) {
	h.put("<section><h2>Findings</h2>\n")
	if len(p.Report.Groups) == 0 {
		h.put("<p>None.</p>\n")
	}
	for _, g := range p.Report.Groups {
		h.group(p, g)
	}
	h.put("</section>\n")
}

// severitySigns go with the words, for those who look for shapes.
var severitySigns = map[check.Severity]string{check.Danger: "\u2716", check.Damage: "\u25b2", check.Warning: "\u25c6", check.Waste: "\u25ac", check.Note: "\u25cf"}

func (h *html) group(p Page, g check.Group) {
	severity := g.Code.Severity()
	h.put(`<article class="`, severity.String(), `"><h3><span class="sign">`, severitySigns[severity], " ", severityWords[severity], "</span> ",
		escape(g.Code.Title()), ` <span class="times">`, escape(counted(g)), " <code>", escape(string(g.Code)), "</code></span></h3>\n",
		"<p>", escape(g.Code.Meaning()), "</p>\n<p><b>Repair:</b> ", escape(g.Code.CureText()), "</p>\n")
	if consent := g.Code.Consent(); consent != "" {
		h.put("<p><b>By consent:</b> ", escape(consent), "</p>\n")
	}
	geo := p.Image.Geo
	end := h.table("What", "Where", "Holds", "Should hold", "qemu-img says")
	shown := g.Findings[:min(pagePlaces, len(g.Findings))]
	for _, f := range shown {
		h.row(f.What(geo), f.Where(geo), f.GotText(), f.WantText(), f.Qemu(geo))
	}
	end()
	if more := g.Places - len(shown); more > 0 {
		h.put("<p>and ", count(more, "more place"), "; the report as JSON has more of them.</p>\n")
	}
	h.put("</article>\n")
}

// counted is how often the group was found: as QEMU counts, else the places.
func counted(g check.Group) string {
	if g.Class == check.Beyond || g.Times == 0 {
		return count(g.Places, "place")
	}
	return fmt.Sprintf("\u00d7 %d", g.Times)
}

// plan is what was planned, write by write.
func (h *html) plan(part *PlanPart) {
	if part == nil || part.Plan.Empty() {
		return
	}
	p := part.Plan
	title := "Repair plan, not applied"
	if part.Applied {
		title = "What was changed before this check"
	}
	h.put("<section><h2>", title, "</h2>\n<ul>\n")
	for _, step := range part.Steps {
		h.put("<li>", escape(step), "</li>\n")
	}
	h.put("</ul>\n<p>", escape(fmt.Sprintf("%s, %v in all; the file has %s before and %s after.",
		count(p.Writes(), "write"), qcow2.Size(p.Bytes()), qcow2.Size(p.SizeBefore).Exact(), qcow2.Size(p.SizeAfter).Exact())), "</p>\n")
	end := h.table("Batch", "File offset", "Length", "Why") // not the bytes: a plan may copy data of the disk
	left := pageWrites
	for n, batch := range p.Batches {
		for _, w := range batch[:min(left, len(batch))] {
			h.row(fmt.Sprint(n), fmt.Sprintf("0x%x", w.Off), fmt.Sprint(len(w.Data)), w.Why)
			left--
		}
	}
	end()
	if more := p.Writes() - pageWrites; more > 0 {
		h.put("<p>and ", count(more, "more write"), ".</p>\n")
	}
	h.put("</section>\n")
}
