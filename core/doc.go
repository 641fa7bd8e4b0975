// Package core holds no code of its own: it is the house of the library's packages.
//
// Each package stands in a row, and an import points strictly down, never sideways and
// never up (layers_test.go holds this):
//
//	change, show     repair   amend   cow   redirect   salvage   clustermap   skeleton   report   anatomy   layers
//	judge, place     check            alloc
//	recount          refcount
//	typed tables     image            patch
//	bytes            qcow2            source
//
// Nothing here knows where the bytes come from (a file, a browser's Blob, an object store)
// and nothing here writes to an image: a change is a patch.Plan, applied to a patch.Overlay.
// So the library runs alike in a browser, in a worker at the edge and on the command line.
package core
