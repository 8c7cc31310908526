//go:build libtorch

package torch

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"sync"

	"github.com/sugarme/gotch/libtch"
)

// program calls an operator of libtorch that gotch has no function for, or many in one call; see [listing]. TorchScript can call every operator by its name, and gotch can
// run TorchScript, so a program is a TorchScript archive, made in memory.
type program struct {
	name, signature, expression string
	// steps are lines before the expression, and parts the programs that they call by method.
	steps []string
	parts []*program

	once   sync.Once
	module libtch.Cmodule
	err    error
}

// The operators that torch.compile uses for linear layers on the CPU (pytorch/pytorch aten/src/ATen/native/mkldnn/Linear.cpp): a weight laid
// out for the kernels of oneDNN, and products with such a weight. The second argument of pack has as many rows as x will have.
var (
	packForOneDNN = &program{
		name: "mkldnn::_reorder_linear_weight", signature: "weight: Tensor, rows: Tensor",
		expression: `ops.mkldnn._reorder_linear_weight(weight, torch.size(rows, 0))`,
	}
	// The same of MKL, in the same file: a weight for as many rows as the second argument has and for the threads that the calling thread uses.
	packForMKL = &program{
		name: "mkl::_mkl_reorder_linear_weight", signature: "weight: Tensor, rows: Tensor",
		expression: `ops.mkl._mkl_reorder_linear_weight(weight, torch.size(rows, 0))`,
	}
	mklLinear = &program{
		name: "mkl::_mkl_linear", signature: "x: Tensor, weight: Tensor, shape: Tensor, bias: Tensor, rows: Tensor",
		expression: `ops.mkl._mkl_linear(x, weight, shape, bias, torch.size(rows, 0))`,
	}
	packedLinear = &program{
		name: "mkldnn::_linear_pointwise", signature: "x: Tensor, weight: Tensor, bias: Tensor",
		expression: `ops.mkldnn._linear_pointwise(x, weight, bias, "none", annotate(List[Optional[number]], []), "")`,
	}
	packedGELU = &program{
		name: "mkldnn::_linear_pointwise gelu", signature: "x: Tensor, weight: Tensor, bias: Tensor",
		expression: `ops.mkldnn._linear_pointwise(x, weight, bias, "gelu", annotate(List[Optional[number]], []), "none")`,
	}
	// A linear layer as a convolution: each row of x is convolutionWindow pixels of a line, which are one window.
	packAsConvolution = &program{
		name: "mkldnn::_reorder_convolution_weight of a layer", signature: "weight: Tensor, rows: Tensor",
		expression: fmt.Sprintf(`ops.mkldnn._reorder_convolution_weight(torch.unsqueeze(torch.permute(torch.reshape(weight, [torch.size(weight, 0), %[1]d, -1]), [0, 2, 1]), 2), `+
			`[0, 0], [1, %[1]d], [1, 1], 1, [1, torch.floordiv(torch.size(weight, 1), %[1]d), 1, torch.mul(torch.size(rows, 0), %[1]d)])`, convolutionWindow),
	}
	convolutionLinear = &program{
		name: "mkldnn::_convolution_pointwise of a layer", signature: "x: Tensor, weight: Tensor, bias: Tensor",
		expression: fmt.Sprintf(`torch.reshape(torch.permute(ops.mkldnn._convolution_pointwise(`+
			`torch.permute(torch.reshape(x, [1, 1, -1, torch.floordiv(torch.size(x, -1), %[1]d)]), [0, 3, 1, 2]), weight, bias, `+
			`[0, 0], [1, %[1]d], [1, 1], 1, "none", annotate(List[Optional[number]], []), ""), [0, 2, 3, 1]), `+
			`torch.add(torch.slice(torch.size(x), 0, -1), [-1]))`, convolutionWindow),
	}
)

// run runs a program that returns one tensor.
func (s *scope) run(p *program, arguments ...value) value {
	if s.err != nil {
		return value{}
	}
	if s.listing != nil {
		return s.operator(p.name, s.listing.program(p, arguments), nil)
	}
	if p.once.Do(p.load); p.err != nil {
		s.fail(p.err)
		return value{}
	}
	tensors := make([]libtch.Ctensor, len(arguments))
	for i, argument := range arguments {
		tensors[i] = argument.c
	}
	return s.call(p.name, func(out *libtch.Ctensor) { *out = libtch.AtmForward(p.module, &tensors[0], len(tensors)) })
}

// load compiles the program, which fails in a libtorch that does not have the operator.
func (p *program) load() {
	archive, err := p.archive()
	if err != nil {
		p.err = err
		return
	}
	p.module = loadProgram(archive)
	if message := lastError(); message != "" {
		p.err = newOperatorError(p.name, message)
	}
}

// free frees what load compiled.
func (p *program) free() {
	if p.module != nil {
		libtch.AtmFree(p.module)
	}
}

// archive returns the files of a module without parameters, in the layout of pytorch/pytorch torch/csrc/jit/docs/serialization.md.
func (p *program) archive() ([]byte, error) {
	var archive bytes.Buffer
	writer := zip.NewWriter(&archive)
	for _, file := range []struct{ name, content string }{
		// A pickled object of class Program without attributes, and an empty tuple of constants.
		{"data.pkl", "\x80\x02c__torch__\nProgram\n)\x81}b."},
		{"constants.pkl", "\x80\x02)."},
		{"code/__torch__.py", p.code()},
		{"version", "3\n"},
	} {
		entry, err := writer.CreateHeader(&zip.FileHeader{Name: "program/" + file.name, Method: zip.Store})
		if err != nil {
			return nil, err
		}
		if _, err := entry.Write([]byte(file.content)); err != nil {
			return nil, err
		}
	}
	err := writer.Close()
	return archive.Bytes(), err
}

// code returns the class of the program.
func (p *program) code() string {
	code := "class Program(Module):\n  __parameters__ = []\n  __buffers__ = []\n" + p.method("forward")
	for i, part := range p.parts {
		code += part.method(partName(i))
	}
	return code
}

// method returns the program as a method of a class.
func (p *program) method(name string) string {
	var lines strings.Builder
	fmt.Fprintf(&lines, "  def %s(self: __torch__.Program, %s) -> Tensor:\n", name, p.signature)
	for _, step := range p.steps {
		fmt.Fprintf(&lines, "    %s\n", step)
	}
	fmt.Fprintf(&lines, "    return %s\n", p.expression)
	return lines.String()
}
