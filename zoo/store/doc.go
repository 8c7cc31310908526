// Package store copies blobs between stores and verifies every byte.
//
// A [Blob] is identified by its size and its SHA-256 digest. If the digests of its chunks are known too, a damaged chunk is all that has to be fetched
// again. A store that has blobs is a [Fetcher], one that takes them a [Pusher]. The stores are the subpackages cache (the
// local store), httpstore, ocistore, treestore, memstore and fsstore. Pull, publish, mirror and warming a cache are all the same [Copy]:
//
//	local, err := cache.New("", cache.Options{})
//	if err != nil { ... }
//	blob, err = store.Copy(ctx, store.Mirrors{first, second}, local, blob, store.Options{})
//	if err != nil { ... }
//	path, err := local.Path(blob.Digest)
//
// A store knows bytes, sizes and digests; what they mean is up to the caller. Every error of a store wraps one of the Err values of this package,
// or the error of the system.
//
// To write a store, implement [Fetcher] if it can be read, [Pusher] if it can be written to, and where it makes sense [RangeFetcher] and [Resumer].
// Return a [SourceError] for what goes wrong, with Temporary set if trying again may help: package retry then does that. Call storetest.Run in its test.
// For a store that an address can name, add a case to place.Open.
package store
