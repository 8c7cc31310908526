//go:build full

package native_test

import (
	"testing"
	"time"

	"github.com/beitzoo/beitzoo/convert/tensor"
	"github.com/beitzoo/beitzoo/verify/verifytest"
	"github.com/beitzoo/beitzoo/zoo/engine"
	"github.com/beitzoo/beitzoo/zoo/engine/native"
)

// TestFull verifies the released architectures at full size: go test -tags full -run TestFull/beit_base_p16_224 -v -timeout 2h ./zoo/engine/native
func TestFull(t *testing.T) {
	for _, name := range []string{"beit_base_p16_224", "beit_base_p16_384", "beit_large_p16_224", "beit_large_p16_384", "beit_large_p16_512"} {
		t.Run(name, func(t *testing.T) {
			for _, g := range verifytest.Full(t, name) {
				t.Run(g.Name, func(t *testing.T) {
					dtype := g.Recording.DType
					start := time.Now()
					r := verifytest.Verified(t, g, native.Engine{}, engine.Options{DType: dtype})
					for _, tap := range r.Taps {
						t.Logf("%s: off by %.2g, noise %.2g, tolerance %.2g, largest %.3g; same top-1 %d of %d; %s in all",
							tap.Name, tap.MaxAbs, tap.Noise, tap.Tolerance, tap.Largest, r.Agreement.Top1, r.Agreement.Rows, time.Since(start).Round(time.Second))
					}
					if dtype == tensor.F64 {
						verifytest.Verified(t, g, native.Engine{}, engine.Options{DType: tensor.F32})
					}
				})
			}
		})
	}
}
