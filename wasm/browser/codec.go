//go:build js && wasm

package main

import (
	"fmt"
	"math"
	"reflect"
	"syscall/js"

	"github.com/norunners/vert"
)

// encode turns bytes and numbers into typed arrays, and a protocol struct into a JavaScript
// object.
func encode(reply any) (js.Value, error) {
	switch r := reply.(type) {
	case []byte:
		return encodeBytes(r), nil
	case []float64:
		return encodeFloats(r), nil
	}
	return encodeStruct(reply)
}

// encodeStruct turns a protocol struct into an object. Protocol structs hold only what vert
// carries unharmed (scripts/gen-protocol refuses others); a nil slice would become null, and
// is made an empty array first.
func encodeStruct(reply any) (v js.Value, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("codec: %T cannot cross: %v", reply, r)
		}
	}()
	copied := reflect.New(reflect.TypeOf(reply)).Elem()
	copied.Set(reflect.ValueOf(reply))
	fillSlices(copied)
	return vert.ValueOf(copied.Interface()).JSValue(), nil
}

// fillSlices replaces nil slices by empty ones, at any depth.
func fillSlices(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fillSlices(v.Field(i))
		}
	case reflect.Slice:
		if v.IsNil() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		for i := range v.Len() {
			fillSlices(v.Index(i))
		}
	}
}

// decode fills the protocol struct that request points to. Missing fields stay zero.
// A number that is no whole number where one is wanted is an error: vert would cut it.
func decode(v js.Value, request any) error {
	if v.Type() != js.TypeObject {
		return fmt.Errorf("codec: the request is %v, not an object", v.Type())
	}
	if err := wholeNumbers(reflect.TypeOf(request).Elem(), v); err != nil {
		return err
	}
	if err := (vert.Value{Value: v}).AssignTo(request); err != nil {
		return fmt.Errorf("codec: %w", err)
	}
	return nil
}

func wholeNumbers(t reflect.Type, v js.Value) error {
	for i := range t.NumField() {
		field := t.Field(i)
		if field.Type.Kind() != reflect.Int {
			continue
		}
		key := field.Tag.Get("json")
		n := v.Get(key)
		if n.Type() != js.TypeNumber {
			continue
		}
		if x := n.Float(); x != math.Trunc(x) || math.Abs(x) > 1<<53 {
			return fmt.Errorf("codec: %s is %v, not a whole number", key, x)
		}
	}
	return nil
}

// encodeBytes copies bytes into a Uint8Array that the host may transfer.
func encodeBytes(b []byte) js.Value {
	array := js.Global().Get("Uint8Array").New(len(b))
	js.CopyBytesToJS(array, b)
	return array
}

// encodeFloats copies numbers into a Float64Array that the host may transfer.
func encodeFloats(numbers []float64) js.Value {
	array := js.Global().Get("Float64Array").New(len(numbers))
	bytes := js.Global().Get("Uint8Array").New(array.Get("buffer"))
	js.CopyBytesToJS(bytes, littleEndian(numbers))
	return array
}
