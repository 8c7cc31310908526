// Package ocistore keeps models in OCI registries and in folders in OCI image layout.
//
// Use it to publish, mirror and pull models in the form of the CNCF ModelPack specification, with which oras, cosign, crane and registries can work.
// A [Layout] is a folder in OCI image layout, a [Registry] is a repository of a registry, and a [Bundle] is a layout in one file. Each is a
// [Source] of artifacts; the first two can also be written to, so each of them is a [Place]:
//
//	layout, err := ocistore.NewLayout("published")
//	if err != nil { ... }
//	artifact := ocistore.Artifact{Config: config, Files: []ocistore.File{{Path: "model.safetensors", Blob: weights}}}
//	manifest, err := ocistore.Publish(ctx, local, layout, "1.0.0", artifact, store.Options{})
//
// The same artifact always has the same digest: nothing in it depends on when, where or by whom it was made. A tag is a version, and never moves
// to another artifact.
package ocistore
