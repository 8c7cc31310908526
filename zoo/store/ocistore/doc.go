// Package ocistore keeps blobs in an OCI registry or layout folder.
//
// Use it to publish, mirror and pull models in the form of the CNCF ModelPack specification, on which oras, cosign, crane and registries work.
// A [Layout] is a folder in OCI image layout, a [Registry] a repository of a registry, a [Bundle] a layout in one file. All three are
// sources of artifacts; the first two take them too:
//
//	layout, err := ocistore.NewLayout("published")
//	if err != nil { ... }
//	artifact := ocistore.Artifact{Config: config, Files: []ocistore.File{{Path: "model.safetensors", Blob: weights}}}
//	manifest, err := ocistore.Publish(ctx, local, layout, "1.0.0", artifact, store.Options{})
//
// The same artifact always has the same digest: nothing in it depends on when, where or by whom it was made. A tag is a version and is never
// moved to another artifact.
package ocistore
