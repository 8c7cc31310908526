package paddle

import (
	"bytes"
	"regexp"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/framework"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/opcode"
)

// unmarked matches how pickles of protocols 0 and 1 begin, which have no mark of their own: a global, or an empty or opened container.
var unmarked = regexp.MustCompile(`^(c[\w.]+\n\w[\w.]*\n|\((c[\w.]+\n|[dl]p?\d*\n|S'|i[\w.]+\n)|[}\]]q\x00)`)

// match accepts a bare pickle that is not PyTorch's, and files for Paddle's inference engine: read explains why it refuses these.
func match(content []byte) bool {
	head := content[:min(len(content), 256)]
	if inference(head) != "" {
		return true
	}
	if len(head) > 2 && head[0] == opcode.Proto {
		return head[1] >= 2 && !framework.IsSafetensors(head) && !bytes.Contains(head[:min(len(head), 32)], framework.TorchMagicPickle())
	}
	return unmarked.Match(head)
}

// inference recognises the files for Paddle's inference engine and says what they are.
func inference(head []byte) string {
	switch {
	case isStream(head):
		return "a file of inference parameters (.pdiparams)"
	case isProgram(head):
		return "a program for inference (.pdmodel)"
	}
	return ""
}

// isStream recognises a tensor of paddle/fluid/framework/lod_tensor.cc: version 0, a count of levels, version 0, and a short description that
// begins with its field 1, the data type.
func isStream(head []byte) bool {
	zero := make([]byte, 16)
	return len(head) > 20 && bytes.Equal(head[:16], zero) && head[16] > 1 && bytes.Equal(head[17:20], zero[:3]) && head[20] == 0x08
}

// isProgram recognises a ProgramDesc of paddle/fluid/framework/framework.proto: it begins with a block, whose fields 1 and 2 are its index and its parent.
func isProgram(head []byte) bool {
	if len(head) < 12 || head[0] != 0x0a {
		return false
	}
	at := 1
	for at < 6 && head[at] >= 0x80 {
		at++
	}
	return bytes.HasPrefix(head[at+1:], []byte{0x08, 0x00, 0x10})
}

func refuseInference(content []byte) error {
	what := inference(content[:min(len(content), 256)])
	if what == "" {
		return nil
	}
	return checkpoint.Unsupported("%s: the parameters' names are not in it", what).
		WithHint("give the .pdparams file of the same model, from which it was exported")
}
