//go:build arm64 && !linux && !darwin

package gemm

// hasBF16 reports that nothing is known of instructions for bfloat16.
func hasBF16() bool { return false }
