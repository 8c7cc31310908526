// Command bench measures beitzoo against its peers and prints ratios taken in one run on one machine. It is for developers, in a checkout: `make
// bench` starts it with the Python programs that it compares beitzoo with. A user measures a machine with `beitzoo bench` instead, which needs nothing else.
//
// Every figure is the median of interleaved rounds: a round runs each contestant once, so that other load on the machine affects all alike, and a
// ratio is the median of the ratios of these rounds. Where beitzoo loses, the output says so.
package main
