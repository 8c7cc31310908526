// Package manifest defines, reads and validates the record of one set of weights.
//
// A [Manifest] is a YAML file that people review: what the weights are, where they come from, which digests they have, and what was
// verified about them. [Parse] is strict (an unknown field is an error with line and column), [Document.Validate] checks the meaning
// against what the program knows, and [Document.Digest] is over the exact bytes, so no canonical form is needed.
//
//	document, err := manifest.Parse("beit_base_p16_224.yaml", raw)
//	if err != nil { ... }
//	err = document.Validate(known) // zoo.Known returns what this program knows
//
// An [Index] lists the manifests of one place, and the changes of the list of keys that may sign for it ([KeyChange]). Both are only ever added to, and
// its version only ever goes up. Package trust signs manifests, indexes and changes, and checks the signatures.
package manifest
