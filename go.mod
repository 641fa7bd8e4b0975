module qcowscope

go 1.26.0

// npm packages may hold Go files.
ignore ./node_modules

// Static analysis beyond vet, run by npm test.
tool honnef.co/go/tools/cmd/staticcheck

// zstd for compressed clusters: the standard library has deflate only.
require github.com/klauspost/compress v1.20.3

// Small Go structs to JavaScript objects and back, at the browser boundary (wasm/browser only).
require github.com/norunners/vert v0.0.0-20221203075838-106a353d42dd

// Go as a Cloudflare Worker, with its queue and its clock (wasm/edge only).
require github.com/syumai/workers v0.32.0

// What staticcheck needs.
require (
	github.com/BurntSushi/toml v1.4.1-0.20240526193622-a339e1f7089c // indirect
	golang.org/x/exp/typeparams v0.0.0-20231108232855-2478ac86f678 // indirect
	golang.org/x/mod v0.41.0 // indirect
	golang.org/x/sync v0.23.0 // indirect
	golang.org/x/tools v0.51.0 // indirect
	honnef.co/go/tools v0.8.2 // indirect
)
