// Command bench measures beitzoo beside its peers and prints ratios taken in one run on one machine.
//
// Every figure is the median of interleaved rounds: a round runs each contestant once, so that what else the machine does hits all alike.
// It says so when beitzoo loses.
package main
