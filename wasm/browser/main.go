//go:build js && wasm

// Browser is the core as the page's worker runs it. It only carries the operations of
// wasm/service across the boundary:
//
//	globalThis.qcowscope.call(op, request)  a Promise for the reply; rejected with an Error that has a problem
//	globalThis.qcowscope.cancel()           the calls under way end soon
//
// and needs of the host:
//
//	import io.start(file, id, records, n)   read n ranges of a file into memory, see describe: 0 is the
//	                                        image, further numbers are those of files beside it
//	globalThis.qcowscopeDone(id, code)      set here, called when they are read: 0, or 1 unreadable, 2 other
//	globalThis.qcowscopeHost.size           the file's length in bytes, when "open" is called
//	globalThis.qcowscopeHost.progress(p)    told now and then how far a check is
package main

import (
	"context"
	"errors"
	"syscall/js"
	"unsafe"

	"qcowscope/core/source"
	"qcowscope/wasm/service"
)

//go:wasmimport io start
func startRead(file, id int32, records unsafe.Pointer, n int32)

func main() {
	h := newHost(startRead)
	session := service.New(func() (source.Source, error) { return attached(h) }, progressTo(newEventLoop()))
	session.Beside(func(file int, size int64) source.Source { return hostFile{host: h, file: int32(file), size: size} })
	x := &exports{operations: operationsOf(session), cancels: map[*context.CancelFunc]bool{}}
	api := js.Global().Get("Object").New()
	api.Set("call", js.FuncOf(x.call))
	api.Set("cancel", js.FuncOf(x.cancel))
	js.Global().Set("qcowscopeDone", js.FuncOf(h.done))
	js.Global().Set("qcowscope", api)
	select {} // the exports live as long as the module
}

// attached is the file that the page has attached last.
func attached(h *host) (source.Source, error) {
	size := js.Global().Get("qcowscopeHost").Get("size")
	if size.Type() != js.TypeNumber || size.Float() < 0 || size.Float() > 1<<53 {
		return nil, errors.New("browser: the host gives no file size")
	}
	return hostFile{host: h, size: int64(size.Float())}, nil
}

// progressTo tells the page how far a check is, and lets it speak: while Go computes, a
// wish to cancel waits in the event loop.
func progressTo(loop *eventLoop) func(service.Progress) {
	return func(p service.Progress) {
		if v, err := encode(p); err == nil {
			js.Global().Get("qcowscopeHost").Call("progress", v)
		}
		loop.turn()
	}
}

// eventLoop lets the events that wait be handled. A message to ourselves takes a fraction
// of the time of the shortest timer.
type eventLoop struct {
	port   js.Value
	turned chan struct{}
}

func newEventLoop() *eventLoop {
	channel := js.Global().Get("MessageChannel").New()
	l := &eventLoop{port: channel.Get("port2"), turned: make(chan struct{}, 1)}
	channel.Get("port1").Set("onmessage", js.FuncOf(func(js.Value, []js.Value) any {
		l.turned <- struct{}{}
		return nil
	}))
	return l
}

// turn waits until the message comes back.
func (l *eventLoop) turn() {
	l.port.Call("postMessage", js.Null())
	<-l.turned
}
