package testimages

import (
	"fmt"
	"strconv"
	"strings"
)

// expr is a parsed arithmetic expression. eval gets the builder whose tables
// places refer to (nil while there is no image yet: constants only) and the
// value that the place being set holds.
type expr interface {
	eval(b *builder, value uint64) (uint64, error)
}

type number uint64

type name string

type unary struct{ x expr }

type offsetOf struct{ x expr }

type binaryOp struct {
	op   string
	x, y expr
}

// place names a field of the image: root[index]...[index].field.
type place struct {
	root  string
	index []indexRange
	field string
}

// indexRange is one bracket: a single index (hi nil) or lo..hi, both included.
type indexRange struct{ lo, hi expr }

const (
	entryCopied     = uint64(1) << 63
	entryCompressed = uint64(1) << 62
	entryZero       = uint64(1)
	entryOffset     = uint64(0x00fffffffffffe00)
)

func (n number) eval(*builder, uint64) (uint64, error) { return uint64(n), nil }

func (n name) eval(b *builder, value uint64) (uint64, error) {
	switch n {
	case "copied":
		return entryCopied, nil
	case "compressed":
		return entryCompressed, nil
	case "value":
		return value, nil
	}
	if b == nil {
		return 0, fmt.Errorf("%s is not known before the image is", n)
	}
	if n == "cluster" {
		return uint64(b.cs), nil
	}
	return uint64(len(b.file)), nil
}

func (u unary) eval(b *builder, value uint64) (uint64, error) {
	v, err := u.x.eval(b, value)
	return ^v, err
}

func (o offsetOf) eval(b *builder, value uint64) (uint64, error) {
	v, err := o.x.eval(b, value)
	return v & entryOffset, err
}

func (e binaryOp) eval(b *builder, value uint64) (uint64, error) {
	x, err := e.x.eval(b, value)
	if err != nil {
		return 0, err
	}
	y, err := e.y.eval(b, value)
	if err != nil {
		return 0, err
	}
	switch e.op {
	case "|":
		return x | y, nil
	case "^":
		return x ^ y, nil
	case "+":
		return x + y, nil
	case "-":
		return x - y, nil
	case "&":
		return x & y, nil
	case "*":
		return x * y, nil
	case "<<":
		return x << y, nil
	case ">>":
		return x >> y, nil
	}
	if y == 0 {
		return 0, fmt.Errorf("division by zero")
	}
	return x / y, nil
}

func (p place) eval(b *builder, value uint64) (uint64, error) {
	if b == nil {
		return 0, fmt.Errorf("%s is not known before the image is", p.root)
	}
	at := make([]int64, len(p.index))
	for i, r := range p.index {
		if r.hi != nil {
			return 0, fmt.Errorf("%s: a range of indexes can only be set", p.root)
		}
		v, err := r.lo.eval(b, value)
		if err != nil {
			return 0, err
		}
		at[i] = int64(v)
	}
	s, err := b.slotOf(p, at)
	if err != nil {
		return 0, err
	}
	return b.get(s)
}

// exprParser reads one expression from tokens.
type exprParser struct {
	tokens []string
	at     int
}

func parseExpr(text string) (expr, error) {
	p := &exprParser{}
	var err error
	if p.tokens, err = tokenize(text); err != nil {
		return nil, err
	}
	e, err := p.sum()
	if err != nil {
		return nil, err
	}
	if p.at < len(p.tokens) {
		return nil, fmt.Errorf("unexpected %q", p.tokens[p.at])
	}
	return e, nil
}

func parsePlace(text string) (place, error) {
	e, err := parseExpr(text)
	if err != nil {
		return place{}, err
	}
	p, ok := e.(place)
	if !ok {
		return place{}, fmt.Errorf("%q is not a place", text)
	}
	return p, nil
}

func tokenize(text string) ([]string, error) {
	var out []string
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == ' ' || c == '\t':
			i++
		case isWord(c):
			n := i
			for n < len(text) && isWord(text[n]) {
				n++
			}
			out = append(out, text[i:n])
			i = n
		case strings.HasPrefix(text[i:], "<<"), strings.HasPrefix(text[i:], ">>"), strings.HasPrefix(text[i:], ".."):
			out = append(out, text[i:i+2])
			i += 2
		case strings.IndexByte("|^+-&*/~()[].", c) >= 0:
			out = append(out, text[i:i+1])
			i++
		default:
			return nil, fmt.Errorf("unexpected character %q", c)
		}
	}
	return out, nil
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func (p *exprParser) peek() string {
	if p.at < len(p.tokens) {
		return p.tokens[p.at]
	}
	return ""
}

func (p *exprParser) accept(token string) bool {
	if p.peek() != token {
		return false
	}
	p.at++
	return true
}

func (p *exprParser) expect(token string) error {
	if !p.accept(token) {
		return fmt.Errorf("want %q, have %q", token, p.peek())
	}
	return nil
}

func (p *exprParser) sum() (expr, error) {
	return p.operators(p.product, "|", "^", "+", "-")
}

func (p *exprParser) product() (expr, error) {
	return p.operators(p.operand, "&", "*", "/", "<<", ">>")
}

// operators reads a left-associative chain of next joined by any of ops.
func (p *exprParser) operators(next func() (expr, error), ops ...string) (expr, error) {
	x, err := next()
	if err != nil {
		return nil, err
	}
	for {
		op := p.peek()
		found := false
		for _, o := range ops {
			found = found || o == op
		}
		if !found || op == "" {
			return x, nil
		}
		p.at++
		y, err := next()
		if err != nil {
			return nil, err
		}
		x = binaryOp{op, x, y}
	}
}

func (p *exprParser) operand() (expr, error) {
	t := p.peek()
	if t == "" {
		return nil, fmt.Errorf("an expression ends too early")
	}
	p.at++
	switch {
	case t == "~":
		x, err := p.operand()
		return unary{x}, err
	case t == "(":
		x, err := p.sum()
		if err != nil {
			return nil, err
		}
		return x, p.expect(")")
	case '0' <= t[0] && t[0] <= '9':
		return parseNumber(t)
	case !isWord(t[0]):
		return nil, fmt.Errorf("unexpected %q", t)
	case t == "offset":
		if err := p.expect("("); err != nil {
			return nil, err
		}
		x, err := p.sum()
		if err != nil {
			return nil, err
		}
		return offsetOf{x}, p.expect(")")
	case t == "copied" || t == "compressed" || t == "cluster" || t == "eof" || t == "value":
		return name(t), nil
	}
	return p.place(t)
}

func (p *exprParser) place(root string) (expr, error) {
	arity, ok := placeArity[root]
	if !ok {
		return nil, fmt.Errorf("unknown place %q", root)
	}
	out := place{root: root}
	for p.accept("[") {
		var r indexRange
		var err error
		if r.lo, err = p.sum(); err != nil {
			return nil, err
		}
		if p.accept("..") {
			if r.hi, err = p.sum(); err != nil {
				return nil, err
			}
		}
		if err := p.expect("]"); err != nil {
			return nil, err
		}
		out.index = append(out.index, r)
	}
	if len(out.index) != arity {
		return nil, fmt.Errorf("%s takes %d indexes, not %d", root, arity, len(out.index))
	}
	fields := placeFields[root]
	if fields == nil {
		return out, nil
	}
	if err := p.expect("."); err != nil {
		return nil, err
	}
	out.field = p.peek()
	p.at++
	if _, ok := fields[out.field]; !ok {
		return nil, fmt.Errorf("%s has no field %q", root, out.field)
	}
	return out, nil
}

func parseNumber(t string) (expr, error) {
	shift := 0
	if !strings.HasPrefix(t, "0x") {
		if i := strings.IndexByte("KMGT", t[len(t)-1]); i >= 0 {
			shift = 10 * (i + 1)
			t = t[:len(t)-1]
		}
	}
	v, err := strconv.ParseUint(t, 0, 64)
	if err != nil || v<<shift>>shift != v {
		return nil, fmt.Errorf("%q is not a number of at most 64 bits", t)
	}
	return number(v << shift), nil
}
