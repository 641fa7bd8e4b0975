package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"qcowscope/core/check"
	"qcowscope/core/report"
)

// keptInFolder is how many findings of each code are kept for each of many images.
const keptInFolder = 100

// checked is one image of a run over a folder.
type checked = report.Image

// folderJSON is the result of a run.
type folderJSON struct {
	Images  []checked     `json:"images"` // worst first
	Summary folderSummary `json:"summary"`
	Schema  int           `json:"schema"`
}

// folderSummary counts the images by exit code.
type folderSummary struct {
	Images     int `json:"images"`
	Clean      int `json:"clean"`
	Corrupt    int `json:"corrupt"`
	Leaks      int `json:"leaks"`
	Unreadable int `json:"unreadable"`
	Other      int `json:"other-files"` // no qcow2 images, passed over
}

// checkFolder checks every image under a folder, several at once.
func (c *command) checkFolder(root string, o checkOptions) int {
	paths, other, err := imagesUnder(c.ctx, root)
	if err != nil {
		return c.fail(err)
	}
	if len(paths) == 0 {
		return c.fail(fmt.Errorf("there is no qcow2 image under %s", root))
	}
	all := c.checkAll(paths, o)
	if c.ctx.Err() != nil {
		return c.fail(c.ctx.Err())
	}
	slices.SortStableFunc(all, func(a, b checked) int { return cmp.Compare(a.Badness(), b.Badness()) })
	sum := summarize(all, other)
	if err := c.printChecked(all, sum, o); err != nil {
		return c.fail(err)
	}
	return sum.exitCode()
}

// checkForHost checks one image for a build server or a code host.
func (c *command) checkForHost(path string, o checkOptions) int {
	r := c.checkOne(path, o)
	if c.ctx.Err() != nil {
		return c.fail(c.ctx.Err())
	}
	if err := c.printChecked([]checked{r}, folderSummary{}, o); err != nil {
		return c.fail(err)
	}
	return r.Exit
}

func (c *command) printChecked(all []checked, sum folderSummary, o checkOptions) error {
	switch *o.form {
	case "json":
		writeJSON(c.out, folderJSON{all, sum, schema})
	case "junit":
		return writeJUnit(c.out, all)
	case "sarif":
		writeSARIF(c.out, all)
	default:
		if !o.quiet {
			writeFolder(c.out, all, sum, o.all)
		}
	}
	return nil
}

// checkAll checks the images with a few workers. The order is that of the paths.
func (c *command) checkAll(paths []string, o checkOptions) []checked {
	all := make([]checked, len(paths))
	next := make(chan int)
	p := c.progress()
	defer p.end()
	var wg sync.WaitGroup
	for range min(len(paths), o.workers()) {
		wg.Go(func() {
			for i := range next {
				all[i] = c.checkOne(paths[i], o)
			}
		})
	}
	for i := range paths {
		p.show("checking images", int64(i), int64(len(paths)))
		next <- i
	}
	close(next)
	wg.Wait()
	return all
}

func (o *checkOptions) workers() int {
	if o.jobs > 0 {
		return o.jobs
	}
	return runtime.NumCPU()
}

// checkOne checks one image and lets go of everything but the result.
func (c *command) checkOne(path string, o checkOptions) checked {
	r := checked{Filename: nameOf(path), Exit: exitFailed, Verdict: report.Unreadable}
	if c.ctx.Err() != nil {
		return r
	}
	f, img, p := openedIn(c.ctx, path, func() (input, error) { return openInput(c.ctx, path) })
	if f != nil {
		r.Size = f.Size() // of one that cannot be opened, too
	}
	if p != nil {
		r.Problem, r.Exit = &report.Problem{What: p.What, Where: p.Where, Advice: p.Advice}, p.exit
		return r
	}
	defer f.Close()
	result, err := c.judge(img, o, check.Options{Limit: o.keptOfMany()})
	if err == nil {
		err = f.changed()
	}
	if err != nil {
		r.Problem = &report.Problem{What: err.Error(), Advice: "Nothing was changed."}
		return r
	}
	r.Set(result.json(c.ctx, r.Filename), result.exitCode(o.strict))
	return r
}

func (o *checkOptions) keptOfMany() int {
	if o.recursive && !o.all {
		return keptInFolder
	}
	return o.kept()
}

// imagesUnder lists the files that are qcow2 images or are called so, and counts the others.
// Links are not followed: they may lead out of the folder, or in a circle.
func imagesUnder(ctx context.Context, root string) (paths []string, other int, err error) {
	if info, err := os.Stat(root); err != nil {
		return nil, 0, plainError(err)
	} else if !info.IsDir() {
		return nil, 0, fmt.Errorf("%s is not a folder: --recursive looks for images in one", root)
	}
	// The folder itself may be a link: what it leads to was asked for.
	err = filepath.WalkDir(root+string(filepath.Separator), func(path string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return plainError(err)
		case !d.Type().IsRegular():
		case isImage(path):
			paths = append(paths, filepath.Clean(path))
		default:
			other++
		}
		return nil
	})
	return paths, other, err
}

// isImage tells whether the file begins like a qcow2 image, or has the name of one: then
// the check says what it is instead.
func isImage(path string) bool {
	if strings.HasSuffix(path, ".qcow2") {
		return true
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	magic := make([]byte, 4)
	_, err = io.ReadFull(f, magic)
	return err == nil && string(magic) == "QFI\xfb"
}

func summarize(all []checked, other int) folderSummary {
	s := folderSummary{Images: len(all), Other: other}
	for _, r := range all {
		switch r.Exit {
		case exitOK:
			s.Clean++
		case exitCorrupt:
			s.Corrupt++
		case exitLeaks:
			s.Leaks++
		default:
			s.Unreadable++
		}
	}
	return s
}

// exitCode is that of the worst image.
func (s folderSummary) exitCode() int {
	switch {
	case s.Corrupt > 0:
		return exitCorrupt
	case s.Unreadable > 0:
		return exitFailed
	case s.Leaks > 0:
		return exitLeaks
	}
	return exitOK
}

// writeFolder prints a line for each image that is not clean, or for all, and the sum.
func writeFolder(w io.Writer, all []checked, s folderSummary, clean bool) {
	for _, r := range all {
		if r.Exit == exitOK && !clean {
			continue
		}
		fmt.Fprintf(w, "%-10s %10s  %s\n", r.Verdict, size(uint64(r.Size)), printable(r.Filename))
		if line := summaryOf(&r); line != "" {
			fmt.Fprintf(w, "%22s  %s\n", "", printable(line))
		}
	}
	fmt.Fprintf(w, "%s: %d corrupt, %d with leaks, %d could not be checked, %d clean", count(s.Images, "image"), s.Corrupt, s.Leaks, s.Unreadable, s.Clean)
	if s.Other > 0 {
		fmt.Fprintf(w, "; %s passed over", count(s.Other, "other file"))
	}
	fmt.Fprintln(w)
}

// summaryOf is what is wrong with the image, in a line.
func summaryOf(r *checked) string {
	if r.Problem != nil {
		return r.Problem.What
	}
	var parts []string
	if r.Check.Corruptions > 0 {
		parts = append(parts, count(r.Check.Corruptions, "corruption"))
	}
	if r.Check.Leaks > 0 {
		parts = append(parts, count(r.Check.Leaks, "leaked cluster"))
	}
	if len(r.Check.Groups) > 0 {
		parts = append(parts, r.Check.Groups[0].Title)
	}
	return strings.Join(parts, ", ")
}
