package verifytest

// This file is used only by tests with the tag full, which take minutes or hours: go test -tags full -run TestFull/beit_base_p16_224.

import (
	"runtime/debug"
	"testing"
	"time"

	"github.com/beitzoo/beitzoo/beit/engine"
)

// RunFull is Run for every recording of a released architecture at full size, with the weights of package synth. It takes minutes in libtorch and hours in
// plain Go.
func RunFull(t *testing.T, e engine.Engine, options engine.Options) {
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // the heap is gigabytes of weights: garbage must not grow as large
	for _, name := range []string{"beit_base_p16_224", "beit_base_p16_384", "beit_large_p16_224", "beit_large_p16_384", "beit_large_p16_512"} {
		t.Run(name, func(t *testing.T) {
			for _, g := range Full(t, name) {
				for _, dtype := range dtypes(e, g.Recording.DType) {
					options := options
					options.DType = dtype
					t.Run(g.Name+"/"+dtype.String(), func(t *testing.T) { logVerified(t, g, e, options) })
				}
			}
		})
	}
}

// logVerified is Verified, and logs distance and tolerance of each tap.
func logVerified(t *testing.T, g Golden, e engine.Engine, options engine.Options) {
	start := time.Now()
	r := Verified(t, g, e, options)
	for _, tap := range r.Taps {
		t.Logf("%s: off by %.2g, noise %.2g, tolerance %.2g, largest %.3g; same top-1 %d of %d; %s in all",
			tap.Name, tap.MaxAbs, tap.Noise, tap.Tolerance, tap.Largest, r.Agreement.Top1, r.Agreement.Rows, time.Since(start).Round(time.Second))
	}
}
