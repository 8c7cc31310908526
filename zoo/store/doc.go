// Package store moves content-addressed blobs between places and verifies every byte on the way.
//
// A [Blob] is bytes with a size and a SHA-256 digest, and best also the digests of its chunks: then one bad chunk costs one chunk, and a copy
// that was interrupted goes on where it stood. A place that has blobs is a [Fetcher], one that takes them a [Pusher]; the places are the
// subpackages cache (the local store), httpstore, ocistore and treestore. Pull, publish, mirror and warming a cache are all the same [Copy]:
//
//	local, err := cache.New("", cache.Options{})
//	if err != nil { ... }
//	blob, err = store.Copy(ctx, store.Mirrors{first, second}, local, blob, store.Options{Progress: bar.Set})
//	path, err := local.Path(blob.Digest)
//
// A store knows bytes, sizes and digests; what they mean is the business of the caller. Every error of every store can be asked for its kind
// with errors.Is and the Err values of this package.
package store
