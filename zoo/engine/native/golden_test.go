package native_test

import (
	"testing"

	"github.com/beitzoo/beitzoo/verify/verifytest"
	"github.com/beitzoo/beitzoo/zoo/engine"
	"github.com/beitzoo/beitzoo/zoo/engine/native"
)

func TestRecordings(t *testing.T) {
	t.Parallel()
	verifytest.Run(t, native.Engine{}, engine.Options{})
}
