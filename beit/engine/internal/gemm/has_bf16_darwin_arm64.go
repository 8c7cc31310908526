package gemm

import "golang.org/x/sys/unix"

// hasBF16 reports whether this processor has the instructions for bfloat16: an M2 or later has.
func hasBF16() bool {
	value, err := unix.SysctlUint32("hw.optional.arm.FEAT_BF16")
	return err == nil && value != 0
}
