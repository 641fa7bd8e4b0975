//go:build js && wasm

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"syscall/js"
	"time"

	"qcowscope/wasm/fleet"
)

// bucket is an R2 bucket as a store. The package r2 of syumai/workers reads whole objects
// only, so its methods are called here directly.
type bucket struct{ js.Value }

// Head is what the bucket says of an object.
func (b bucket) Head(ctx context.Context, key string) (fleet.Object, error) {
	if err := ctx.Err(); err != nil {
		return fleet.Object{}, err
	}
	o, err := call(b.Value, "head", key)
	if err != nil {
		return fleet.Object{}, err
	}
	if o.IsNull() {
		return fleet.Object{}, fleet.ErrNotFound
	}
	return objectOf(o)
}

// objectOf reads an R2Object. Metadata cross as JSON: one crossing instead of two a name.
func objectOf(o js.Value) (fleet.Object, error) {
	object := fleet.Object{
		Key:      o.Get("key").String(),
		Size:     int64(o.Get("size").Float()),
		ETag:     o.Get("etag").String(),
		Uploaded: time.UnixMilli(int64(o.Get("uploaded").Call("getTime").Float())),
	}
	if meta := o.Get("customMetadata"); meta.Truthy() {
		text := js.Global().Get("JSON").Call("stringify", meta).String()
		if err := json.Unmarshal([]byte(text), &object.Meta); err != nil {
			return object, err
		}
	}
	return object, nil
}

// ReadRange reads a range of the version with the etag.
func (b bucket) ReadRange(ctx context.Context, key, etag string, p []byte, off int64) error {
	if err := ctx.Err(); err != nil || len(p) == 0 {
		return err
	}
	o, err := call(b.Value, "get", key, map[string]any{
		"range":  map[string]any{"offset": float64(off), "length": len(p)},
		"onlyIf": map[string]any{"etagMatches": etag},
	})
	switch {
	case err != nil:
		return err
	case o.IsNull():
		return fleet.ErrNotFound
	case o.Get("body").IsUndefined():
		return fleet.ErrChanged
	}
	buffer, err := call(o, "arrayBuffer")
	if err != nil {
		return err
	}
	n := js.CopyBytesToGo(p, uint8Array.New(buffer))
	letGo(buffer)
	if n != len(p) {
		return fmt.Errorf("R2 gave %d bytes of %d at %d", n, len(p), off)
	}
	return nil
}

// Put writes an object if the condition holds.
func (b bucket) Put(ctx context.Context, key string, body []byte, meta map[string]string, only string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	custom := map[string]any{}
	for name, value := range meta {
		custom[name] = value
	}
	options := map[string]any{"customMetadata": custom}
	switch only {
	case fleet.Always:
	case fleet.Absent:
		options["onlyIf"] = map[string]any{"etagDoesNotMatch": "*"}
	default:
		options["onlyIf"] = map[string]any{"etagMatches": only}
	}
	bytes := toJS(body)
	o, err := call(b.Value, "put", key, bytes, options)
	letGo(bytes.Get("buffer"))
	if err == nil && o.IsNull() {
		return fleet.ErrCondition
	}
	return err
}

// Delete removes objects, of which some may be gone already.
func (b bucket) Delete(ctx context.Context, keys ...string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	names := make([]any, len(keys))
	for i, key := range keys {
		names[i] = key
	}
	_, err := call(b.Value, "delete", names)
	return err
}

// List lists objects with their metadata.
func (b bucket) List(ctx context.Context, prefix, after string, limit int) ([]fleet.Object, bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	options := map[string]any{"prefix": prefix, "limit": limit, "include": []any{"customMetadata"}}
	if after != "" {
		options["startAfter"] = after
	}
	page, err := call(b.Value, "list", options)
	if err != nil {
		return nil, false, err
	}
	list := page.Get("objects")
	objects := make([]fleet.Object, list.Length())
	for i := range objects {
		if objects[i], err = objectOf(list.Index(i)); err != nil {
			return nil, false, err
		}
	}
	return objects, page.Get("truncated").Bool(), nil
}

var uint8Array = js.Global().Get("Uint8Array")

// toJS copies bytes into an array.
func toJS(p []byte) js.Value {
	array := uint8Array.New(len(p))
	js.CopyBytesToJS(array, p)
	return array
}

// letGo frees an ArrayBuffer now. It would stay until Go's collector finds that nobody has
// it, and that knows nothing of memory outside.
func letGo(buffer js.Value) { buffer.Call("transfer", 0) }

// call calls a method and waits for the promise that it returns.
func call(object js.Value, method string, args ...any) (value js.Value, err error) {
	defer func() {
		// A method may throw instead of rejecting.
		if p := recover(); p != nil {
			thrown, ok := p.(js.Error)
			if !ok {
				panic(p)
			}
			err = errors.New(thrown.Error())
		}
	}()
	promise := object.Call(method, args...)
	done := make(chan error, 1)
	then := js.FuncOf(func(_ js.Value, args []js.Value) any {
		value = args[0]
		done <- nil
		return nil
	})
	defer then.Release()
	catch := js.FuncOf(func(_ js.Value, args []js.Value) any {
		done <- fmt.Errorf("%s: %s", method, js.Global().Get("String").Invoke(args[0]).String())
		return nil
	})
	defer catch.Release()
	promise.Call("then", then, catch)
	err = <-done
	return value, err
}
