package checkpoint_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/checkpointtest"
	"github.com/beitzoo/beitzoo/convert/checkpoint/paddle"
	"github.com/beitzoo/beitzoo/convert/checkpoint/pytorch"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/tensor"
)

// layouts are the writers by the names that Hugging Face's and PaddleNLP's folders use.
var layouts = map[string]func([]tensor.Named) ([]output.Part, error){
	"model.safetensors":    func(t []tensor.Named) ([]output.Part, error) { return safetensors.Layout(t, nil) },
	"pytorch_model.bin":    func(t []tensor.Named) ([]output.Part, error) { return pytorch.Layout(t, pytorch.Options{}) },
	"model_state.pdparams": paddle.Layout,
}

// shard writes tensors of the given names, each with its name as content.
func shard(t *testing.T, folder, file string, names ...string) {
	t.Helper()
	layout := layouts["model.safetensors"]
	for name, l := range layouts {
		if filepath.Ext(name) == filepath.Ext(file) {
			layout = l
		}
	}
	var named []tensor.Named
	for _, name := range names {
		named = append(named, tensor.Named{Name: name, View: tensor.View{DType: tensor.U8, Shape: tensor.Shape{len(name)}, Data: tensor.Memory(name)}})
	}
	parts, err := layout(named)
	if err != nil {
		t.Fatal(err)
	}
	content, err := checkpointtest.Assemble(parts)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, file), string(content))
}

// contents returns the names of the tensors, and checks that each tensor holds its name.
func contents(t *testing.T, opened *checkpoint.Checkpoint) []string {
	t.Helper()
	var names []string
	for _, made := range opened.Tensors {
		raw, err := made.Bytes()
		if err != nil || string(raw) != made.Name {
			t.Errorf("%s holds %q, %v", made.Name, raw, err)
		}
		names = append(names, made.Name)
	}
	slices.Sort(names)
	return names
}

func TestFolders(t *testing.T) {
	t.Parallel()
	for name := range layouts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			single, sharded := t.TempDir(), t.TempDir()
			shard(t, single, name, "a", "b", "c")
			ext := filepath.Ext(name)
			shard(t, sharded, "one"+ext, "c")
			shard(t, sharded, "two"+ext, "b", "a")
			index := filepath.Join(sharded, name+".index.json")
			write(t, index, `{"metadata":{"total_size":-7},"weight_map":{"a":"two`+ext+`","b":"two`+ext+`","c":"one`+ext+`"}}`+"\n")
			for _, path := range []string{single, sharded, index} {
				opened, err := open(path)
				if err != nil {
					t.Errorf("%s: %v", path, err)
					continue
				}
				if diff := cmp.Diff([]string{"a", "b", "c"}, contents(t, opened)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", path, diff)
				}
				if opened.Path != path || opened.Size < 3 || path != single && !strings.HasPrefix(opened.Container, "2 shards, each ") {
					t.Errorf("%s: path %s, %d bytes, %s", path, opened.Path, opened.Size, opened.Container)
				}
				if err := opened.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestHostileIndexes(t *testing.T) {
	t.Parallel()
	malformed, unsafe := checkpoint.ErrMalformed, checkpoint.ErrUnsafe
	mapped := func(shard string) string { return `{"weight_map":{"a":"` + shard + `"}}` }
	many := func(n int) string {
		var b strings.Builder
		b.WriteString(`{"weight_map":{"a":"0"`)
		for i := range n {
			b.WriteString(`,"` + strings.Repeat("b", i+1) + `":"` + strings.Repeat("s", i+1) + `"`)
		}
		return b.String() + "}}"
	}
	tests := map[string]struct {
		index string
		kind  error
		says  string
	}{
		"not JSON":               {"weights", malformed, "not JSON"},
		"a list":                 {"[]", malformed, `"{" is expected`},
		"empty":                  {"", malformed, "EOF"},
		"cut":                    {`{"weight_map":{"a":"one.safetensors"`, malformed, "not JSON"},
		"cut between":            {`{"weight_map":{"a":"one.safetensors"}`, malformed, "not JSON"},
		"cut after the map":      {`{"weight_map":{"a":"one.safetensors"},`, malformed, "not JSON"},
		"something behind":       {mapped("one.safetensors") + "{}", malformed, "follows the JSON"},
		"not UTF-8":              {mapped("\xff"), malformed, "UTF-8"},
		"no map":                 {`{"metadata":{}}`, malformed, "no weight_map"},
		"map in capitals":        {`{"Weight_Map":{"a":"one.safetensors"}}`, malformed, "no weight_map"},
		"empty map":              {`{"weight_map":{}}`, malformed, "no weight_map"},
		"map is a list":          {`{"weight_map":["a"]}`, malformed, `"{" is expected`},
		"map is null":            {`{"weight_map":null}`, malformed, `"{" is expected`},
		"two maps":               {`{"weight_map":{"a":"one.safetensors"},"weight_map":{"b":"two.safetensors"}}`, malformed, `"weight_map" occurs twice`},
		"tensor twice":           {`{"weight_map":{"a":"one.safetensors","a":"two.safetensors"}}`, malformed, `"a" occurs twice`},
		"shard is a number":      {`{"weight_map":{"a":1}}`, malformed, "a number where a text is expected"},
		"shard is null":          {`{"weight_map":{"a":null}}`, malformed, "null"},
		"shard is absolute":      {mapped("/etc/passwd"), unsafe, `"/etc/passwd"`},
		"shard climbs":           {mapped("../one.safetensors"), unsafe, "plain file name"},
		"shard in a folder":      {mapped("sub/one.safetensors"), unsafe, "plain file name"},
		"shard with backslash":   {mapped(`..\\one.safetensors`), unsafe, "plain file name"},
		"shard on a drive":       {mapped("c:one.safetensors"), unsafe, "plain file name"},
		"shard with NUL":         {mapped(`one\u0000.safetensors`), unsafe, "plain file name"},
		"shard is the folder":    {mapped("."), unsafe, "plain file name"},
		"shard is above":         {mapped(".."), unsafe, "plain file name"},
		"shard without name":     {mapped(""), unsafe, "plain file name"},
		"shard missing":          {mapped("three.safetensors"), malformed, `"three.safetensors" is missing`},
		"shard is a real folder": {mapped("folder"), checkpoint.ErrUnsupported, "a folder"},
		"shard is the index":     {mapped("model.safetensors.index.json"), checkpoint.ErrFormat, "text"},
		"1,001 shards":           {many(1000), unsafe, "1001 shards"},
		"tensor is not there":    {`{"weight_map":{"a":"one.safetensors","x":"one.safetensors"}}`, malformed, `promises tensor "x" in shard "one.safetensors"`},
		"tensor of no mapping":   {`{"weight_map":{"b":"two.safetensors"}}`, malformed, `shard "two.safetensors" holds tensor "c"`},
		"tensors exchanged":      {`{"weight_map":{"a":"two.safetensors","b":"one.safetensors","c":"two.safetensors"}}`, malformed, "promises tensor"},
		"tensor in two shards":   {`{"weight_map":{"a":"one.safetensors","b":"two.safetensors","c":"two.safetensors","d":"three"}}`, malformed, ""},
		"immense":                {`{"weight_map":{"a":"one.safetensors"}}` + strings.Repeat(" ", 16<<20), unsafe, "more than 16777216 bytes"},
		"deep in what is passed": {`{"x":` + strings.Repeat("[", 1<<20), malformed, "not JSON"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			shard(t, folder, "one.safetensors", "a")
			shard(t, folder, "two.safetensors", "b", "c")
			if err := os.Mkdir(filepath.Join(folder, "folder"), 0o700); err != nil {
				t.Fatal(err)
			}
			index := filepath.Join(folder, "model.safetensors.index.json")
			write(t, index, test.index)
			for _, path := range []string{folder, index} {
				opened, err := open(path)
				var problem *checkpoint.Error
				if opened != nil || !errors.As(err, &problem) || !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.says) {
					t.Errorf("got %v; want %v with %q", err, test.kind, test.says)
				} else if problem.Path == "" || len(err.Error()) > 4096 {
					t.Errorf("an error without its place, or of %d bytes", len(err.Error()))
				}
			}
		})
	}
}

// TestTensorInTwoShards has a sound index, but shards that hold the same tensor.
func TestTensorInTwoShards(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	shard(t, folder, "one.safetensors", "a", "b")
	shard(t, folder, "two.safetensors", "b", "c")
	write(t, filepath.Join(folder, "model.safetensors.index.json"), `{"weight_map":{"a":"one.safetensors","b":"one.safetensors","c":"two.safetensors"}}`)
	if _, err := open(folder); !errors.Is(err, checkpoint.ErrMalformed) || !strings.Contains(err.Error(), `shard "two.safetensors" holds tensor "b"`) {
		t.Errorf("got %v", err)
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	link := func(t *testing.T, target, path string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, path); err != nil {
			t.Skipf("this system has no links for us: %v", err)
		}
	}
	const index = `{"weight_map":{"a":"one.safetensors"}}`
	tests := map[string]struct {
		// make builds a folder below root and returns its path.
		make func(t *testing.T, root string) string
		fine bool
	}{
		"cache of Hugging Face": {func(t *testing.T, root string) string {
			blobs := filepath.Join(root, "models--x", "blobs")
			if err := os.MkdirAll(blobs, 0o700); err != nil {
				t.Fatal(err)
			}
			shard(t, blobs, "0123", "a")
			write(t, filepath.Join(blobs, "4567"), index)
			folder := filepath.Join(root, "models--x", "snapshots", "main")
			link(t, "../../blobs/0123", filepath.Join(folder, "one.safetensors"))
			link(t, "../../blobs/4567", filepath.Join(folder, "model.safetensors.index.json"))
			return folder
		}, true},
		"inside of the folder": {func(t *testing.T, root string) string {
			shard(t, root, "real.safetensors", "a")
			link(t, "real.safetensors", filepath.Join(root, "one.safetensors"))
			write(t, filepath.Join(root, "model.safetensors.index.json"), index)
			return root
		}, true},
		"the folder is a link": {func(t *testing.T, root string) string {
			folder := filepath.Join(root, "real")
			if err := os.Mkdir(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			shard(t, folder, "real.safetensors", "a")
			link(t, "real.safetensors", filepath.Join(folder, "one.safetensors"))
			write(t, filepath.Join(folder, "model.safetensors.index.json"), index)
			link(t, folder, filepath.Join(root, "link"))
			return filepath.Join(root, "link")
		}, true},
		"out of the folder": {func(t *testing.T, root string) string {
			shard(t, root, "real.safetensors", "a")
			folder := filepath.Join(root, "model")
			link(t, "../real.safetensors", filepath.Join(folder, "one.safetensors"))
			write(t, filepath.Join(folder, "model.safetensors.index.json"), index)
			return folder
		}, false},
		"out, absolute, by two links": {func(t *testing.T, root string) string {
			shard(t, root, "real.safetensors", "a")
			folder := filepath.Join(root, "model")
			link(t, "two", filepath.Join(folder, "one.safetensors"))
			link(t, filepath.Join(root, "real.safetensors"), filepath.Join(folder, "two"))
			write(t, filepath.Join(folder, "model.safetensors.index.json"), index)
			return folder
		}, false},
		"out of the cache": {func(t *testing.T, root string) string {
			shard(t, root, "real.safetensors", "a")
			folder := filepath.Join(root, "models--x", "snapshots", "main")
			link(t, "../../../real.safetensors", filepath.Join(folder, "one.safetensors"))
			write(t, filepath.Join(folder, "model.safetensors.index.json"), index)
			return folder
		}, false},
		"blobs without snapshots": {func(t *testing.T, root string) string {
			blobs := filepath.Join(root, "blobs")
			if err := os.Mkdir(blobs, 0o700); err != nil {
				t.Fatal(err)
			}
			shard(t, blobs, "0123", "a")
			folder := filepath.Join(root, "models", "main")
			link(t, "../../blobs/0123", filepath.Join(folder, "one.safetensors"))
			write(t, filepath.Join(folder, "model.safetensors.index.json"), index)
			return folder
		}, false},
		"to nothing": {func(t *testing.T, root string) string {
			link(t, "real.safetensors", filepath.Join(root, "one.safetensors"))
			write(t, filepath.Join(root, "model.safetensors.index.json"), index)
			return root
		}, false},
		"to itself": {func(t *testing.T, root string) string {
			link(t, "one.safetensors", filepath.Join(root, "one.safetensors"))
			write(t, filepath.Join(root, "model.safetensors.index.json"), index)
			return root
		}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opened, err := open(test.make(t, t.TempDir()))
			if test.fine {
				if err != nil {
					t.Fatal(err)
				}
				defer opened.Close()
				if diff := cmp.Diff([]string{"a"}, contents(t, opened)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			} else if opened != nil || !errors.Is(err, checkpoint.ErrUnsafe) || !strings.Contains(err.Error(), `"one.safetensors" is a link`) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestRelativeFolder opens the folder that the process is in.
func TestRelativeFolder(t *testing.T) {
	folder := t.TempDir()
	shard(t, folder, "real.safetensors", "a")
	if err := os.Symlink("real.safetensors", filepath.Join(folder, "one.safetensors")); err != nil {
		t.Skipf("this system has no links for us: %v", err)
	}
	write(t, filepath.Join(folder, "model.safetensors.index.json"), `{"weight_map":{"a":"one.safetensors"}}`)
	t.Chdir(folder)
	for _, path := range []string{".", "model.safetensors.index.json"} {
		opened, err := open(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		contents(t, opened)
		opened.Close()
	}
}
