package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strconv"
	"strings"
	"unicode"
)

// plain are the Go types that cross the boundary unharmed. The codec panics on named types
// and rounds 64-bit integers, so that nothing else may stand in a protocol struct.
var plain = map[string]string{"bool": "boolean", "string": "string", "int": "number", "float64": "number"}

type translator struct {
	fset    *token.FileSet
	structs map[string]bool // declared in the files
	out     bytes.Buffer
}

// goSource is a Go file of the protocol.
type goSource struct {
	name string
	text []byte
}

// translate turns the Go sources of the protocol into TypeScript: an interface for each
// struct, a const tuple with its union type for each list of strings.
func translate(sources ...goSource) ([]byte, error) {
	t := &translator{fset: token.NewFileSet(), structs: map[string]bool{}}
	var specs []documented
	var names []string
	for _, src := range sources {
		file, err := parser.ParseFile(t.fset, src.name, src.text, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		specs = append(specs, specsOf(file)...)
		names = append(names, src.name)
	}
	for _, s := range specs {
		if ts, ok := s.spec.(*ast.TypeSpec); ok {
			t.structs[ts.Name.Name] = true
		}
	}
	fmt.Fprintf(&t.out, "// Generated from %s by scripts/gen-protocol. Do not edit.\n", strings.Join(names, ", "))
	for _, s := range specs {
		if err := t.spec(s); err != nil {
			return nil, err
		}
	}
	return t.out.Bytes(), nil
}

// documented is a declaration with its comment, which Go keeps on the enclosing declaration
// when that has no parentheses.
type documented struct {
	spec ast.Spec
	doc  *ast.CommentGroup
}

func specsOf(file *ast.File) []documented {
	var specs []documented
	for _, d := range file.Decls {
		gen, ok := d.(*ast.GenDecl)
		if !ok || gen.Tok == token.IMPORT {
			continue
		}
		for _, s := range gen.Specs {
			doc := gen.Doc
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Doc != nil {
					doc = s.Doc
				}
			case *ast.ValueSpec:
				if s.Doc != nil {
					doc = s.Doc
				}
			}
			specs = append(specs, documented{s, doc})
		}
	}
	return specs
}

func (t *translator) spec(s documented) error {
	switch spec := s.spec.(type) {
	case *ast.TypeSpec:
		st, ok := spec.Type.(*ast.StructType)
		if !ok {
			return t.errorf(spec, "%s is not a struct: the codec cannot carry named types", spec.Name.Name)
		}
		return t.structType(spec.Name.Name, s.doc, st)
	case *ast.ValueSpec:
		return t.tuple(spec, s.doc)
	}
	return t.errorf(s.spec, "unexpected declaration")
}

func (t *translator) structType(name string, doc *ast.CommentGroup, st *ast.StructType) error {
	t.out.WriteByte('\n')
	t.comment("", doc)
	fmt.Fprintf(&t.out, "export interface %s {\n", name)
	for _, f := range st.Fields.List {
		if err := t.field(name, f); err != nil {
			return err
		}
	}
	t.out.WriteString("}\n")
	return nil
}

func (t *translator) field(owner string, f *ast.Field) error {
	if len(f.Names) != 1 {
		return t.errorf(f, "%s: want one name a field, embedded structs are not flattened by the codec", owner)
	}
	name := f.Names[0].Name
	key, err := jsonKey(f)
	if err != nil {
		return t.errorf(f, "%s.%s: %v", owner, name, err)
	}
	typ, err := t.typeOf(f.Type)
	if err != nil {
		return t.errorf(f, "%s.%s: %v", owner, name, err)
	}
	t.comment("  ", f.Doc)
	t.comment("  ", f.Comment)
	fmt.Fprintf(&t.out, "  %s: %s;\n", key, typ)
	return nil
}

func jsonKey(f *ast.Field) (string, error) {
	if f.Tag == nil {
		return "", fmt.Errorf("no json tag")
	}
	tag, err := strconv.Unquote(f.Tag.Value)
	if err != nil {
		return "", err
	}
	key := reflect.StructTag(tag).Get("json")
	for i, r := range key {
		if !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return "", fmt.Errorf("json key %q: want a plain name, the codec does not know options", key)
		}
	}
	if key == "" {
		return "", fmt.Errorf("no json tag")
	}
	return key, nil
}

func (t *translator) typeOf(e ast.Expr) (string, error) {
	switch e := e.(type) {
	case *ast.Ident:
		if ts, ok := plain[e.Name]; ok {
			return ts, nil
		}
		if t.structs[e.Name] {
			return e.Name, nil
		}
		return "", fmt.Errorf("type %s does not cross the boundary unharmed", e.Name)
	case *ast.ArrayType:
		if e.Len != nil {
			return "", fmt.Errorf("an array makes the codec panic: use a slice")
		}
		elem, err := t.typeOf(e.Elt)
		return elem + "[]", err
	}
	return "", fmt.Errorf("type %T does not cross the boundary unharmed", e)
}

// tuple writes a list of names, and the union of them under the name's singular: Owners, Owner.
func (t *translator) tuple(spec *ast.ValueSpec, doc *ast.CommentGroup) error {
	names, err := stringsOf(spec)
	if err != nil {
		return t.errorf(spec, "%v", err)
	}
	name := spec.Names[0].Name
	singular, plural := strings.CutSuffix(name, "s")
	if !plural {
		return t.errorf(spec, "%s: want a plural, its singular names the type", name)
	}
	t.out.WriteByte('\n')
	t.comment("", doc)
	fmt.Fprintf(&t.out, "export const %s = [\n", name)
	for _, n := range names {
		fmt.Fprintf(&t.out, "  '%s',\n", n)
	}
	fmt.Fprintf(&t.out, "] as const;\n\n/** One of %s. */\nexport type %s = (typeof %s)[number];\n", name, singular, name)
	return nil
}

func stringsOf(spec *ast.ValueSpec) ([]string, error) {
	if len(spec.Names) != 1 || len(spec.Values) != 1 {
		return nil, fmt.Errorf("want one name and one value")
	}
	lit, ok := spec.Values[0].(*ast.CompositeLit)
	if !ok {
		return nil, fmt.Errorf("%s is not a list of strings", spec.Names[0].Name)
	}
	var names []string
	for _, e := range lit.Elts {
		b, ok := e.(*ast.BasicLit)
		if !ok || b.Kind != token.STRING {
			return nil, fmt.Errorf("%s is not a list of strings", spec.Names[0].Name)
		}
		s, err := strconv.Unquote(b.Value)
		if err != nil {
			return nil, err
		}
		if strings.ContainsAny(s, "'\\\n") {
			return nil, fmt.Errorf("%q has a character that this program does not quote", s)
		}
		names = append(names, s)
	}
	return names, nil
}

func (t *translator) comment(indent string, doc *ast.CommentGroup) {
	text := strings.ReplaceAll(strings.TrimSpace(doc.Text()), "*/", "*\\/")
	if text == "" {
		return
	}
	lines := strings.Split(text, "\n")
	if len(lines) == 1 {
		fmt.Fprintf(&t.out, "%s/** %s */\n", indent, text)
		return
	}
	fmt.Fprintf(&t.out, "%s/**\n", indent)
	for _, line := range lines {
		fmt.Fprintf(&t.out, "%s\n", strings.TrimRight(indent+" * "+line, " "))
	}
	fmt.Fprintf(&t.out, "%s */\n", indent)
}

func (t *translator) errorf(n ast.Node, format string, args ...any) error {
	return fmt.Errorf("%s: %s", t.fset.Position(n.Pos()), fmt.Sprintf(format, args...))
}
