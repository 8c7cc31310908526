// Package storetest tests stores: with a suite that every store must pass, and with stores and servers to copy from.
//
// [Run] is the suite. The test of a store calls it with a function that makes a fresh store:
//
//	func TestConformance(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) storetest.Subject {
//			s := mystore.New(t.TempDir())
//			return storetest.Subject{Fetcher: s, Pusher: s}
//		})
//	}
//
// [Memory] is a store that counts what is read from it. [Server] is an HTTP server on the loopback interface with [Fault]s: it cuts, stalls, lies,
// changes files and redirects.
package storetest
