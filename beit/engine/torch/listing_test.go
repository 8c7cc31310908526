//go:build libtorch

package torch

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
)

// Blocks give the same bits in one call and operator by operator. That both forms of results are equal for each kind of model, and with a tap, is part of TestConformance, in
// which this machine may never take plain attention.
func TestBlocks_AsPrograms(t *testing.T) {
	t.Parallel()
	config, err := arch.ByName("tiny_p16_32")
	if err != nil {
		t.Fatal(err)
	}
	for _, options := range []engine.Options{{DType: tensor.F64}, {DType: tensor.F32}, {DType: tensor.F32, Batch: 2}, {DType: tensor.BF16}, {DType: tensor.F16}} {
		if !supported(dtypes[options.DType]) {
			continue
		}
		t.Run(fmt.Sprint(options.DType, options.Batch), func(t *testing.T) {
			t.Parallel()
			loaded, err := Engine{}.Load(t.Context(), config, synth.Weights(config, 0), options)
			if err != nil {
				t.Fatal(err)
			}
			defer loaded.Close()
			network, input := loaded.(*model).network.(*transformer), engine.Input{Pixels: synth.Images(3, config, 0)}
			compareBlocks(t, loaded, network.blocks, input)
			network.attend = plain
			for i := range network.blocks {
				if network.blocks[i].program, err = network.blocks[i].list(network, network.pools(i)); err != nil {
					t.Fatal(err)
				}
			}
			compareBlocks(t, loaded, network.blocks, input)
		})
	}
}

// compareBlocks compares the results with and without the programs of the blocks.
func compareBlocks(t *testing.T, loaded engine.Model, blocks []block, input engine.Input) {
	t.Helper()
	got, err := loaded.Forward(t.Context(), input, nil)
	if err != nil {
		t.Fatal(err)
	}
	programs := slices.Clone(blocks)
	for i := range blocks {
		if blocks[i].program == nil {
			t.Errorf("block %d has no program", i)
		}
		blocks[i].program = nil
	}
	want, err := loaded.Forward(t.Context(), input, nil)
	if err != nil {
		t.Fatal(err)
	}
	copy(blocks, programs)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// An operator without TorchScript makes the listing fail: it is not computed.
func TestListing_UnknownOperator(t *testing.T) {
	t.Parallel()
	var x value
	if p, err := list(&scope{}, "test", []*value{&x}, func(s *scope) value { return s.square(x) }); err == nil || !strings.Contains(err.Error(), "square") {
		t.Errorf("got %v, %v", p, err)
	}
}

// What an operator of a program throws is reported without the traceback of TorchScript.
func TestListing_OperatorThrows(t *testing.T) {
	t.Parallel()
	var x value
	keeper := &scope{}
	defer keeper.close()
	p, err := list(keeper, "test", []*value{&x}, func(s *scope) value { return s.matmul(x, x) })
	if err != nil {
		t.Fatal(err)
	}
	thread := newThread(1)
	defer thread.close()
	err = thread.compute(t.Context(), func(s *scope) { s.run(p, s.floats(make([]float32, 6), 2, 3)) })
	var thrown *OperatorError
	if !errors.As(err, &thrown) || !strings.HasPrefix(thrown.Message, "mat1 and mat2 shapes cannot be multiplied") || strings.Contains(thrown.Message, "\n") {
		t.Errorf("got %v", err)
	}
}
