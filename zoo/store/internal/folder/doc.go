// Package folder keeps blobs as files named by their digests, as an OCI image layout does: blobs/sha256/DIGEST below a root.
//
// It is what the cache, a layout and a tree have in common. A blob appears under its name by a rename, when it is complete, verified and on the disk.
package folder
