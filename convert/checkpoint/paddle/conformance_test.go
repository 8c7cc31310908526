package paddle_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/beitzoo/beitzoo/convert/checkpoint/checkpointtest"
	"github.com/beitzoo/beitzoo/convert/checkpoint/paddle"
	"github.com/beitzoo/beitzoo/tensor"
)

// writable are the element types of Paddle's files.
var writable = []tensor.DType{
	tensor.Bool, tensor.U8, tensor.I8, tensor.I16, tensor.F16, tensor.BF16, tensor.I32, tensor.F32, tensor.I64, tensor.F64, tensor.C64, tensor.C128,
}

func TestConformance(t *testing.T) {
	samples := map[string][]byte{"small of protocol 2": small(2), "small of protocol 5": small(5)}
	for _, path := range []string{
		"testdata/paddle-3.3.1-nested-protocol2.pdparams", "testdata/paddle-3.3.1-protocol4.pdparams", "testdata/numpy-2.4.6-protocol5.pdparams",
		filepath.Join(testdata, "tiny/tiny_p16_32.passl.pdparams"), filepath.Join(testdata, "digits/digits_p16_64_protocol2.pdparams"),
	} {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		samples[filepath.Base(path)] = content
	}
	checkpointtest.Run(t, checkpointtest.Suite{Format: paddle.Format, Samples: samples, DTypes: writable})
}
