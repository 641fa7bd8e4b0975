package anatomy

import (
	"fmt"
	"strings"
)

// String is the field in its golden form: one line, everything that is known of it.
func (f *Field) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%v %s %s", f.Host, f.Kind, f.Name)
	switch {
	case f.IsText:
		fmt.Fprintf(&s, " = %q", f.Value)
	case f.Value != "":
		fmt.Fprintf(&s, " = %s", f.Value)
	}
	fmt.Fprintf(&s, ": %s", f.Meaning)
	if f.To.Name != "" {
		fmt.Fprintf(&s, " -> %s %v", f.To.Name, f.To.Host)
	}
	if f.Guest.Len > 0 {
		fmt.Fprintf(&s, " [guest %v]", f.Guest)
	}
	for _, r := range f.From {
		fmt.Fprintf(&s, " <- %s@%s", r.Name, hexOff(r.Host.Start))
	}
	if f.MoreFrom {
		s.WriteString(" <- ...")
	}
	for _, c := range f.Wrong {
		fmt.Fprintf(&s, " !%s", c)
	}
	return s.String()
}

// String is the part in its golden form.
func (p Part) String() string {
	bits := fmt.Sprintf("%d-%d", p.High, p.Low)
	if p.High == p.Low {
		bits = fmt.Sprint(p.High)
	}
	return fmt.Sprintf("%s %s=%s%s", bits, p.Name, hexText(p.Value), either(p.Wrong, " !", ""))
}
