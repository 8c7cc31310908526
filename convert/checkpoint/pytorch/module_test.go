package pytorch_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/pytorch"
	"github.com/beitzoo/beitzoo/internal/text"
)

// wholeModule is an entry of testdata/modules.txt: what PyTorch says of a saved module.
type wholeModule struct {
	file, class string
	state       []string
}

func wholeModules(t *testing.T) []wholeModule {
	t.Helper()
	var all []wholeModule
	table := bufio.NewScanner(bytes.NewReader(file(t, "testdata", "modules.txt")))
	for table.Scan() {
		var made wholeModule
		var n int
		if _, err := fmt.Sscanf(table.Text(), "file %s %s %d", &made.file, &made.class, &n); err != nil {
			t.Fatalf("%q: %v", table.Text(), err)
		}
		for range n {
			table.Scan()
			made.state = append(made.state, table.Text())
		}
		all = append(all, made)
	}
	return all
}

// TestWholeModules compares what is read of whole modules with what their state_dict() is in PyTorch.
func TestWholeModules(t *testing.T) {
	t.Parallel()
	all := wholeModules(t)
	if len(all) < 14 {
		t.Fatalf("modules.txt has %d files", len(all))
	}
	for _, module := range all {
		t.Run(module.file, func(t *testing.T) {
			t.Parallel()
			folder := "testdata"
			if strings.HasPrefix(module.file, "digits_") {
				folder = filepath.Join(repository, "tokenizer")
			}
			opened := open(t, file(t, folder, module.file))
			got := lines(t, opened.Tensors, digest)
			if diff := cmp.Diff(module.state, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if opened.Class != module.class || !strings.Contains(opened.Container, "whole module of class "+text.Quote(module.class)) {
				t.Errorf("class %q, container %q, want %q", opened.Class, opened.Container, module.class)
			}
			if !strings.Contains(strings.Join(opened.Notes, "\n"), "nothing of its classes was run") {
				t.Errorf("notes %q do not say that it was a whole module", opened.Notes)
			}
			if strings.Contains(module.file, "odd") && !slices.Contains(opened.Notes, "left out, as state dicts do: 1 buffer that the module computes itself") {
				t.Errorf("notes %q do not say that a buffer is left out", opened.Notes)
			}
		})
	}
}

// TestWholeModules_InTraining reads a module that lies in a dict beside another and beside an optimizer.
func TestWholeModules_InTraining(t *testing.T) {
	t.Parallel()
	content := file(t, "testdata", "module.training.pth")
	for choice, wrapper := range map[string]string{"": "model", "ema": "ema"} {
		opened, err := pytorch.Format.Read(context.Background(), content, checkpoint.Options{Select: choice})
		if err != nil {
			t.Fatal(err)
		}
		if len(opened.Tensors) != 2 || opened.Wrapper != wrapper || opened.Class != "torch.nn.modules.linear.Linear" || len(opened.Others) != 1 {
			t.Errorf("%q: %d tensors of %q under %q, beside %q", choice, len(opened.Tensors), opened.Class, opened.Wrapper, opened.Others)
		}
	}
	_, err := pytorch.Format.Read(context.Background(), content, checkpoint.Options{Select: "optimizer"})
	if !errors.Is(err, checkpoint.ErrNoModel) {
		t.Errorf("an optimizer is selected: %v", err)
	}
}

// TestHarmlessObjects reads files that have one object of each of 180 kinds beside the model, as the libraries of training programs save them.
func TestHarmlessObjects(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"harmless.protocol2.pth", "harmless.protocol4.pth"} {
		opened := open(t, file(t, "testdata", name))
		if len(opened.Tensors) != 1 || opened.Wrapper != "model" || !slices.Equal(opened.Others, []string{"beside"}) {
			t.Errorf("%s: %d tensors under %q, beside %q", name, len(opened.Tensors), opened.Wrapper, opened.Others)
		}
		const own = `Python would call "__main__.Mode", "__main__.Number", "__main__.Flags", "__main__.Outer.Inner", "__main__.OwnSet" on loading; `
		if !slices.ContainsFunc(opened.Notes, func(note string) bool { return strings.HasPrefix(note, own) }) {
			t.Errorf("%s: what of it Python would call is not said: %q", name, opened.Notes)
		}
		selected, err := checkpoint.Open(context.Background(), filepath.Join("testdata", name), checkpoint.Options{Select: "beside"}, pytorch.Format)
		if selected != nil || !errors.Is(err, checkpoint.ErrUnsupported) {
			t.Errorf("%s: tensors that cannot be read are read: %v", name, err)
		}
	}
}

// FuzzWholeModule checks that whatever is read of a file with a whole module is an error of the right type, or tensors with unique names and with the bytes of
// their shapes.
func FuzzWholeModule(f *testing.F) {
	for _, name := range []string{"module.linear.legacy.pth", "module.odd.zip.pth", "module.odd.legacy.pth", "module.dataparallel.zip.pth", "module.training.pth"} {
		f.Add(file(f, "testdata", name))
	}
	f.Add(file(f, "..", "..", "..", "testdata", "tokenizer", "digits_dvae.encoder.pkl"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > 1<<20 || !pytorch.Format.Match(content) {
			return
		}
		opened, err := pytorch.Format.Read(context.Background(), content, checkpoint.Options{})
		var problem *checkpoint.Error
		if err != nil && (!errors.As(err, &problem) || problem.Kind == nil || len(err.Error()) > 4096) {
			t.Fatalf("an error of another kind: %v", err)
		}
		if err != nil {
			return
		}
		names := map[string]bool{}
		for _, made := range opened.Tensors {
			if names[made.Name] || made.Name == "" {
				t.Fatalf("the name %q occurs twice", made.Name)
			}
			names[made.Name] = true
			size, err := made.Size()
			if err != nil {
				t.Fatal(err)
			}
			if size > 16<<20 {
				continue
			}
			if raw, err := made.Bytes(); err == nil && int64(len(raw)) != size {
				t.Fatalf("%q has %d bytes of %d", made.Name, len(raw), size)
			}
		}
	})
}
