package gemm

import "golang.org/x/sys/unix"

// hasBF16 reports whether this processor has the instructions for bfloat16. golang.org/x/sys/cpu does not say.
func hasBF16() bool {
	const hwcap2, bf16 = 26, 1 << 14 // AT_HWCAP2 and HWCAP2_BF16 in the headers of Linux
	entries, err := unix.Auxv()
	if err != nil {
		return false
	}
	for _, entry := range entries {
		if entry[0] == hwcap2 {
			return entry[1]&bf16 != 0
		}
	}
	return false
}
