// Package parallel runs the iterations of a loop on a fixed number of goroutines.
//
// Use it for loops whose iterations write to separate memory. Which goroutine takes which iteration is not determined, so an iteration
// must not depend on another one; then results are the same for any number of threads.
package parallel
