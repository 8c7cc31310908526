// Package retry tries again what a store failed at, if the failure may be temporary, and continues an answer that was cut.
//
// Use [New] around a store that is reached over a network. Errors that would stay (not found, not authorised, wrong bytes, a changed file)
// come back at once.
package retry
