//go:build full

package native_test

import (
	"testing"

	"github.com/beitzoo/beitzoo/verify/verifytest"
	"github.com/beitzoo/beitzoo/zoo/engine"
	"github.com/beitzoo/beitzoo/zoo/engine/native"
)

// TestFull takes long: go test -tags full -run TestFull/beit_base_p16_224 -v -timeout 2h ./zoo/engine/native
func TestFull(t *testing.T) {
	verifytest.RunFull(t, native.Engine{}, engine.Options{})
}
