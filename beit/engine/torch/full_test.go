//go:build libtorch && full

package torch_test

import (
	"testing"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/torch"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

// TestFull takes minutes: go test -tags libtorch,full -run TestFull/beit_base_p16_224 -v ./beit/engine/torch
func TestFull(t *testing.T) {
	verifytest.RunFull(t, torch.Engine{}, engine.Options{})
}

// TestFullTokenizers takes seconds in libtorch and a minute in plain Go.
func TestFullTokenizers(t *testing.T) {
	verifytest.RunFullTokenizers(t, torch.Engine{}, engine.Options{})
}

// TestFullSegmentation takes half a minute in libtorch.
func TestFullSegmentation(t *testing.T) {
	verifytest.RunFullSegmentation(t, torch.Engine{}, engine.Options{})
}
