// Package store copies content-addressed blobs between stores and verifies every byte.
//
// A [Blob] is bytes with a size and a SHA-256 digest, and best also the digests of its chunks: then a damaged chunk costs one chunk, and an
// interrupted copy is resumed. A store that has blobs is a [Fetcher], one that takes them a [Pusher]. The stores are the subpackages cache (the
// local store), httpstore, ocistore, treestore, memstore and fsstore. Pull, publish, mirror and warming a cache are all the same [Copy]:
//
//	local, err := cache.New("", cache.Options{})
//	if err != nil { ... }
//	blob, err = store.Copy(ctx, store.Mirrors{first, second}, local, blob, store.Options{Progress: bar.Set})
//	path, err := local.Path(blob.Digest)
//
// A store knows bytes, sizes and digests; what they mean is up to the caller. Every error of a store wraps one of the Err values of this package,
// or the error of the system.
package store
