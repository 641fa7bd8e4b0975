// Command qcowscope checks and repairs qcow2 disk images. It writes to the image only
// where --in-place asks for that: a repair goes to a copy.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
)

// Exit codes. The first four are those of `qemu-img check`.
const (
	exitOK         = 0
	exitFailed     = 1 // could not do the work: nothing was written
	exitCorrupt    = 2
	exitLeaks      = 3
	exitNotQcow2   = 63
	memoryTarget   = 20 // percent of garbage over what is in use: a check is one large table
	exitStopped    = 4  // a change in place stopped on the way, and what to do was said
	interruptedMsg = "interrupted, nothing was written"
)

func main() {
	debug.SetGCPercent(memoryTarget)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// verb is one thing the program can do.
type verb struct {
	name, args, short string
	help              string // flags and exit codes
	run               func(c *command) int
}

// command is one call of a verb.
type command struct {
	ctx      context.Context
	verb     *verb
	flags    *flag.FlagSet
	words    []string // arguments that are no flags
	out, err io.Writer
}

// verbs are what the program can do, in the order of the help.
func verbs() []*verb {
	return []*verb{&infoVerb, &checkVerb, &repairVerb, &amendVerb, &writeVerb, &amplifyVerb, &mapVerb, &dumpVerb, &applyVerb, &crashVerb, &diffVerb, &skeletonVerb}
}

// run is the whole program: its result is the exit code.
func run(ctx context.Context, args []string, out, err io.Writer) int {
	if len(args) == 0 {
		usage(err)
		return exitFailed
	}
	switch args[0] {
	case "help", "-h", "--help", "-help":
		return help(args[1:], out, err)
	case "version", "--version", "-version":
		fmt.Fprintln(out, "qcowscope "+version())
		return exitOK
	}
	v := verbNamed(args[0])
	if v == nil {
		return noVerb(args[0], err)
	}
	c := &command{ctx: ctx, verb: v, flags: flag.NewFlagSet(v.name, flag.ContinueOnError), out: out, err: err}
	c.flags.SetOutput(io.Discard) // we say ourselves what is wrong
	c.words = args[1:]
	return v.run(c)
}

func verbNamed(name string) *verb {
	for _, v := range verbs() {
		if v.name == name {
			return v
		}
	}
	return nil
}

// parse reads the flags, which may stand before and after the want arguments. When it is
// false the call ends with the exit code.
func (c *command) parse(want int) (code int, ok bool) {
	rest, words := c.words, []string(nil)
	for {
		if err := c.flags.Parse(rest); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				io.WriteString(c.out, c.verb.text())
				return exitOK, false
			}
			return c.misuse(err.Error()), false
		}
		ended := len(rest) > len(c.flags.Args()) && rest[len(rest)-len(c.flags.Args())-1] == "--"
		if rest = c.flags.Args(); len(rest) == 0 || ended {
			words = append(words, rest...)
			break
		}
		words, rest = append(words, rest[0]), rest[1:]
	}
	if c.words = words; len(words) != want {
		return c.misuse(fmt.Sprintf("it takes %s", c.verb.args)), false
	}
	return exitOK, true
}

func (c *command) misuse(why string) int {
	fmt.Fprintf(c.err, "qcowscope %s: %s\n\n%s", c.verb.name, printable(why), c.verb.text())
	return exitFailed
}

// fail says on standard error why the work was not done.
func (c *command) fail(err error) int {
	var stopped *stoppedError
	if errors.As(err, &stopped) {
		for i, line := range strings.Split(err.Error(), "\n") {
			if i == 0 {
				line = "qcowscope " + c.verb.name + ": in place: " + line
			}
			fmt.Fprintln(c.err, printable(line))
		}
		return exitStopped
	}
	if c.ctx.Err() != nil {
		err = errors.New(interruptedMsg)
	}
	fmt.Fprintf(c.err, "qcowscope %s: %s\n", c.verb.name, printable(err.Error()))
	return exitFailed
}

// output is the value of --output.
type output string

// outputForms is a flag that takes one of the forms.
type outputForms struct {
	chosen *output
	forms  []string
}

func (o outputForms) String() string {
	if o.chosen == nil {
		return ""
	}
	return string(*o.chosen)
}

func (o outputForms) Set(s string) error {
	if !slices.Contains(o.forms, s) {
		return errors.New("it is " + strings.Join(o.forms[:len(o.forms)-1], ", ") + " or " + o.forms[len(o.forms)-1])
	}
	*o.chosen = output(s)
	return nil
}

// outputFlag is --output, of a verb that prints for people, as JSON, and in further forms.
func (c *command) outputFlag(more ...string) *output {
	o := output("human")
	c.flags.Var(outputForms{&o, append([]string{"human", "json"}, more...)}, "output", "")
	return &o
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "(built from source)"
	}
	return info.Main.Version
}
