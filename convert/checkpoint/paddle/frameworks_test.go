package paddle_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/paddle"
)

// dtypes returns the names of package tensor for those of NumPy and Paddle in testdata/expected.json.
var dtypes = map[string]string{
	"f2": "F16", "f4": "F32", "f8": "F64", "i1": "I8", "i2": "I16", "i4": "I32", "i8": "I64", "u1": "U8", "u4": "U32", "u8": "U64", "b1": "BOOL", "c8": "C64", "c16": "C128",
	"float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64", "int8": "I8", "int16": "I16", "int32": "I32", "int64": "I64",
	"uint8": "U8", "bool": "BOOL", "complex64": "C64",
}

// TestFilesOfTheFrameworks reads what NumPy and PaddlePaddle wrote (testdata/make.py).
func TestFilesOfTheFrameworks(t *testing.T) {
	raw, err := os.ReadFile("testdata/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var expected map[string]map[string][3]any
	if err := json.Unmarshal(raw, &expected); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/*-protocol*.pdparams")
	if err != nil || len(files) != 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want := map[string]string{}
			origin, _, _ := strings.Cut(filepath.Base(file), "-")
			for name, entry := range expected[origin] {
				shape, _ := json.Marshal(entry[0])
				want[name] = dtypes[entry[1].(string)] + strings.ReplaceAll(string(shape), ",", ", ") + entry[2].(string)
			}
			got := map[string]string{}
			for _, one := range open(t, file, checkpoint.Options{}).Tensors {
				content, err := one.Bytes()
				if err != nil {
					t.Fatal(err)
				}
				got[one.Name] = one.DType.String() + one.Shape.String() + hex.EncodeToString(content)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%.2000s", diff)
			}
		})
	}
}

// TestFilesWithoutNames reads files that Paddle saved from tensors that were not in a dict.
func TestFilesWithoutNames(t *testing.T) {
	says := map[string]string{"one": "one tensor without the name", "list": "a list of 13 tensors", "binary": "inference parameters"}
	var seen []string
	files, _ := filepath.Glob("testdata/paddle-*.pdparams")
	for _, file := range files {
		for kind, text := range says {
			if !strings.HasSuffix(file, "-"+kind+".pdparams") {
				continue
			}
			seen = append(seen, kind)
			_, err := checkpoint.Open(context.Background(), file, checkpoint.Options{}, paddle.Format)
			var problem *checkpoint.Error
			if !errors.As(err, &problem) || !strings.Contains(problem.Reason, text) || problem.Hint() == "" {
				t.Errorf("%s: %v", kind, err)
			}
		}
	}
	slices.Sort(seen)
	if diff := cmp.Diff([]string{"binary", "list", "one"}, seen); diff != "" {
		t.Error(diff)
	}
}

// TestWholeLayers compares what is read of an nn.Layer that was pickled whole with its state_dict() in PaddlePaddle (testdata/layer.py).
func TestWholeLayers(t *testing.T) {
	raw, err := os.ReadFile("testdata/layer.json")
	if err != nil {
		t.Fatal(err)
	}
	var state map[string][3]any
	if err := json.Unmarshal(raw, &state); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for name, entry := range state {
		shape, _ := json.Marshal(entry[0])
		want[name] = dtypes[entry[1].(string)] + strings.ReplaceAll(string(shape), ",", ", ") + entry[2].(string)
	}
	for _, file := range []string{"testdata/layer.protocol2.pkl", "testdata/layer.protocol4.pkl"} {
		opened := open(t, file, checkpoint.Options{})
		got := map[string]string{}
		for _, one := range opened.Tensors {
			content, err := one.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			got[one.Name] = one.DType.String() + one.Shape.String() + hex.EncodeToString(content)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%.2000s", file, diff)
		}
		if opened.Class != "__main__.Odd" || !strings.Contains(opened.Container, `whole module of class "__main__.Odd"`) || opened.Wrapper != "model" {
			t.Errorf("%s: %q under %q: %s", file, opened.Class, opened.Wrapper, opened.Container)
		}
	}
}
