// Package nvidia lists the NVIDIA GPUs of this machine, whether libtorch can use them or not.
//
//	gpus, err := nvidia.GPUs(ctx)
//	if errors.Is(err, nvidia.ErrAbsent) { ... } // no driver here
//
// It asks nvidia-smi, which comes with the driver.
package nvidia
