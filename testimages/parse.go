package testimages

import (
	"fmt"
	"slices"
	"strings"
)

// Expect is what plain `qemu-img check` says about the image.
type Expect struct {
	Corruptions int64 `json:"corruptions"`
	Leaks       int64 `json:"leaks"`
	CheckErrors int64 `json:"check_errors"`
	Exit        int64 `json:"exit"`
}

// Recipe is one parsed recipe.
type Recipe struct {
	// Name is the file name without its extension: the defect.
	Name string
	// Title is a headline; only samples have one.
	Title string
	// Story is the comment at the top of the file, lines joined by spaces.
	Story string
	// Covers lists the damage classes and catalogue rows that the recipe shows.
	Covers []string
	// Expect is what plain qemu-img check says.
	Expect Expect

	steps []step
}

// step is one verb with its arguments, at a line of the recipe.
type step struct {
	line   int
	run    func(b *builder, a args) error
	args   args
	damage bool // the verb breaks the image; no guest may use it afterwards
}

// args are the arguments of one verb. Expressions wait for the image they speak of.
type args struct {
	nums  map[string]expr
	texts map[string]string
	flags map[string]bool

	target place // set, fill: what is overwritten
	value  expr  // set
	raw    []byte
}

// kind says how the argument after key= is read.
type kind int

const (
	num kind = iota
	text
	flag
)

type verb struct {
	keys     map[string]kind
	required []string
	run      func(b *builder, a args) error
	damage   bool
}

// Parse reads a recipe. Errors name the file and the line.
func Parse(recipeName, source string) (Recipe, error) {
	r := Recipe{Name: recipeName}
	var story []string
	expected := false
	for i, line := range strings.Split(source, "\n") {
		code, comment, isComment := strings.Cut(line, "#")
		code = strings.TrimSpace(code)
		if code == "" {
			if isComment && len(r.steps) == 0 {
				story = append(story, strings.TrimSpace(comment))
			}
			continue
		}
		word, rest, _ := strings.Cut(code, " ")
		if word == "expect" {
			expected = true
		}
		if err := r.line(i+1, word, strings.TrimSpace(rest)); err != nil {
			return Recipe{}, fmt.Errorf("testimages: %s.recipe:%d: %w", recipeName, i+1, err)
		}
	}
	r.Story = strings.Join(story, " ")
	switch {
	case r.Story == "":
		return Recipe{}, fmt.Errorf("testimages: %s.recipe: no story at the top", recipeName)
	case len(r.steps) == 0:
		return Recipe{}, fmt.Errorf("testimages: %s.recipe: no image", recipeName)
	case !expected:
		return Recipe{}, fmt.Errorf("testimages: %s.recipe: no expect line", recipeName)
	}
	return r, nil
}

func (r *Recipe) line(line int, word, rest string) error {
	switch word {
	case "title":
		r.Title = rest
		return nil
	case "covers":
		r.Covers = append(r.Covers, strings.Fields(rest)...)
		return nil
	case "expect":
		return r.parseExpect(rest)
	}
	v, ok := verbNamed(word)
	if !ok {
		return fmt.Errorf("unknown verb %q", word)
	}
	if (word == "image") != (len(r.steps) == 0) {
		return fmt.Errorf("image must be the first verb, and only the first")
	}
	if !v.damage && len(r.steps) > 0 && r.steps[len(r.steps)-1].damage {
		return fmt.Errorf("%s after the image was damaged", word)
	}
	s := step{line: line, run: v.run, damage: v.damage}
	var err error
	switch word {
	case "set":
		s.args, err = parseSet(rest)
	case "fill":
		s.args, err = parseFill(v, rest)
	default:
		s.args, err = parseArgs(v, rest)
	}
	r.steps = append(r.steps, s)
	return err
}

func parseArgs(v verb, rest string) (args, error) {
	a := args{nums: map[string]expr{}, texts: map[string]string{}, flags: map[string]bool{}}
	seen := map[string]bool{}
	for _, field := range strings.Fields(rest) {
		key, val, hasValue := strings.Cut(field, "=")
		k, ok := v.keys[key]
		if !ok {
			return a, fmt.Errorf("unknown argument %q", key)
		}
		if seen[key] {
			return a, fmt.Errorf("%s given twice", key)
		}
		seen[key] = true
		if (k == flag) == hasValue || hasValue && val == "" {
			return a, fmt.Errorf("%s: value missing or not wanted", key)
		}
		switch k {
		case flag:
			a.flags[key] = true
		case text:
			a.texts[key] = val
		case num:
			e, err := parseExpr(val)
			if err != nil {
				return a, fmt.Errorf("%s: %w", key, err)
			}
			a.nums[key] = e
		}
	}
	for _, key := range v.required {
		if !seen[key] {
			return a, fmt.Errorf("%s is missing", key)
		}
	}
	return a, nil
}

func parseSet(rest string) (args, error) {
	target, value, ok := strings.Cut(rest, "=")
	if !ok {
		return args{}, fmt.Errorf("set needs PLACE = EXPR")
	}
	var a args
	var err error
	if a.target, err = parsePlace(target); err != nil {
		return a, err
	}
	if a.target.root == "bytes" {
		a.raw, err = parseHex(value)
		return a, err
	}
	a.value, err = parseExpr(value)
	return a, err
}

func parseFill(v verb, rest string) (args, error) {
	end := strings.LastIndexByte(rest, ']') + 1
	target, more := rest[:end], rest[end:]
	a, err := parseArgs(v, more)
	if err != nil {
		return a, err
	}
	if a.target, err = parsePlace(target); err != nil {
		return a, err
	}
	if a.target.root != "bytes" {
		return a, fmt.Errorf("fill needs bytes[offset]")
	}
	return a, nil
}

var expectVerb = verb{keys: map[string]kind{"corruptions": num, "leaks": num, "check_errors": num, "exit": num}}

// parseExpect reads the counts; exit follows from them unless it is given.
func (r *Recipe) parseExpect(rest string) error {
	a, err := parseArgs(expectVerb, rest)
	if err != nil {
		return err
	}
	want := map[string]int64{}
	for key, e := range a.nums {
		v, err := e.eval(nil, 0)
		if err != nil {
			return err
		}
		want[key] = int64(v)
	}
	x := Expect{Corruptions: want["corruptions"], Leaks: want["leaks"], CheckErrors: want["check_errors"]}
	switch {
	case a.nums["exit"] != nil:
		x.Exit = want["exit"]
	case x.CheckErrors > 0:
		x.Exit = 1
	case x.Corruptions > 0:
		x.Exit = 2
	case x.Leaks > 0:
		x.Exit = 3
	}
	r.Expect = x
	return nil
}

// num evaluates a number argument, or returns otherwise when it was not given.
func (a args) num(b *builder, key string, otherwise int64) (int64, error) {
	e, ok := a.nums[key]
	if !ok {
		return otherwise, nil
	}
	v, err := e.eval(b, 0)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", key, err)
	}
	if int64(v) < 0 {
		return 0, fmt.Errorf("%s: %#x is too large", key, v)
	}
	return int64(v), nil
}

// text is a text argument that must be one of the allowed words.
func (a args) word(key, otherwise string, allowed ...string) (string, error) {
	v, ok := a.texts[key]
	if !ok {
		return otherwise, nil
	}
	if !slices.Contains(allowed, v) {
		return "", fmt.Errorf("%s must be one of %v, not %q", key, allowed, v)
	}
	return v, nil
}
