// Package httpstore reads blobs over HTTP with ranges and resume.
//
// Use [New] for a file at an address, whose digest and size may be unknown, and [NewTree] for a published folder of blobs (an OCI image
// layout or a tree that package treestore made, behind any HTTP server).
//
//	source, err := httpstore.New("https://host/weights.pdparams", httpstore.Options{})
//	if err != nil { ... }
//	blob, err := store.Copy(ctx, retry.New(source, retry.Options{}), local, store.Blob{Name: source.Address(), Size: store.UnknownSize}, store.Options{})
//
// Parts of different versions of a file are never combined: ranges are requested under the condition that the file is still the one that Stat
// saw. Credentials go to the host that they are for and never follow a redirect to another. They and the query of an address, which may be
// signed, appear in no error. Proxies and certificates come from the environment: HTTPS_PROXY, HTTP_PROXY, NO_PROXY, SSL_CERT_FILE.
package httpstore
