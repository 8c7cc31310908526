package pytorch

import (
	"context"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
)

const (
	tarBlock = 512
	// The header of a tar member has its checksum here, in octal, computed with spaces in its place.
	tarSum, tarSumEnd = 148, 156
)

// isTar recognises any tar file by the checksum of its first header; those of PyTorch 0.1 may lack the later "ustar" mark.
func isTar(content []byte) bool {
	if len(content) < tarBlock {
		return false
	}
	stated, err := strconv.ParseUint(strings.Trim(string(content[tarSum:tarSumEnd]), " \x00"), 8, 32)
	if err != nil {
		return false
	}
	sum := uint64(' ') * (tarSumEnd - tarSum)
	for i, b := range content[:tarBlock] {
		if i < tarSum || i >= tarSumEnd {
			sum += uint64(b)
		}
	}
	return sum == stated
}

// refuseTar returns an error: no BEiT was published in such a file, and PyTorch itself had a security hole in this reader (CVE-2025-32434).
func refuseTar(context.Context, []byte, checkpoint.Options) (*checkpoint.Checkpoint, error) {
	return nil, checkpoint.Unsupported("a tar file, as PyTorch wrote them before version 0.2").
		WithHint("if it is an archive of files, unpack it and give the weights; else load it in an old PyTorch and save it again")
}
