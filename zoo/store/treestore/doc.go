// Package treestore keeps blobs and documents in a folder that any HTTP server can publish as it is.
//
// Use it to publish without a registry: blobs are at blobs/sha256/DIGEST, and the documents that say what they are (manifests, signatures, an index, pages
// for people) have the names that the caller chooses. Over HTTP, httpstore.NewTree reads the blobs.
//
//	tree, err := treestore.New("public")
//	if err != nil { ... }
//	_, err = store.Copy(ctx, local, tree, blob, store.Options{})
//	err = tree.Create("manifests/beit_base_p16_224/1.0.0.yaml", text)
package treestore
