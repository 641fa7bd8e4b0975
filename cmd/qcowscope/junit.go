package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"qcowscope/core/report"
)

// junitSuite is a run over images in the form that build servers show: an image is a test.
type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string     `xml:"classname,attr"` // the folder
	Name    string     `xml:"name,attr"`
	Failure *junitFail `xml:"failure"`
	Error   *junitFail `xml:"error"`
}

type junitFail struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// writeJUnit prints a failure for each image with corruption or leaks, an error for each
// that could not be checked.
func writeJUnit(w io.Writer, all []checked) error {
	s := junitSuite{Name: "qcowscope", Tests: len(all)}
	for _, r := range all {
		c := junitCase{Class: printable(filepath.Dir(r.Filename)), Name: printable(filepath.Base(r.Filename))}
		switch {
		case r.Problem != nil:
			s.Errors++
			c.Error = &junitFail{"unreadable", printable(r.Problem.What), printable(r.Problem.Advice)}
		case r.Exit != exitOK:
			s.Failures++
			c.Failure = &junitFail{r.Verdict, printable(summaryOf(&r)), textOf(r.Check)}
		}
		s.Cases = append(s.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(s); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// textOf lists the kinds of findings, with the first place of each.
func textOf(j *report.Check) string {
	first := map[string]report.Finding{}
	for _, f := range j.Findings {
		if _, ok := first[f.Code]; !ok {
			first[f.Code] = f
		}
	}
	var b strings.Builder
	for _, g := range j.Groups {
		fmt.Fprintf(&b, "%s: %s (%d) [%s]\n", g.Severity, g.Title, g.Count, g.Code)
		if f, ok := first[g.Code]; ok {
			fmt.Fprintf(&b, "  %s\n  %s\n", printable(f.What), printable(f.Where))
		}
	}
	return b.String()
}
