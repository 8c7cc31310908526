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
// A blob appears under its digest only complete and verified, by a rename. Locks, which network file systems may not have, only save a second
// download; each partial file is written to by one process. So one folder can serve many processes, users and machines. A folder that cannot be
// written to can be read from. There are no symbolic links, and no file is needed but the blobs.
//
//	blobs/sha256/DIGEST        complete blobs
//	partial/KEY.*.part         partial blobs, with their journals beside them
//	lock/KEY.lock              empty
package cache
