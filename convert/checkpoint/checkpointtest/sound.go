package checkpointtest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/tensor"
)

// foreignFiles are files that no format may recognise.
var foreignFiles = map[string][]byte{
	"empty":   {},
	"text":    []byte("Weights of the model are at the usual place.\n"),
	"page":    []byte("<!DOCTYPE html><html><body>404</body></html>"),
	"pointer": []byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"),
	"zeros":   make([]byte, 4096),
	"ones":    bytes.Repeat([]byte{0xff}, 4096),
	"gzip":    {0x1f, 0x8b, 8, 0, 0, 0, 0, 0},
	"picture": {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'},
}

func (s Suite) match(t *testing.T) {
	t.Parallel()
	for name, content := range s.Samples {
		if !s.Format.Match(content) {
			t.Errorf("%s is not recognised", name)
		}
		for n := range min(600, len(content)) {
			s.Format.Match(content[:n:n]) // must not panic
		}
	}
	for name, content := range foreignFiles {
		if s.Format.Match(content) {
			t.Errorf("%s is taken for %s", name, s.Format.Name)
		}
		if opened, err := Whole(s.Format, content); err != nil || opened != nil {
			t.Errorf("%s is read: %v", name, err)
		}
	}
}

func (s Suite) samples(t *testing.T) {
	t.Parallel()
	for name, content := range s.Samples {
		before := bytes.Clone(content)
		opened, err := Whole(s.Format, content)
		if err != nil || opened == nil {
			t.Errorf("%s: refused, or %v", name, err)
			continue
		}
		if len(opened.Tensors) == 0 || opened.Container == "" {
			t.Errorf("%s: %d tensors in a container called %q", name, len(opened.Tensors), opened.Container)
		}
		if !bytes.Equal(before, content) {
			t.Errorf("%s: reading changed the content", name)
		}
	}
}

func (s Suite) cancelled(t *testing.T) {
	t.Parallel()
	errStop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errStop)
	for name, content := range s.Samples {
		if _, err := s.Format.Read(ctx, content, checkpoint.Options{}); !errors.Is(err, errStop) && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, though the context has ended", name, err)
		}
	}
}

func (s Suite) selection(t *testing.T) {
	t.Parallel()
	options := checkpoint.Options{Select: "no such state dict"}
	for name, content := range s.Samples {
		opened, err := s.Format.Read(context.Background(), content, options)
		if opened != nil || !errors.Is(err, checkpoint.ErrNoModel) {
			t.Errorf("%s: selecting a state dict that is not there returns the error %v", name, err)
		}
	}
}

// lazy opens a file of 64 MB, which must neither copy nor read it.
func (s Suite) lazy(t *testing.T) {
	const size = 64 << 20
	named := []tensor.Named{{Name: "weight", View: tensor.View{DType: tensor.F32, Shape: tensor.Shape{size / 4}, Data: make(tensor.Memory, size)}}}
	parts, err := s.Format.Write(named, s.Options)
	if err != nil {
		t.Fatal(err)
	}
	content, err := Assemble(parts)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	opened, err := s.Format.Read(context.Background(), content, checkpoint.Options{})
	runtime.ReadMemStats(&after)
	if err != nil || len(opened.Tensors) != 1 {
		t.Fatalf("a sound file is refused: %v", err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 2<<20 {
		t.Errorf("opening a file of one tensor takes %d bytes of memory", used)
	}
	raw, err := opened.Tensors[0].Bytes()
	if err != nil || len(raw) != size {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	for i := range content {
		content[i] = 1
	}
	if raw[0] != 1 || raw[size-1] != 1 {
		t.Error("the tensor is a copy instead of a view of the file")
	}
}

// open goes through the file system, and reads all tensors from several goroutines.
func (s Suite) open(t *testing.T) {
	t.Parallel()
	for name, content := range s.Samples {
		path := filepath.Join(t.TempDir(), "model.bin")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		opened, err := checkpoint.Open(context.Background(), path, checkpoint.Options{}, s.Format)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if opened.Path != path || opened.Format != s.Format.Name || opened.Size != int64(len(content)) {
			t.Errorf("%s: path %q, format %q, %d bytes", name, opened.Path, opened.Format, opened.Size)
		}
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				if err := deliversAll(opened.Tensors); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		wait.Wait()
		if err := opened.Close(); err != nil {
			t.Errorf("%s: closing: %v", name, err)
		}
	}
}

// write returns a file of tensors.
func (s Suite) write(tensors []tensor.Named) ([]byte, error) {
	parts, err := s.Format.Write(tensors, s.Options)
	if err != nil {
		return nil, err
	}
	content, err := Assemble(parts)
	if err == nil && int64(len(content)) != output.Total(parts) {
		panic("Assemble and Total disagree")
	}
	return content, err
}
