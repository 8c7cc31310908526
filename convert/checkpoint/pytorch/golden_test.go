package pytorch_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/checkpointtest"
	"github.com/beitzoo/beitzoo/convert/checkpoint/pytorch"
	"github.com/beitzoo/beitzoo/tensor"
)

// repository is the testdata of the repository. This package's own was made by testdata/make.py.
const repository = "../../../testdata"

func file(t testing.TB, name ...string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(name...))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// lines describes tensors as make.py does.
func lines(t testing.TB, tensors []tensor.Named, show func([]byte) string) []string {
	t.Helper()
	var all []string
	for _, made := range tensors {
		raw, err := made.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s %s %s %s", made.Name, made.DType, made.Shape, show(raw)))
	}
	return all
}

func digest(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

func open(t testing.TB, content []byte) *checkpoint.Checkpoint {
	t.Helper()
	opened, err := checkpointtest.Whole(pytorch.Format, content)
	if err != nil {
		t.Fatal(err)
	}
	if opened == nil {
		_, err := pytorch.Format.Read(context.Background(), content, checkpoint.Options{})
		t.Fatalf("refused: %v", err)
	}
	return opened
}

// TestGolden compares every tensor of the repository's checkpoints with what PyTorch reads from them.
func TestGolden(t *testing.T) {
	t.Parallel()
	table := bufio.NewScanner(bytes.NewReader(file(t, "testdata", "golden.txt")))
	count := 0
	for ; table.Scan(); count++ {
		var name, sum string
		var n int
		if _, err := fmt.Sscan(table.Text(), &name, &n, &sum); err != nil {
			t.Fatal(err)
		}
		got := lines(t, open(t, file(t, repository, name)).Tensors, digest)
		if all := strings.Join(got, "\n") + "\n"; len(got) != n || digest([]byte(all)) != sum {
			t.Errorf("%s: %d tensors of %d, or their bits, differ:\n%s", name, len(got), n, all)
		}
	}
	if count != 11 {
		t.Errorf("golden.txt has %d files", count)
	}
}

// TestSameWeightsInEveryContainer compares the trained digits model tensor by tensor.
func TestSameWeightsInEveryContainer(t *testing.T) {
	t.Parallel()
	read := func(name string) []string {
		opened := open(t, file(t, repository, "digits", "digits_p16_64."+name))
		return slices.Sorted(slices.Values(lines(t, opened.Tensors, digest)))
	}
	want := read("unilm.pth")
	for _, name := range []string{"unilm.legacy.pth", "deepspeed.pth", "training.pth"} {
		if diff := cmp.Diff(want, read(name)); diff != "" {
			t.Errorf("%s (-unilm.pth +%s):\n%s", name, name, diff)
		}
	}
}

// TestWrappers compares what is known about each file besides its tensors.
func TestWrappers(t *testing.T) {
	t.Parallel()
	type facts struct{ Container, Wrapper string }
	want := map[string]facts{
		"unilm.pth":        {"zip archive, format 3, pickle of protocol 2", "model"},
		"unilm.legacy.pth": {"stream of pickles (PyTorch before 1.6), protocol 2", "model"},
		"deepspeed.pth":    {"zip archive, format 3, pickle of protocol 2", "module"},
		"training.pth":     {"zip archive, format 3, pickle of protocol 2", "model"},
		"timm.pth":         {"zip archive, format 3, pickle of protocol 2", ""},
	}
	got := map[string]facts{}
	for name := range want {
		opened := open(t, file(t, repository, "digits", "digits_p16_64."+name))
		got[name] = facts{opened.Container, opened.Wrapper}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	training := open(t, file(t, repository, "digits", "digits_p16_64.training.pth"))
	if notes := strings.Join(training.Notes, "\n"); !strings.Contains(notes, "optimizer") {
		t.Errorf("nothing is said of the optimizer: %q", notes)
	}
}

// TestOddTensors has every form in which PyTorch saves a tensor: strided, shared, expanded, empty, of every type, with attributes.
func TestOddTensors(t *testing.T) {
	t.Parallel()
	want := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(file(t, "testdata", "odd.txt"))), "\n") {
		name, _, _ := strings.Cut(line, " ")
		want[name] = line
	}
	old := maps.Clone(want)
	for _, name := range []string{"of_uint16", "of_uint32", "of_uint64", "uint16_transposed"} {
		if old[name] == "" {
			t.Fatalf("odd.txt lacks %s", name)
		}
		delete(old, name)
	}
	for name, want := range map[string]map[string]string{"odd.zip.pth": want, "odd.zip4.pth": want, "odd.legacy.pth": old, "odd.legacy4.pth": old} {
		opened := open(t, file(t, "testdata", name))
		got := map[string]string{}
		for i, line := range lines(t, opened.Tensors, hex.EncodeToString) {
			got[opened.Tensors[i].Name] = strings.TrimRight(line, " ")
		}
		for name, line := range want {
			want[name] = strings.TrimRight(line, " ")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestRefusedFiles reads files of PyTorch that hold no plain tensors.
func TestRefusedFiles(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		kind       error
		says, hint string
	}{
		"conj.pth":      {checkpoint.ErrUnsupported, `"conj"`, "resolve_conj"},
		"neg.pth":       {checkpoint.ErrUnsupported, `"neg"`, "resolve_neg"},
		"quantised.pth": {checkpoint.ErrUnsupported, "quantised", "dequantize()"},
		"sparse.pth":    {checkpoint.ErrUnsupported, `"w"`, "to_dense()"},
		"meta.pth":      {checkpoint.ErrUnsupported, `"w"`, ""},
		"float8.pth":    {checkpoint.ErrUnsupported, "float8_e4m3fn", ""},
		"tensor.pth":    {checkpoint.ErrNoModel, "one tensor without a name", "state dict"},
		repository + "/digits/digits_p16_64.torchscript.pt": {checkpoint.ErrUnsupported, "TorchScript", "torch.save(module.state_dict()"},
	}
	for name, test := range tests {
		if !strings.Contains(name, "/") {
			name = filepath.Join("testdata", name)
		}
		opened, err := checkpoint.Open(context.Background(), name, checkpoint.Options{}, pytorch.Format)
		var problem *checkpoint.Error
		if opened != nil || !errors.As(err, &problem) {
			t.Errorf("%s: accepted, or %v", name, err)
			continue
		}
		if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.says) || !strings.Contains(problem.Hint(), test.hint) || problem.Path != name {
			t.Errorf("%s: %v (%s); want %v with %q and %q", name, err, problem.Hint(), test.kind, test.says, test.hint)
		}
	}
}
