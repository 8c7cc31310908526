// Package place opens what publishes weights, and writes to it.
//
// A [Place] has a signed index, and blobs by digest: manifests, signatures, weights. [Open] opens the place that an address names:
//
//	a [Repository]  oci://HOST/REPOSITORY, in an OCI registry
//	a [Folder]      an OCI image layout that any HTTP server can publish as it is
//	a [Tree]        such a folder behind an HTTP server
//	a [Bundle]      one file, for machines without a network
//
// Repositories and folders can be written to: they are a [Destination]. A [BundleWriter] makes the file of a bundle. Nothing here is verified:
// a place returns bytes, and package zoo decides what to believe.
package place
