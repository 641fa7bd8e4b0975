//go:build js && wasm

package main

import (
	"errors"
	"syscall/js"
	"testing"
)

// settle waits for a Promise: its value, or what it was rejected with.
func settle(p js.Value) (value js.Value, rejected js.Value) {
	done := make(chan struct{})
	onValue := js.FuncOf(func(_ js.Value, args []js.Value) any {
		value = args[0]
		close(done)
		return nil
	})
	defer onValue.Release()
	onError := js.FuncOf(func(_ js.Value, args []js.Value) any {
		rejected = args[0]
		close(done)
		return nil
	})
	defer onError.Release()
	p.Call("then", onValue, onError)
	<-done
	return value, rejected
}

func TestPromiseResolves(t *testing.T) {
	v, rejected := settle(promise(func() (js.Value, error) { return js.ValueOf(7), nil }))
	if !rejected.IsUndefined() || v.Int() != 7 {
		t.Errorf("got %v, rejected with %v", v, rejected)
	}
}

func TestPromiseRejectsWithAProblem(t *testing.T) {
	_, e := settle(promise(func() (js.Value, error) { return js.Value{}, errors.New("no luck") }))
	if !e.InstanceOf(js.Global().Get("Error")) {
		t.Fatalf("rejected with %v, want an Error", e)
	}
	problem := e.Get("problem")
	if problem.Get("kind").String() != "internal" || problem.Get("detail").String() != "no luck" {
		t.Errorf("problem: %s", stringify(problem))
	}
}

func TestAPanicRejectsAndTheModuleLivesOn(t *testing.T) {
	_, e := settle(promise(func() (js.Value, error) {
		var none []int
		return js.ValueOf(none[len(none)]), nil
	}))
	if kind := e.Get("problem").Get("kind").String(); kind != "internal" {
		t.Errorf("kind %q, want internal", kind)
	}
	TestPromiseResolves(t)
}
