//go:build js && wasm

package main

import (
	"context"
	"fmt"
	"maps"
	"syscall/js"

	"qcowscope/wasm/service"
)

// operationsOf names what the page can ask a session for. The page starts with an engine
// that has the first of them only, since it is loaded sooner; see moreOperations.
func operationsOf(s *service.Session) map[string]operation {
	ops := map[string]operation{
		"open":     asking(s.Open),
		"check":    asking(s.Check),
		"findings": asking(s.Findings),
		"cluster":  asking(s.Cluster),
	}
	maps.Copy(ops, mapOperations(s))
	maps.Copy(ops, moreOperations(s))
	return ops
}

// operation answers one kind of request. The reply is an object or a typed array.
type operation func(ctx context.Context, request js.Value) (js.Value, error)

// asking is an operation with a protocol struct as its request. Its reply is what encode takes.
func asking[Request, Reply any](answer func(context.Context, Request) (Reply, error)) operation {
	return func(ctx context.Context, v js.Value) (js.Value, error) {
		var request Request
		if err := decode(v, &request); err != nil {
			return js.Value{}, err
		}
		reply, err := answer(ctx, request)
		return crossing(reply, err)
	}
}

// plain is an operation without a request.
func plain[Reply any](answer func(context.Context) (Reply, error)) operation {
	return func(ctx context.Context, _ js.Value) (js.Value, error) {
		reply, err := answer(ctx)
		return crossing(reply, err)
	}
}

// arrays is an operation whose reply is an object of typed arrays, which set puts into it.
func arrays[Request, Reply any](answer func(context.Context, Request) (Reply, error), set func(Reply, js.Value)) operation {
	return func(ctx context.Context, v js.Value) (js.Value, error) {
		var request Request
		if err := decode(v, &request); err != nil {
			return js.Value{}, err
		}
		reply, err := answer(ctx, request)
		o := js.Global().Get("Object").New()
		if err == nil {
			set(reply, o)
		}
		return o, err
	}
}

// crossing is an answer as the page gets it.
func crossing(reply any, err error) (js.Value, error) {
	if err != nil {
		return js.Value{}, err
	}
	return encode(reply)
}

// exports are the functions of globalThis.qcowscope.
type exports struct {
	operations map[string]operation
	cancels    map[*context.CancelFunc]bool // of the calls under way
}

// call is qcowscope.call(op, request): a Promise for the reply.
func (x *exports) call(_ js.Value, args []js.Value) any {
	var name string
	request := js.Undefined()
	if len(args) > 0 && args[0].Type() == js.TypeString {
		name = args[0].String()
	}
	if len(args) > 1 {
		request = args[1]
	}
	ctx, cancel := context.WithCancel(context.Background())
	x.cancels[&cancel] = true
	return promise(func() (js.Value, error) {
		defer func() {
			delete(x.cancels, &cancel)
			cancel()
		}()
		answer, ok := x.operations[name]
		if !ok {
			return js.Value{}, fmt.Errorf("no operation %q", name)
		}
		return answer(ctx, request)
	})
}

// cancel is qcowscope.cancel(): the calls under way end soon.
func (x *exports) cancel(js.Value, []js.Value) any {
	for cancel := range x.cancels {
		(*cancel)()
	}
	return nil
}
