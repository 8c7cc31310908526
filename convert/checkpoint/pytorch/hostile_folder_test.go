package pytorch_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/archive/archivegen"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle/picklegen"
)

// field is an attribute of a saved object.
type field struct {
	name  string
	write func(w *writer)
}

// instance pushes an object with attributes.
func instance(w *writer, module, class string, fields ...field) {
	w.Global(module, class).Op(')', 0x81).Dict(func(w *writer) {
		for _, f := range fields {
			w.Text(f.name)
			f.write(w)
		}
	}).Op('b')
}

func aText(s string) func(w *writer)    { return func(w *writer) { w.Text(s) } }
func anInt(n int) func(w *writer)       { return func(w *writer) { w.Int(n) } }
func someInts(n ...int) func(w *writer) { return func(w *writer) { w.Ints(n...) } }
func folder(t *testing.T, files map[string][]byte) string {
	t.Helper()
	path := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(path, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// chunk is a part of a tensor of DCP: its offset in the tensor, and where it lies in the file.
type chunk struct{ at, offset, length int }

// dcpFolder is a folder of torch.distributed.checkpoint with one tensor, of which each chunk has one element.
func dcpFolder(t *testing.T, part []byte, chunks []chunk) string {
	t.Helper()
	const module = "torch.distributed.checkpoint.metadata"
	w := picklegen.New(2)
	instance(w, module, "Metadata",
		field{"state_dict_metadata", func(w *writer) {
			w.Dict(func(w *writer) {
				w.Text("head.bias")
				instance(w, module, "TensorStorageMetadata", field{"size", someInts(len(chunks))}, field{"chunks", func(w *writer) {
					w.List(func(w *writer) {
						for _, c := range chunks {
							instance(w, module, "ChunkStorageMetadata", field{"offsets", someInts(c.at)}, field{"sizes", someInts(1)})
						}
					})
				}})
			})
		}},
		field{"planner_data", func(w *writer) { w.Op('}') }},
		field{"storage_data", func(w *writer) {
			w.Dict(func(w *writer) {
				for i, c := range chunks {
					instance(w, module, "MetadataIndex", field{"fqn", aText("head.bias")}, field{"offset", someInts(c.at)}, field{"index", anInt(i)})
					instance(w, "torch.distributed.checkpoint.filesystem", "_StorageInfo",
						field{"relative_path", aText("__0_0.distcp")}, field{"offset", anInt(c.offset)}, field{"length", anInt(c.length)})
				}
			})
		}})
	return folder(t, map[string][]byte{".metadata": w.Stop(), "__0_0.distcp": part})
}

// lone is a file of torch.save that holds one tensor of one element.
func lone(count int, before func(w *writer)) archivegen.Archive {
	w := picklegen.New(2)
	if before != nil {
		before(w)
	}
	one{class: "FloatStorage", key: "0", count: count, shape: []int{1}, strides: []int{1}}.write(w)
	return zipped(w.Stop(), map[string][]byte{"0": make([]byte, 4*count)})
}

// refusedFolder opens a folder that must be refused, and returns the error.
func refusedFolder(t *testing.T, path string, kind error, says string) *checkpoint.Error {
	t.Helper()
	opened, err := openPath(path)
	var problem *checkpoint.Error
	if opened != nil || !errors.As(err, &problem) || !errors.Is(err, kind) || !strings.Contains(problem.Reason, says) {
		t.Fatalf("got %v, want %v with %q", err, kind, says)
	}
	return problem
}

// TestDistributed_PartsInOnePlace has 2,000 chunks in the same place, whose archive takes some work: it is read once.
func TestDistributed_PartsInOnePlace(t *testing.T) {
	part := lone(1, func(w *writer) { w.Op('(').Repeat(100_000, 'K', 1).Op('1') }).Bytes()
	var chunks []chunk
	for i := range 2000 {
		chunks = append(chunks, chunk{i, 0, len(part)})
	}
	path := dcpFolder(t, part, chunks)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	opened, err := openPath(path)
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if used := after.TotalAlloc - before.TotalAlloc; used > 100<<20 {
		t.Errorf("%d bytes were allocated", used)
	}
	if raw, err := opened.Tensors[0].Bytes(); err != nil || len(raw) != 8000 {
		t.Errorf("%d bytes and %v", len(raw), err)
	}
}

func TestDistributed_HostileParts(t *testing.T) {
	t.Parallel()
	part := lone(1, nil).Bytes()
	n := len(part)
	two := append(bytes.Clone(part), part...)
	refusedFolder(t, dcpFolder(t, two, []chunk{{0, 0, n}, {1, n - 1, n}}), checkpoint.ErrMalformed, "overlap")
	refusedFolder(t, dcpFolder(t, two, []chunk{{0, 0, n}, {1, 0, 2 * n}}), checkpoint.ErrMalformed, "overlap")
	far := refusedFolder(t, dcpFolder(t, part, []chunk{{0, quarter, quarter}}), checkpoint.ErrMalformed, strconv.Itoa(quarter))
	if strings.Contains(far.Reason, "-") {
		t.Errorf("a negative number in %q", far.Reason)
	}

	// Each part is 32 MiB of zeros, packed in 32 kB, of which one element is used.
	packed := lone(8<<20, nil)
	packed.Records[1].Deflate = true
	bomb := packed.Bytes()
	var files []byte
	var chunks []chunk
	for i := range 40 {
		chunks = append(chunks, chunk{i, len(files), len(bomb)})
		files = append(files, bomb...)
	}
	refusedFolder(t, dcpFolder(t, files, chunks), checkpoint.ErrUnsafe, "unpack more than")
	for i := range chunks {
		chunks[i].offset = 0
	}
	refusedFolder(t, dcpFolder(t, bomb, chunks), checkpoint.ErrUnsafe, "unpack more than")
}

// rankFile is the file of one of two processes, which have a tensor of rows in two parts, all rows of each the same ones.
func rankFile(rank, rows int) []byte {
	w := picklegen.New(2).Dict(func(w *writer) {
		w.Text("head.weight").Call("torch._tensor", "_rebuild_from_type_v2", func(w *writer) {
			w.Global("torch._utils", "_rebuild_wrapper_subclass").Global("torch.distributed.tensor", "DTensor")
			w.Tuple(func(w *writer) { w.Global("torch.distributed.tensor", "DTensor").Int(0).Ints(rows, 1) })
			w.Dict(func(w *writer) {
				w.Text("_local_tensor")
				one{class: "FloatStorage", key: "0", count: 1, shape: []int{rows / 2, 1}, strides: []int{0, 0}}.write(w)
				w.Text("_spec")
				instance(w, "torch.distributed.tensor", "DTensorSpec",
					field{"mesh", func(w *writer) {
						instance(w, "torch.distributed", "DeviceMesh",
							field{"_layout", func(w *writer) { instance(w, "torch.distributed", "_MeshLayout", field{"shape", anInt(2)}) }},
							field{"_coordinate_on_dim", someInts(rank)})
					}},
					field{"placements", func(w *writer) {
						w.Tuple(func(w *writer) { instance(w, "torch.distributed.tensor", "Shard", field{"dim", anInt(0)}) })
					}})
			})
		})
	}).Stop()
	return zipped(w, map[string][]byte{"0": make([]byte, 4)}).Bytes()
}

// TestDistributed_TensorsLargerThanFiles has files of 1 kB whose elements serve for gigabytes.
func TestDistributed_TensorsLargerThanFiles(t *testing.T) {
	t.Parallel()
	ranks := func(rows int) string {
		return folder(t, map[string][]byte{"rank0.pth": rankFile(0, rows), "rank1.pth": rankFile(1, rows)})
	}
	opened, err := openPath(ranks(1000))
	if err != nil {
		t.Fatal(err)
	}
	opened.Close()
	refusedFolder(t, ranks(480<<20), checkpoint.ErrUnsafe, "sum up to more than")
}

// TestDistributed_WorkOfAllFiles has parts and shards that are each within the limits of a file.
func TestDistributed_WorkOfAllFiles(t *testing.T) {
	t.Parallel()
	part := lone(1, func(w *writer) { w.Repeat(450_000, 'N', '0') })
	part.Records[0].Deflate = true
	content := part.Bytes()
	var parts []byte
	var chunks []chunk
	shards := map[string][]byte{}
	var index []string
	for i := range 20 {
		chunks = append(chunks, chunk{i, len(parts), len(content)})
		parts = append(parts, content...)
		name, file := fmt.Sprintf("w%02d", i), fmt.Sprintf("s%02d.bin", i)
		shard := zipped(picklegen.New(2).Repeat(450_000, 'N', '0').Dict(func(w *writer) {
			w.Text(name)
			row(name).write(w)
		}).Stop(), map[string][]byte{"0": float3})
		shard.Records[0].Deflate = true
		shards[file] = shard.Bytes()
		index = append(index, fmt.Sprintf("%q: %q", name, file))
	}
	refusedFolder(t, dcpFolder(t, parts, chunks), checkpoint.ErrUnsafe, "belong together need more than")
	shards["pytorch_model.bin.index.json"] = []byte(`{"weight_map": {` + strings.Join(index, ", ") + `}}`)
	refusedFolder(t, folder(t, shards), checkpoint.ErrUnsafe, "belong together need more than")
}

// TestDistributed_Links has a thousand names for the files of two processes: each file is read once.
func TestDistributed_Links(t *testing.T) {
	t.Parallel()
	path := folder(t, map[string][]byte{"rank0.pth": rankFile(0, 1000), "rank1.pth": rankFile(1, 1000)})
	for i := range 1000 {
		name := filepath.Join(path, fmt.Sprintf("rank1.%04d.pth", i))
		if err := os.Symlink("rank1.pth", name); err != nil {
			t.Skipf("this system does not allow it: %v", err)
		}
	}
	opened, err := openPath(path)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if !strings.HasPrefix(opened.Container, "2 files of processes") || !strings.Contains(strings.Join(opened.Notes, "\n"), `links to files that were read: "rank1.0001.pth", "rank1.0002.pth"`) {
		t.Errorf("%s; %q", opened.Container, opened.Notes)
	}
}

// TestDistributed_CopiesLargerThanFiles has files of 1 kB, of which each has the same gigabyte: comparing all of them would take hours.
func TestDistributed_CopiesLargerThanFiles(t *testing.T) {
	t.Parallel()
	files := map[string][]byte{}
	for i := range 100 {
		files[fmt.Sprintf("rank%d.pth", i)] = rankFile(0, 300<<20)
	}
	refusedFolder(t, folder(t, files), checkpoint.ErrUnsafe, "the parts that several files have sum up to more than")
}

// TestDistributed_OtherModel has a file of another model among those of the processes: what all of them have must be equal.
func TestDistributed_OtherModel(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	if err := os.CopyFS(path, os.DirFS(filepath.Join(distributed, "ranks.2"))); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(path, "rank1.pth")
	if err := os.WriteFile(name, zeroed(t, file(t, name)), 0o600); err != nil {
		t.Fatal(err)
	}
	problem := refusedFolder(t, path, checkpoint.ErrMalformed, `is not the same in "rank0.pth" and "rank1.pth"`)
	if !strings.Contains(problem.Hint(), "several models") {
		t.Errorf("hint %q", problem.Hint())
	}
}

// zeroed is an archive of torch.save whose elements are all zero.
func zeroed(t *testing.T, content []byte) []byte {
	t.Helper()
	source, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	var a archivegen.Archive
	for _, entry := range source.File {
		opened, err := entry.Open()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(opened)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(entry.Name, "/data/") {
			clear(raw)
		}
		a.Records = append(a.Records, archivegen.Record{Name: entry.Name, Content: raw})
	}
	if len(a.Records) < 3 {
		t.Fatalf("%d records", len(a.Records))
	}
	return a.Bytes()
}
