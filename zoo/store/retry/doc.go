// Package retry makes a store patient: what may pass by itself is tried again, and an answer that was cut goes on where it ended.
//
// Use [New] around a store that is reached over a network. Errors that would stay (not found, not authorised, wrong bytes, a changed file)
// come back at once.
package retry
