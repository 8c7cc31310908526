package convert

import (
	"fmt"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// errNotZero ends the reading of a tensor of which one byte is not zero.
var errNotZero = errdef.New(errdef.ErrInput, "not zero")

// zeroWriter accepts zeros only.
type zeroWriter struct{}

func (zeroWriter) Write(p []byte) (int, error) {
	for i, b := range p {
		if b != 0 {
			return i, errNotZero
		}
	}
	return len(p), nil
}

// allZero reports whether every byte of a tensor is zero. Of others it reads one piece.
func allZero(v tensor.View) bool {
	_, err := v.Data.WriteTo(zeroWriter{})
	return err == nil
}

// doubtZeros returns a sentence about a model whose LayerNorm weights are zero, or "". Training never makes them so: a file that was made at its full length
// before the download, which then stopped, has zeros from there on. Only the weights of norms, which are small, are read if none of them is zero.
func doubtZeros(tensors []tensor.Named) string {
	isNorm := func(name string) bool {
		return strings.HasSuffix(name, "norm.weight") || strings.Contains(name, ".norm") && strings.HasSuffix(name, ".weight")
	}
	norms := 0
	for _, t := range tensors {
		if isNorm(t.Name) && allZero(t.View) {
			norms++
		}
	}
	if norms == 0 {
		return ""
	}
	zero := 0
	for _, t := range tensors {
		if allZero(t.View) {
			zero++
		}
	}
	return fmt.Sprintf("%s of %d are all zero, and %s among them, which no training makes: a download that stopped early may have left zeros",
		text.Count(zero, "parameter", "parameters"), len(tensors), text.Count(norms, "weight of a LayerNorm", "weights of LayerNorms"))
}
