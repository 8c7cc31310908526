// Package checkpointtest is the conformance suite that every checkpoint.Format passes.
//
// A format's test file says what is special about it and calls [Run]:
//
//	func TestConformance(t *testing.T) {
//		checkpointtest.Run(t, checkpointtest.Suite{
//			Format:  safetensors.Format,
//			Samples: samples,
//			DTypes:  []tensor.DType{tensor.F32, tensor.F16},
//		})
//	}
//
// [Whole] is the property that every test of a hostile file should end with, fuzz targets included: what a reader accepts is delivered
// exactly, and what it refuses is refused with a checkpoint.Error that is fit to be printed.
package checkpointtest
