package manifests

import "embed"

// Schema is the name of the JSON Schema in Files.
const Schema = "schema.json"

// Files holds the manifests and their schema, for zoo.Options.Manifests.
//
//go:embed *.yaml schema.json
var Files embed.FS
