package pytorch_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/pytorch"
)

// distributed is the folder of what testdata/distributed.py wrote.
var distributed = filepath.Join("testdata", "distributed")

// whole returns what PyTorch says that the tensors of a distributed checkpoint are, sorted.
func whole(t *testing.T, name string) []string {
	t.Helper()
	want := strings.Split(strings.TrimSpace(string(file(t, distributed, name+".txt"))), "\n")
	slices.Sort(want)
	return want
}

// TestDistributed joins the parts that real processes saved, and compares with full_tensor().
func TestDistributed(t *testing.T) {
	t.Parallel()
	for name, container := range map[string]string{
		"dcp.1": "tensors in parts in 1 file", "dcp.2": "tensors in parts in 2 files", "dcp.grid": "in 4 files",
		"ranks.2": "2 files of processes", "ranks.legacy": "2 files of processes", "ranks.hybrid": "4 files of processes", "ranks.grid": "4 files of processes",
	} {
		opened, err := openPath(filepath.Join(distributed, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := lines(t, opened.Tensors, digest)
		slices.Sort(got)
		if diff := cmp.Diff(whole(t, name), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if !strings.Contains(opened.Container, container) || !strings.Contains(strings.Join(opened.Notes, "\n"), "joined from the parts") {
			t.Errorf("%s: container %q, notes %q", name, opened.Container, opened.Notes)
		}
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestDistributed_Optimizers has files of optimizers in the folder of the processes, which are left out.
func TestDistributed_Optimizers(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(distributed, "ranks.2"))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "optim.pth"), file(t, "testdata", "tensor.pth"), 0o600); err != nil {
		t.Fatal(err)
	}
	opened, err := openPath(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if notes := strings.Join(opened.Notes, "\n"); len(opened.Tensors) != 9 || !strings.Contains(notes, `left out, files without a model: "optim.pth"`) {
		t.Errorf("%d tensors, notes %q", len(opened.Tensors), notes)
	}
}

// TestDistributed_OneProcess reads the file of the only process, which has all of each tensor.
func TestDistributed_OneProcess(t *testing.T) {
	t.Parallel()
	got := lines(t, open(t, file(t, distributed, "ranks.1", "rank0.pth")).Tensors, digest)
	slices.Sort(got)
	if diff := cmp.Diff(whole(t, "ranks.1"), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDistributed_Refused reads single files of several processes, and folders in which something is missing.
func TestDistributed_Refused(t *testing.T) {
	t.Parallel()
	remove := func(name string) func(string) error {
		return func(folder string) error { return os.Remove(filepath.Join(folder, name)) }
	}
	hostile := func(name string) func(string) error {
		content := lone(1, func(w *writer) { w.Call("posix", "system", aText("true")).Op('0') }).Bytes()
		return func(folder string) error { return os.WriteFile(filepath.Join(folder, name), content, 0o600) }
	}
	tests := map[string]struct {
		// path is in the folder distributed, and copied; change changes it, and give is what is opened of it.
		path       string
		change     func(folder string) error
		give       string
		kind       error
		says, hint string
	}{
		"a part":                   {"ranks.2", nil, "rank0.pth", checkpoint.ErrUnsupported, `parameter "table" is a part of shape [4, 3] of a tensor of shape [7, 3]`, "full_tensor()"},
		"a file of parts":          {"dcp.2", nil, "__0_0.distcp", checkpoint.ErrUnsupported, "a file of parts of tensors", "dcp_to_torch"},
		"a process is missing":     {"ranks.grid", remove("rank3.pth"), "", checkpoint.ErrMalformed, `tensor "both" of shape [5, 6]: its parts have 24 of its 30 elements`, "all processes"},
		"a file of DCP is missing": {"dcp.2", remove("__1_0.distcp"), "", checkpoint.ErrMalformed, `the file "__1_0.distcp" is missing`, ".metadata"},
		"a file of DCP is cut":     {"dcp.2", func(f string) error { return os.Truncate(filepath.Join(f, "__1_0.distcp"), 5000) }, "", checkpoint.ErrMalformed, "has 5000", "cut"},
		"a file of DCP is foreign": {"dcp.2", func(f string) error {
			return os.WriteFile(filepath.Join(f, "__1_0.distcp"), make([]byte, 20000), 0o600)
		}, "", checkpoint.ErrUnsupported, "not an archive", "dcp_to_torch"},
		"another type in the metadata of DCP": {"dcp.2", func(f string) error {
			return os.WriteFile(filepath.Join(f, ".metadata"), bytes.ReplaceAll(file(t, f, ".metadata"), []byte("float32"), []byte("float16")), 0o600)
		}, "", checkpoint.ErrMalformed, "has type F32 in the file of a process, and F16 in .metadata", "convert the tensor"},
		"no metadata of DCP":     {"dcp.2", remove(".metadata"), "", checkpoint.ErrFormat, "holds no", ""},
		"metadata of DCP is cut": {"dcp.2", func(f string) error { return os.Truncate(filepath.Join(f, ".metadata"), 1000) }, "", checkpoint.ErrMalformed, "beyond the end of the file", ""},
		"a full model beside": {"ranks.2", func(f string) error {
			return os.WriteFile(filepath.Join(f, "x.pth"), file(t, "testdata", "odd.zip.pth"), 0o600)
		}, "", checkpoint.ErrUnsupported, `"x.pth", which has none`, "nothing else"},
		"the first process is hostile": {"ranks.2", hostile("rank0.pth"), "", checkpoint.ErrUnsafe, `asks Python to run "posix.system"`, "do not load"},
		"the last process is hostile":  {"ranks.2", hostile("rank1.pth"), "", checkpoint.ErrUnsafe, `asks Python to run "posix.system"`, "do not load"},
		"all processes are hostile": {"ranks.2", func(f string) error {
			return errors.Join(hostile("rank0.pth")(f), hostile("rank1.pth")(f))
		}, "", checkpoint.ErrUnsafe, `asks Python to run "posix.system"`, "do not load"},
		"a hostile file beside one of another kind": {"ranks.2", func(f string) error {
			return errors.Join(hostile("rank0.pth")(f), os.WriteFile(filepath.Join(f, "rank1.pth"), file(t, "testdata", "odd.zip.pth"), 0o600))
		}, "", checkpoint.ErrFormat, "holds no", ""},
		"flat parameters":            {"flat.pth", nil, "", checkpoint.ErrNoModel, "flat parameter", "FULL_STATE_DICT"},
		"a state dict of old FSDP":   {"sharded.pth", nil, "", checkpoint.ErrUnsupported, "ShardedTensor", "FULL_STATE_DICT"},
		"another file with its name": {"dcp.1", func(f string) error { return os.WriteFile(filepath.Join(f, ".metadata"), []byte("x"), 0o600) }, "", checkpoint.ErrFormat, "holds no", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(distributed, test.path)
			if test.change != nil {
				path = t.TempDir()
				if err := os.CopyFS(path, os.DirFS(filepath.Join(distributed, test.path))); err != nil {
					t.Fatal(err)
				}
				if err := test.change(path); err != nil {
					t.Fatal(err)
				}
			}
			opened, err := openPath(filepath.Join(path, test.give))
			var problem *checkpoint.Error
			if opened != nil || !errors.As(err, &problem) || !errors.Is(err, test.kind) || !strings.Contains(problem.Reason, test.says) || !strings.Contains(problem.Hint(), test.hint) {
				t.Fatalf("got %v (%v), want %v with %q and %q", err, problem, test.kind, test.says, test.hint)
			}
		})
	}
}

// TestZeRO3 has the placeholders that DeepSpeed leaves, as stage 3 saves a tiny BEiT.
func TestZeRO3(t *testing.T) {
	t.Parallel()
	_, err := pytorch.Format.Read(context.Background(), file(t, distributed, "zero3.pth"), checkpoint.Options{})
	var problem *checkpoint.Error
	if !errors.As(err, &problem) || !errors.Is(err, checkpoint.ErrNoModel) || !strings.Contains(problem.Reason, "ZeRO") || !strings.Contains(problem.Hint(), "zero_to_fp32.py") {
		t.Errorf("got %v", err)
	}
}

// TestDistributed_Mutated checks that whatever stands in .metadata, the result is an error of the right type, or tensors with the bytes of their shapes.
func TestDistributed_Mutated(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(distributed, "dcp.2"))); err != nil {
		t.Fatal(err)
	}
	metadata := file(t, distributed, "dcp.2", ".metadata")
	path := filepath.Join(folder, ".metadata")
	random := rand.New(rand.NewPCG(1, 2))
	read := 0
	for range 1000 {
		mutated := slices.Clone(metadata)
		for range 1 + random.IntN(3) {
			mutated[random.IntN(len(mutated))] = byte(random.Uint32())
		}
		if err := os.WriteFile(path, mutated, 0o600); err != nil {
			t.Fatal(err)
		}
		opened, err := openPath(folder)
		if err != nil {
			var problem *checkpoint.Error
			if !errors.As(err, &problem) || problem.Kind == nil || len(err.Error()) > 4096 || strings.Contains(err.Error(), "reading the file failed") {
				t.Fatalf("an error of another kind: %v", err)
			}
			continue
		}
		read++
		for _, made := range opened.Tensors {
			size, err := made.Size()
			if err != nil {
				t.Fatal(err)
			}
			if raw, err := made.Bytes(); err == nil && int64(len(raw)) != size {
				t.Fatalf("%q has %d bytes of %d", made.Name, len(raw), size)
			}
		}
		opened.Close()
	}
	if read == 0 {
		t.Error("nothing was read, so the mutations are too strong")
	}
}
