// Package cache is a local, shareable, content-addressed store.
//
// Use it as the destination of store.Copy: it is the store.Resumer, so what arrived of an interrupted copy is kept, and processes that
// copy the same blob at the same time wait for one another.
//
//	local, err := cache.New("", cache.Options{})
//	if err != nil { ... }
//	blob, err = store.Copy(ctx, source, local, blob, store.Options{})
//	path, err := local.Path(blob.Digest)
//
// A blob appears under its digest only whole and verified, by a rename. Nothing else is trusted: locks, which network file systems may
// not have, only save a second download, and each file under way is written to by one process alone. So one folder can serve many processes,
// users and machines. A folder that cannot be written to can be read from. There are no symbolic links, and no file is needed but the blobs.
//
//	blobs/sha256/DIGEST        whole blobs
//	partial/KEY.*.part         blobs under way, with their journals beside them
//	lock/KEY.lock              empty
package cache
