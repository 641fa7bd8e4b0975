package layers

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of what is read of options.
const (
	maxOpens  = 16
	maxNested = 16
)

// openKeys end the names of options that say what to open.
var openKeys = map[string]bool{"filename": true, "path": true, "host": true, "port": true, "url": true, "export": true, "driver": true,
	"server": true, "image": true, "pool": true, "dir": true, "portal": true, "target": true, "backing": true, "fd": true, "secret": true}

// jsonOpens are the options that say what to open: "file.filename=/etc/passwd". Text that is
// no JSON gives none.
func jsonOpens(text string) []string {
	var opens []string
	r := optionReader{rest: text, leaf: func(name, value string) {
		last := name[strings.LastIndexByte(name, '.')+1:]
		if openKeys[last] && len(opens) < maxOpens {
			opens = append(opens, name+"="+value)
		}
	}}
	if !r.value("", 0) || r.peek() != 0 {
		return nil
	}
	return opens
}

// optionReader reads JSON as QEMU does, with strings in single or double quotes, and tells
// of each leaf by its full name.
type optionReader struct {
	rest string
	leaf func(name, value string)
}

// peek is the next byte that is no space, 0 at the end.
func (r *optionReader) peek() byte {
	r.rest = strings.TrimLeft(r.rest, " \t\r\n")
	if r.rest == "" {
		return 0
	}
	return r.rest[0]
}

// take moves past a byte if it is the next.
func (r *optionReader) take(b byte) bool {
	if r.peek() != b || b == 0 {
		return false
	}
	r.rest = r.rest[1:]
	return true
}

// value reads one value; false if there is none, or it is nested too deep.
func (r *optionReader) value(name string, depth int) bool {
	if depth > maxNested {
		return false
	}
	switch r.peek() {
	case '{':
		return r.list('}', func(int) bool {
			key, ok := r.text()
			return ok && r.take(':') && r.value(under(name, key), depth+1)
		})
	case '[':
		return r.list(']', func(i int) bool { return r.value(under(name, strconv.Itoa(i)), depth+1) })
	case '"', '\'':
		text, ok := r.text()
		if ok {
			r.leaf(name, text)
		}
		return ok
	}
	n := strings.IndexAny(r.rest, ",]} \t\r\n")
	if n < 0 {
		n = len(r.rest)
	}
	word := r.rest[:n]
	r.rest = r.rest[n:]
	if word != "" {
		r.leaf(name, word)
	}
	return word != ""
}

// list reads what stands between brackets, with commas.
func (r *optionReader) list(end byte, element func(i int) bool) bool {
	r.rest = r.rest[1:]
	if r.take(end) {
		return true
	}
	for i := 0; element(i); i++ {
		if !r.take(',') {
			return r.take(end)
		}
	}
	return false
}

func under(name, key string) string {
	if name == "" {
		return key
	}
	return name + "." + key
}

// text reads a string in quotes.
func (r *optionReader) text() (string, bool) {
	quote := r.peek()
	if quote != '"' && quote != '\'' {
		return "", false
	}
	var b strings.Builder
	for s := r.rest[1:]; s != ""; {
		switch {
		case s[0] == quote:
			r.rest = s[1:]
			return b.String(), true
		case s[0] == '\\':
			c, n := escaped(s)
			if n == 0 {
				return "", false
			}
			b.WriteRune(c)
			s = s[n:]
		default:
			b.WriteByte(s[0])
			s = s[1:]
		}
	}
	return "", false
}

// escaped is the character of an escape that s begins with, and its length; 0 if it is none.
func escaped(s string) (rune, int) {
	if len(s) < 2 {
		return 0, 0
	}
	if i := strings.IndexByte(`"'\/bfnrt`, s[1]); i >= 0 {
		return rune("\"'\\/\b\f\n\r\t"[i]), 2
	}
	if s[1] != 'u' || len(s) < 6 {
		return 0, 0
	}
	code, err := strconv.ParseUint(s[2:6], 16, 16)
	if err != nil {
		return 0, 0
	}
	if c := rune(code); utf8.ValidRune(c) {
		return c, 6
	}
	return utf8.RuneError, 6
}
