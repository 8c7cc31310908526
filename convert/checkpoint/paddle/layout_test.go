package paddle_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/checkpointtest"
	"github.com/beitzoo/beitzoo/convert/checkpoint/paddle"
	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/tensor"
)

func file(t interface{ Fatal(...any) }, parts []output.Part) []byte {
	content, err := checkpointtest.Assemble(parts)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func named(name string, dtype tensor.DType, data string, shape ...int) tensor.Named {
	return tensor.Named{Name: name, View: tensor.View{DType: dtype, Shape: shape, Data: tensor.Memory(data)}}
}

// TestRoundTrip writes drawn tensors and reads them back.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringN(1, -1, 255).Filter(legal), 1, 300, rapid.ID[string]).Draw(t, "names")
		var want []string
		var tensors []tensor.Named
		for i, name := range names {
			dtype := rapid.SampledFrom(writable).Draw(t, "dtype")
			shape := tensor.Shape(rapid.SliceOfN(rapid.IntRange(0, 6), 0, 5).Draw(t, "shape"))
			size, _ := tensor.View{DType: dtype, Shape: shape}.Size()
			data := bytes.Repeat([]byte{byte(i), 0x80, 0xff, '.'}, int(size)/4+1)[:size]
			tensors = append(tensors, named(name, dtype, string(data), shape...))
			want = append(want, fmt.Sprintf("%q %s %s %x", name, dtype, shape, data))
		}
		parts, err := paddle.Layout(tensors)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := read(file(t, parts), checkpoint.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, one := range opened.Tensors {
			raw, err := one.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%q %s %s %x", one.Name, one.DType, one.Shape, raw))
		}
		if diff := cmp.Diff(want, got); diff != "" || len(opened.Notes) != 0 {
			t.Fatal(diff, opened.Notes)
		}
	})
}

// legal reports whether reading keeps the names: some prefixes mean a training wrapper, and some names Paddle's tables.
func legal(name string) bool {
	return !strings.HasPrefix(name, "module.") && !strings.HasPrefix(name, "_orig_mod.") && !strings.HasSuffix(name, "@@")
}

// TestGoldenRoundTrip writes what Paddle wrote and reads it back; the same tensors make the same file.
func TestGoldenRoundTrip(t *testing.T) {
	opened := open(t, filepath.Join(testdata, "../manifests/embedded/digits_p16_64.pdparams"), checkpoint.Options{})
	fromText := open(t, filepath.Join(testdata, "digits/digits_p16_64_protocol2.pdparams"), checkpoint.Options{})
	path := filepath.Join(t.TempDir(), "out.pdparams")
	var digests []string
	for _, source := range []*checkpoint.Checkpoint{opened, fromText} {
		parts, err := paddle.Layout(source.Tensors)
		if err != nil {
			t.Fatal(err)
		}
		if err := output.Write(context.Background(), path, parts, output.Options{NoSync: true}); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		digest := sha256.Sum256(raw)
		digests = append(digests, hex.EncodeToString(digest[:]))
		again := open(t, path, checkpoint.Options{})
		if diff := cmp.Diff(contents(t, opened), contents(t, again)); diff != "" {
			t.Errorf("%.500s", diff)
		}
	}
	if digests[0] != digests[1] {
		t.Errorf("the same tensors make different files: %v", digests)
	}
}

// TestLayoutBytes fixes the form of the file. paddle.load of PaddlePaddle 3.3.1 and Python's pickle read it.
func TestLayoutBytes(t *testing.T) {
	parts, err := paddle.Layout([]tensor.Named{
		named("w", tensor.F32, "abcdefgh", 2, 1), named("b", tensor.F32, "", 0), named("i", tensor.BF16, "xy"), named("l", tensor.Bool, strings.Repeat("\x01", 256), 256),
	})
	if err != nil {
		t.Fatal(err)
	}
	array := func(first string, state string) string {
		return first + "R(K\x01" + state + "tb"
	}
	want := "\x80\x04}(" +
		"\x8c\x01w" + array("\x8c\x15numpy.core.multiarray\x8c\x0c_reconstruct\x93\x94\x8c\x05numpy\x8c\x07ndarray\x93\x94K\x00\x85C\x01b\x87\x94",
		"K\x02K\x01\x86\x8c\x05numpy\x8c\x05dtype\x93\x94\x8c\x02f4\x89\x88\x87R(K\x03\x8c\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x94\x89C\x08abcdefgh") +
		"\x8c\x01b" + array("h\x00h\x02", "K\x00\x85h\x04\x89C\x00") +
		"\x8c\x01i" + array("h\x00h\x02", ")h\x03\x8c\x02u2\x89\x88\x87R(K\x03\x8c\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x94\x89C\x02xy") +
		"\x8c\x01l" + array("h\x00h\x02", "M\x00\x01\x85h\x03\x8c\x02b1\x89\x88\x87R(K\x03\x8c\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x94\x89B\x00\x01\x00\x00"+strings.Repeat("\x01", 256)) +
		"\x8c\x1bStructuredToParameterName@@}(\x8c\x01w\x8c\x01w\x8c\x01b\x8c\x01b\x8c\x01i\x8c\x01i\x8c\x01l\x8c\x01luu."
	if diff := cmp.Diff(want, string(file(t, parts))); diff != "" {
		t.Error(diff)
	}
}

func TestLayoutOfLongTensors(t *testing.T) {
	// The elements are never read: only the plan is looked at.
	view := tensor.View{DType: tensor.F32, Shape: tensor.Shape{1 << 16, 1 << 16}, Data: tensor.Memory(nil)}
	parts, err := paddle.Layout([]tensor.Named{{Name: "w", View: view}})
	if err != nil {
		t.Fatal(err)
	}
	head := string(parts[0].Fill(nil))
	if want := "J\x00\x00\x01\x00J\x00\x00\x01\x00\x86"; !strings.Contains(head, want) {
		t.Errorf("the shape is not %q in %q", want, head)
	}
	if want := "\x8e\x00\x00\x00\x00\x04\x00\x00\x00"; !strings.HasSuffix(head, want) {
		t.Errorf("%q does not end with BINBYTES8 and 2^34", head)
	}
}

func TestLayoutReportsAllProblems(t *testing.T) {
	_, err := paddle.Layout([]tensor.Named{
		named("", tensor.F32, "", 0), named(strings.Repeat("x", 256), tensor.F32, "", 0), named("\xff", tensor.F32, "", 0),
		named("u16", tensor.U16, "", 0), named("twice", tensor.F32, "", 0), named("twice", tensor.F32, "", 0),
		named("StructuredToParameterName@@", tensor.F32, "", 0), named("negative", tensor.F32, "", -1),
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, says := range []string{
		`tensor "": a name must have`, `xxx": a name must have`, `tensor "\xff": the name is not UTF-8`, `"u16": Paddle files hold no elements of type U16`,
		`"twice": another tensor has this name`, `"StructuredToParameterName@@": the name stands for`, `"negative" of shape [-1]`,
	} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%q does not say %q", err, says)
		}
	}
}

func TestLayoutOfNothing(t *testing.T) {
	parts, err := paddle.Layout(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(file(t, parts)), "\x80\x04}(\x8c\x1bStructuredToParameterName@@}u."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
