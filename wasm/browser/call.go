//go:build js && wasm

package main

import (
	"errors"
	"fmt"
	"runtime/debug"
	"syscall/js"

	"qcowscope/wasm/service"
)

// crash is a panic of ours, caught at the boundary: it must not end the module, which holds
// the user's plan.
type crash struct {
	value any
	stack string
}

func (c *crash) Error() string { return fmt.Sprintf("%v\n%s", c.value, c.stack) }

// promise starts work in a goroutine and returns a Promise for its result. The goroutine is
// needed: a handler that blocks would stop the event loop on which its reads depend.
func promise(work func() (js.Value, error)) js.Value {
	executor := js.FuncOf(func(_ js.Value, args []js.Value) any {
		resolve, reject := args[0], args[1]
		go func() {
			v, err := guarded(work)
			if err != nil {
				reject.Invoke(rejection(err))
				return
			}
			resolve.Invoke(v)
		}()
		return nil
	})
	defer executor.Release() // the constructor has called it by then
	return js.Global().Get("Promise").New(executor)
}

// guarded turns a panic in work into an error.
func guarded(work func() (js.Value, error)) (v js.Value, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &crash{value: r, stack: string(debug.Stack())}
		}
	}()
	return work()
}

// problemOf is the reason in words: the session's own, or that of a fault of ours.
func problemOf(err error) service.Problem {
	var known *service.ProblemError
	if errors.As(err, &known) {
		return known.Problem
	}
	return service.Problem{
		Kind:   "internal",
		Title:  "Something went wrong in the checker itself.",
		Advice: "Your file was not changed. Reload the page and try again; please report the details below.",
		Detail: err.Error(),
	}
}

// rejection is the Error with which a Promise is rejected; its problem says why in words.
func rejection(err error) js.Value {
	problem := problemOf(err)
	e := js.Global().Get("Error").New(problem.Title)
	if v, err := encode(problem); err == nil {
		e.Set("problem", v)
	}
	return e
}
