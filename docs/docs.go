// Package docs holds the documents that programs read, too.
package docs

import _ "embed"

// OpenAPI describes the API of the service.
//
//go:embed openapi.json
var OpenAPI []byte

// CheckSchema is the JSON schema of a check.
//
//go:embed check.schema.json
var CheckSchema []byte
