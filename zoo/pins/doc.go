// Package pins remembers what a pull learned: the digests of upstream files whose publisher states none, and which canonical
// file each conversion made.
//
// The digest of such a file is pinned when it is first fetched. From then on a file of another digest is refused.
package pins
