// Package memstore keeps blobs in memory.
//
// Use it for small blobs that this program makes, such as manifests, signatures and indexes.
//
//	small := new(memstore.Store)
//	blob := small.Put(document)
//	_, err := store.Copy(ctx, small, layout, blob, store.Options{})
package memstore
