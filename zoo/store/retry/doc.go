// Package retry repeats what a store failed at, if the failure may be temporary, and continues an answer that was cut.
//
// Use [New] around a store that is reached over a network. It returns permanent errors (not found, not authorised, wrong bytes, a changed file) at once.
//
//	patient := retry.New(source, retry.Options{})
package retry
