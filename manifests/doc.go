// Package manifests embeds the manifests that ship with the program.
//
// There is one YAML file for each set of weights: NAME.yaml describes the latest version, NAME@VERSION.yaml an earlier one. Package zoo/manifest reads
// them. schema.json is their JSON Schema, for editors and for programs in other languages.
package manifests
