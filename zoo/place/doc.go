// Package place reads and writes the places where weights are published.
//
// A [Place] has a signed index, and blobs by digest: manifests, signatures, weights. [Open] opens the place at an address:
//
//	a [Repository]  oci://HOST/REPOSITORY, in an OCI registry
//	a [Folder]      an OCI image layout that any HTTP server can publish as it is
//	a [Tree]        such a folder behind an HTTP server
//	a [Bundle]      one file, for machines without a network
//
// Repositories and folders can be written to: each is a [Destination]. A [BundleWriter] makes the file of a bundle. Indexes, manifests and
// signatures are returned as the place has them: package zoo checks them, with the keys of package trust.
//
//	at, closer, err := place.Open(ctx, "oci://ghcr.io/owner/zoo", place.Options{})
//	if err != nil { ... }
//	defer closer.Close()
//	z, err := zoo.New(zoo.Options{Places: []place.Place{at}, Keys: trust.Keyring{key}, Cache: local, State: state})
package place
