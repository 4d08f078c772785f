// Package docs holds what the program hands out of its documentation.
package docs

import _ "embed"

// OpenAPI describes the REST API.
//
//go:embed openapi.yaml
var OpenAPI []byte

// OpenAPISent describes the way in of what was sent without the gateway.
//
//go:embed openapi-sent.yaml
var OpenAPISent []byte
