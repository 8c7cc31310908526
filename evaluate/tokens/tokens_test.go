package tokens_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/evaluate/tokens"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/tensor"
)

const images = 11

func headerOf(t testing.TB, index, of int) tokens.Header {
	t.Helper()
	config, err := arch.ByName("digits_dvae_encoder")
	if err != nil {
		t.Fatal(err)
	}
	var names dataset.NamesDigest
	for i := range images {
		names.Add(recordFor(i).Image)
	}
	return tokens.Header{
		Format: tokens.Format, Tokenizer: tokens.Tokenizer{Name: "t", Digest: "sha256:1", Config: config}, Run: evaluate.Run{Engine: "native", DType: "F32", Device: "cpu"},
		Images: tokens.Images{Total: images, Digest: names.Digest()}, Shard: evaluate.Shard{Index: index, Of: of}, Version: "v1",
	}
}

// recordFor returns the record of an image; image 4 can't be read.
func recordFor(index int) tokens.Record {
	r := tokens.Record{Index: index, Image: fmt.Sprintf("<%d>/é \"%d\".png", index, index)}
	if index == 4 {
		r.Error = "no such file"
		return r
	}
	for i := range 16 {
		r.Tokens = append(r.Tokens, int32((7*index+i)%32))
	}
	return r
}

// write tokenises the images of a part that have no tokens yet, at most so many, in an order of its own, and finishes if none is left.
func write(t testing.TB, path string, header tokens.Header, most int, readable bool) (finished bool) {
	t.Helper()
	log, err := tokens.OpenLog(path, header)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for index := header.Shard.Index - 1; index < images; index += header.Shard.Of {
		r := recordFor(index)
		if readable && r.Error != "" {
			r = recordFor(index + images)
			r.Index, r.Image = index, recordFor(index).Image
		}
		has, err := log.Has(index, r.Image)
		if err != nil {
			t.Fatal(err)
		}
		if has {
			continue
		}
		if most--; most < 0 {
			return false
		}
		if err := log.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(log.CheckMet(), log.Finish(tokens.FormOf(path))); err != nil {
		t.Fatal(err)
	}
	return true
}

func contentOf(t testing.TB, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestLog_SameFileWhateverTheWay writes a file at once, with interruptions that leave half a line or half a header, and in parts that are merged from files of
// both forms.
func TestLog_SameFileWhateverTheWay(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"x.safetensors", "x.jsonl"} {
		folder := t.TempDir()
		path := func(elements ...string) string { return filepath.Join(append([]string{folder}, elements...)...) }
		write(t, path(name), headerOf(t, 1, 1), images, false)
		want := contentOf(t, path(name))

		target := path("torn." + name)
		if err := os.WriteFile(target+".unfinished", []byte(`{"format":"beitzoo.tok`), 0o600); err != nil {
			t.Fatal(err)
		}
		for runs := 0; !write(t, target, headerOf(t, 1, 1), 2, false); runs++ {
			if runs > images {
				t.Fatal("it never ends")
			}
			log, err := os.OpenFile(target+".unfinished", os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := log.WriteString(`{"index":8,"image":"ha`); err != nil || log.Close() != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(contentOf(t, target), want) {
			t.Errorf("%s: interrupted, it is another file", name)
		}
		if left, err := filepath.Glob(path("*.unfinished")); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
		var parts []string
		for index := 5; index >= 1; index-- { // in any order
			part := path(fmt.Sprintf("part-%d%s", index, []string{".jsonl", ".safetensors"}[index%2]))
			write(t, part, headerOf(t, index, 5), images, false)
			parts = append(parts, part)
		}
		merged, err := tokens.Merge(path("merged"), tokens.FormOf(name), parts...)
		if err != nil || merged.Images != images-1 || len(merged.Unread) != 1 {
			t.Fatalf("%+v, %v", merged, err)
		}
		if !bytes.Equal(contentOf(t, path("merged")), want) {
			t.Errorf("%s: merged, it is another file", name)
		}
		write(t, path(name), headerOf(t, 1, 1), images, true) // what could not be read is tried again
		if merged, err := tokens.Merge(path("again"), tokens.FormOf(name), path(name)); err != nil || merged.Images != images {
			t.Errorf("tried again: %+v, %v", merged, err)
		}
		if !bytes.Equal(contentOf(t, path("again")), contentOf(t, path(name))) {
			t.Errorf("%s: merging one file changes it", name)
		}
	}
}

// TestWrite_ReadBySafetensors reads the file with the reader of checkpoints.
func TestWrite_ReadBySafetensors(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.safetensors")
	write(t, path, headerOf(t, 1, 1), images, false)
	file, err := checkpoint.Open(t.Context(), path, checkpoint.Options{}, safetensors.Format)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	values, err := tensor.Float64s(file.Tensors[0].View)
	if err != nil || len(file.Tensors) != 1 || file.Tensors[0].Shape.String() != "[10, 16]" || values[16*4] != float64(7*5%32) {
		t.Errorf("%v, %v, %v", file.Tensors, values, err)
	}
	if got := file.Metadata["names"]; !strings.HasPrefix(got, `["<0>/é \"0\".png",`) || file.Metadata["window"] != "4x4" || file.Metadata["vocabulary"] != "32" {
		t.Errorf("metadata %v", file.Metadata)
	}
}

// TestOpenLog_Refuses makes sure that nothing of something else is gone on with, or written over.
func TestOpenLog_Refuses(t *testing.T) {
	t.Parallel()
	other := headerOf(t, 1, 1)
	other.Tokenizer.Digest = "sha256:other"
	for _, name := range []string{"x.safetensors", "x.jsonl"} {
		path := filepath.Join(t.TempDir(), name)
		write(t, path, headerOf(t, 1, 1), 3, false)
		mismatch := (*tokens.MismatchError)(nil)
		if _, err := tokens.OpenLog(path, other); !errors.As(err, &mismatch) || !errors.Is(err, errdef.ErrUsage) || len(mismatch.Differences) != 1 {
			t.Errorf("begun with another tokenizer: %v", err)
		}
		log, err := tokens.OpenLog(path, headerOf(t, 1, 1))
		if err != nil {
			t.Fatal(err)
		}
		inUse := (*disk.InUseError)(nil)
		if _, err := tokens.OpenLog(path, headerOf(t, 1, 1)); !errors.As(err, &inUse) {
			t.Errorf("two writers: %v", err)
		}
		file := (*tokens.FileError)(nil)
		if _, err := log.Has(0, "another.png"); !errors.As(err, &file) {
			t.Errorf("another image: %v", err)
		}
		if err := log.CheckMet(); !errors.As(err, &file) {
			t.Errorf("a shorter list: %v", err)
		}
		log.Close()
		write(t, path, headerOf(t, 1, 1), images, false)
		if _, err := tokens.OpenLog(path, other); !errors.As(err, &mismatch) {
			t.Errorf("finished with another tokenizer: %v", err)
		}
		write(t, path, headerOf(t, 1, 1), images, true)
		whole, err := tokens.OpenLog(path, headerOf(t, 1, 1))
		if err != nil || !whole.Complete() || whole.Resumed() != images {
			t.Fatal(whole, err)
		}
		if err := whole.Add(recordFor(images)); !errors.As(err, &file) {
			t.Errorf("a longer list: %v", err)
		}
		for _, content := range []string{"", "my thesis, of many words", `{"format":"beitzoo.predictions.v1"}` + "\n"} {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := tokens.OpenLog(path, other); !errors.As(err, &file) || !errors.Is(err, errdef.ErrInput) {
				t.Errorf("%q: %v", content, err)
			}
		}
	}
}

// TestOpenLog_RefusesAgain: a file that was refused is refused again, and nothing is left beside it.
func TestOpenLog_RefusesAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.jsonl")
	write(t, path, headerOf(t, 1, 1), images, true)
	lines := bytes.SplitAfter(contentOf(t, path), []byte("\n"))
	broken := bytes.Join([][]byte{lines[0], lines[1], []byte(`{"index":1,"image":"b","error":"unreadable"}` + "\n"), []byte("{}\n")}, nil)
	if err := os.WriteFile(path, broken, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := tokens.OpenLog(path, headerOf(t, 1, 1)); !errors.As(err, new(*tokens.FileError)) {
			t.Errorf("%v", err)
		}
	}
	empty := filepath.Join(t.TempDir(), "y.jsonl")
	log, err := tokens.OpenLog(empty, headerOf(t, 1, 1))
	if err := errors.Join(err, log.Close()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, empty} {
		if _, err := os.Stat(name + ".unfinished"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("left beside %s: %v", name, err)
		}
	}
}

// TestMerge_Refuses covers parts that do not make a whole.
func TestMerge_Refuses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var parts []string
	for index := 1; index <= 3; index++ {
		parts = append(parts, filepath.Join(folder, fmt.Sprintf("%d.jsonl", index)))
		write(t, parts[index-1], headerOf(t, index, 3), images, false)
	}
	short := filepath.Join(folder, "short.jsonl")
	if err := os.WriteFile(short, contentOf(t, parts[1])[:bytes.LastIndexByte(bytes.TrimSpace(contentOf(t, parts[1])), '\n')+1], 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(folder, "other.jsonl")
	header := headerOf(t, 2, 3)
	header.Run.DType = "BF16"
	write(t, other, header, images, false)
	renamed := filepath.Join(folder, "renamed.jsonl")
	if err := os.WriteFile(renamed, bytes.ReplaceAll(contentOf(t, parts[1]), []byte("<7>"), []byte("<X>")), 0o600); err != nil {
		t.Fatal(err)
	}
	as := func(target any) func(error) bool { return func(err error) bool { return errors.As(err, target) } }
	for name, c := range map[string]struct {
		parts []string
		is    func(error) bool
	}{
		"none":        {nil, as(new(*tokens.PartsError))},
		"missing":     {parts[:2], as(new(*tokens.PartsError))},
		"twice":       {[]string{parts[0], parts[1], parts[1], parts[2]}, as(new(*tokens.PartsError))},
		"not whole":   {[]string{parts[0], short, parts[2]}, as(new(*tokens.PartsError))},
		"renamed":     {[]string{parts[0], renamed, parts[2]}, as(new(*tokens.PartsError))},
		"other":       {[]string{parts[0], other, parts[2]}, as(new(*tokens.MismatchError))},
		"no tokens":   {[]string{parts[0], "tokens_test.go", parts[2]}, as(new(*tokens.FileError))},
		"not there":   {[]string{parts[0], "nothing", parts[2]}, func(err error) bool { return errors.Is(err, os.ErrNotExist) }},
		"not in line": {[]string{parts[0], changed(t, parts[1]), parts[2]}, as(new(*tokens.FileError))},
	} {
		target := filepath.Join(folder, "merged")
		if _, err := tokens.Merge(target, tokens.Lines, c.parts...); err == nil || !c.is(err) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(target); err == nil {
			t.Errorf("%s: it leaves a file", name)
		}
	}
}

// changed returns a copy of a file in which a token is out of range.
func changed(t *testing.T, path string) string {
	t.Helper()
	copied := path + ".changed"
	if err := os.WriteFile(copied, bytes.Replace(contentOf(t, path), []byte(`"tokens":[`), []byte(`"tokens":[9`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	return copied
}

// TestOpen_Hostile cuts and changes files at every byte: it is an error, or the same images.
func TestOpen_Hostile(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"x.safetensors", "x.jsonl"} {
		folder := t.TempDir()
		path := filepath.Join(folder, name)
		write(t, path, headerOf(t, 1, 1), images, false)
		whole := contentOf(t, path)
		for at := 0; at < len(whole); at += 7 {
			broken := bytes.Clone(whole)
			broken[at] ^= 0x15
			for _, content := range [][]byte{broken, whole[:at]} {
				if err := os.WriteFile(path, content, 0o600); err != nil {
					t.Fatal(err)
				}
				file, err := tokens.Open(path)
				if err != nil {
					continue
				}
				for r, err := range file.Records() {
					if err == nil && r.Error == "" && len(r.Tokens) != 16 {
						t.Fatalf("byte %d: %+v", at, r)
					}
				}
				file.Close()
			}
		}
	}
}

func TestWrite_TooManyNames(t *testing.T) {
	t.Parallel()
	long := recordFor(0)
	long.Image = strings.Repeat("x", 100_000_001)
	one := func() iter.Seq2[tokens.Record, error] {
		return func(yield func(tokens.Record, error) bool) { yield(long, nil) }
	}
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := tokens.Write(path, tokens.Safetensors, headerOf(t, 1, 1), one); !errors.As(err, new(*tokens.HeaderError)) {
		t.Errorf("%v", err)
	}
}
