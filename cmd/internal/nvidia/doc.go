// Package nvidia lists the NVIDIA GPUs of this machine, whatever libtorch thinks of them.
//
//	gpus, err := nvidia.GPUs(ctx)
//	if errors.Is(err, nvidia.ErrAbsent) { ... } // no driver here
//
// It asks nvidia-smi, which comes with the driver.
package nvidia
