//go:build full

package native_test

import (
	"testing"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

// TestFull takes long: go test -tags full -run TestFull/beit_base_p16_224 -v -timeout 2h ./beit/engine/native
func TestFull(t *testing.T) {
	verifytest.RunFull(t, native.Engine{}, engine.Options{})
}

// TestFullTokenizers takes seconds in libtorch and a minute in plain Go.
func TestFullTokenizers(t *testing.T) {
	verifytest.RunFullTokenizers(t, native.Engine{}, engine.Options{})
}

// TestFullSegmentation takes minutes in plain Go.
func TestFullSegmentation(t *testing.T) {
	verifytest.RunFullSegmentation(t, native.Engine{}, engine.Options{})
}
