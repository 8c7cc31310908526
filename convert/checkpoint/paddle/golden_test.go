package paddle_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/paddle"
	"github.com/beitzoo/beitzoo/tensor"
)

const testdata = "../../../testdata"

func open(t *testing.T, path string, options checkpoint.Options) *checkpoint.Checkpoint {
	t.Helper()
	opened, err := checkpoint.Open(context.Background(), path, options, paddle.Format)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	return opened
}

// contents reads all tensors.
func contents(t *testing.T, c *checkpoint.Checkpoint) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, one := range c.Tensors {
		raw, err := one.Bytes()
		if err != nil {
			t.Fatalf("%s: %v", one.Name, err)
		}
		all[one.Name] = one.DType.String() + one.Shape.String() + string(raw)
	}
	return all
}

func TestGoldenFiles(t *testing.T) {
	tests := []struct {
		file, container, wrapper string
		tensors                  int
		notes                    []string
	}{
		{"../manifests/embedded/digits_p16_64.pdparams", "pickle, protocol 4", "", 58, nil},
		{"digits/digits_p16_64_protocol2.pdparams", "pickle, protocol 2", "", 58, nil},
		{"digits/digits_p16_64_training.pdparams", "pickle, protocol 4", "state_dict", 58, []string{`left out: "epoch", "optimizer" (220 tensors), "lr_scheduler"`}},
		{"tiny/tiny_p16_32.passl.pdparams", "pickle, protocol 4", "", 41, nil},
		{"tiny/tiny_p16_64.passl.pdparams", "pickle, protocol 4", "", 58, nil},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			opened := open(t, filepath.Join(testdata, test.file), checkpoint.Options{})
			if opened.Format != "paddle" || opened.Container != test.container || opened.Wrapper != test.wrapper || len(opened.Tensors) != test.tensors {
				t.Errorf("format %q, container %q, wrapper %q, %d tensors", opened.Format, opened.Container, opened.Wrapper, len(opened.Tensors))
			}
			if diff := cmp.Diff(test.notes, opened.Notes); diff != "" {
				t.Error(diff)
			}
			contents(t, opened)
		})
	}
}

// TestProtocolsHoldTheSame compares three files that Paddle wrote from one model.
func TestProtocolsHoldTheSame(t *testing.T) {
	want := contents(t, open(t, filepath.Join(testdata, "../manifests/embedded/digits_p16_64.pdparams"), checkpoint.Options{}))
	for _, file := range []string{"digits_p16_64_protocol2.pdparams", "digits_p16_64_training.pdparams"} {
		got := contents(t, open(t, filepath.Join(testdata, "digits", file), checkpoint.Options{}))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %.500s", file, diff)
		}
	}
}

// TestAgreesWithTimm compares every weight with the file that timm wrote of the same model with the safetensors library. Linear weights
// are transposed there.
func TestAgreesWithTimm(t *testing.T) {
	byTimm := safetensors(t, filepath.Join(testdata, "digits/digits_p16_64.timm.safetensors"))
	compared := 0
	for _, read := range open(t, filepath.Join(testdata, "../manifests/embedded/digits_p16_64.pdparams"), checkpoint.Options{}).Tensors {
		if strings.HasSuffix(read.Name, "relative_position_index") {
			continue
		}
		name := strings.TrimPrefix(strings.Replace(read.Name, "head.fc_cls.", "head.", 1), "backbone.")
		want, ok := byTimm[name]
		if !ok {
			t.Errorf("timm has no %q", name)
			continue
		}
		got, err := read.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, ".weight") && len(read.Shape) == 2 {
			got = transposed(got, read.Shape)
		}
		if string(got) != want {
			t.Errorf("%s differs", name)
		}
		compared++
	}
	if compared != len(byTimm) || compared == 0 {
		t.Errorf("%d tensors compared, timm has %d", compared, len(byTimm))
	}
}

// transposed swaps the axes of a matrix of 4-byte elements.
func transposed(raw []byte, shape tensor.Shape) []byte {
	var out []byte
	for column := range shape[1] {
		for row := range shape[0] {
			at := 4 * (row*shape[1] + column)
			out = append(out, raw[at:at+4]...)
		}
	}
	return out
}

// safetensors returns the bytes of each tensor of a safetensors file.
func safetensors(t *testing.T, path string) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end := 8 + binary.LittleEndian.Uint64(raw)
	var header map[string]struct {
		Offsets []uint64 `json:"data_offsets"`
	}
	if err := json.Unmarshal(raw[8:end], &header); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for name, entry := range header {
		if name != "__metadata__" {
			all[name] = string(raw[end+entry.Offsets[0] : end+entry.Offsets[1]])
		}
	}
	return all
}

func TestOptimizerIsNoModel(t *testing.T) {
	_, err := checkpoint.Open(context.Background(), filepath.Join(testdata, "digits/digits_p16_64.pdopt"), checkpoint.Options{}, paddle.Format)
	var problem *checkpoint.Error
	if !errors.Is(err, checkpoint.ErrNoModel) || !errors.As(err, &problem) {
		t.Fatal(err)
	}
	if !strings.Contains(problem.Reason, "the state of an optimizer, not a model") || !strings.Contains(problem.Hint(), ".pdparams") {
		t.Errorf("%q, hint %q", problem.Reason, problem.Hint())
	}
}

func TestSelectOptimizerState(t *testing.T) {
	path := filepath.Join(testdata, "digits/digits_p16_64_training.pdparams")
	_, err := checkpoint.Open(context.Background(), path, checkpoint.Options{Select: "optimizer"}, paddle.Format)
	if !errors.Is(err, checkpoint.ErrNoModel) {
		t.Error(err)
	}
	_, err = checkpoint.Open(context.Background(), path, checkpoint.Options{Select: "model_ema"}, paddle.Format)
	var problem *checkpoint.Error
	if !errors.As(err, &problem) || !strings.Contains(problem.Hint(), `"state_dict"`) {
		t.Error(err)
	}
}
