// Package cache is a local, shareable, content-addressed store.
//
// Use it as the destination of store.Copy. It is a store.Resumer: what arrived of an interrupted copy is kept, and processes that copy the same blob
// at the same time wait for one another.
//
//	local, err := cache.New("", cache.Options{})
//	if err != nil { ... }
//	blob, err = store.Copy(ctx, source, local, blob, store.Options{})
//	path, err := local.Path(blob.Digest)
//
// A blob appears under its digest, by a rename, only when it is complete and verified, and each partial file is written to by one process only. So one
// folder can serve many processes, users and machines. Locks, which network file systems may lack, only save a second download. A read-only folder can
// be read. There are no symbolic links, and only the blobs are needed.
//
//	blobs/sha256/DIGEST        complete blobs
//	partial/KEY.*.part         partial blobs, with their journals beside them
//	lock/KEY.lock              empty files, for locks
package cache
