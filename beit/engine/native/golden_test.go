package native_test

import (
	"testing"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

func TestRecordings(t *testing.T) {
	t.Parallel()
	verifytest.Run(t, native.Engine{}, engine.Options{})
}

func TestSegmentation(t *testing.T) {
	t.Parallel()
	verifytest.RunSegmentation(t, native.Engine{}, engine.Options{}, func(tensor.DType) bool { return true })
}
