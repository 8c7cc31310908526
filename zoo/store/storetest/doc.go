// Package storetest judges stores: one suite that all of them pass, and the places to test against.
//
// [Run] is the suite; the test file of a store calls it with a function that makes a fresh one. [Memory] is the plainest store, [Server] an HTTP
// server on the loopback interface that misbehaves as told: it cuts, stalls, lies, changes files and redirects.
package storetest
