// Package manifests embeds the published manifests.
//
// There is one YAML file for each set of weights: NAME.yaml has the latest version, NAME@VERSION.yaml an earlier one. schema.json is their
// JSON Schema, for editors and for programs in other languages.
package manifests
