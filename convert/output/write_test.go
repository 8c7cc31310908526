package output_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/tensor"
)

// ramp returns n bytes, each of which differs from its neighbours.
func ramp(n int) []byte {
	raw := make([]byte, n)
	for i := range raw {
		raw[i] = byte(i*31 + i>>8*7)
	}
	return raw
}

// target returns the path of a file with known content, alone in its folder.
func target(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "model.bin")
	if err := os.WriteFile(path, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

// checkUntouched makes sure that target's file is as it was, and alone in its folder.
func checkUntouched(t *testing.T, path string) {
	t.Helper()
	checkOnly(t, path, []byte("old"))
}

func checkOnly(t *testing.T, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("the file has %d bytes, %v; want %d", len(got), err, len(want))
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}

// callback is Data that runs a function after half of its bytes.
type callback struct {
	raw  []byte
	half func() error
}

func (c callback) Bytes() ([]byte, error) { return c.raw, nil }

func (c callback) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(c.raw[:len(c.raw)/2])
	if err != nil {
		return int64(n), err
	}
	if err := c.half(); err != nil {
		return int64(n), err
	}
	m, err := w.Write(c.raw[len(c.raw)/2:])
	return int64(n + m), err
}

// TestWrite is not parallel, because the number of threads is that of the whole process.
func TestWrite(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	long := ramp(5<<20 + 3)
	var parts []output.Part
	var want []byte
	for i := range 40 {
		head := fmt.Appendf(nil, "part %d", i)
		data := long[i*100 : len(long)/(i+1)]
		parts = append(parts, output.Literal(head), output.Data(int64(len(data)), tensor.Memory(data)))
		want = append(append(want, head...), data...)
	}
	parts = append(parts, output.Data(0, tensor.Memory(nil)), output.Literal(nil))
	for _, threads := range []int{1, 2, 64} {
		runtime.GOMAXPROCS(threads)
		options := output.Options{NoSync: threads == 2}
		path := target(t)
		if err := output.Write(context.Background(), path, parts, options); err != nil {
			t.Fatal(err)
		}
		checkOnly(t, path, want)
	}
	if total := output.Total(parts); total != int64(len(want)) {
		t.Errorf("Total is %d, want %d", total, len(want))
	}
}

func TestWriteNothing(t *testing.T) {
	t.Parallel()
	path := target(t)
	if err := output.Write(context.Background(), path, nil, output.Options{}); err != nil {
		t.Fatal(err)
	}
	checkOnly(t, path, nil)
}

func TestSumsReachFill(t *testing.T) {
	t.Parallel()
	a, b := ramp(3<<20), ramp(77)
	parts := []output.Part{
		{Size: 8, Fill: func(sums []uint32) []byte {
			return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, sums[1]), sums[2])
		}},
		output.Data(int64(len(a)), tensor.Memory(a)),
		output.Data(int64(len(b)), tensor.Memory(b)),
	}
	path := target(t)
	if err := output.Write(context.Background(), path, parts, output.Options{}); err != nil {
		t.Fatal(err)
	}
	head := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(a)), crc32.ChecksumIEEE(b))
	checkOnly(t, path, append(append(head, a...), b...))
}

func TestProgress(t *testing.T) {
	t.Parallel()
	var most int64 // no lock: calls do not overlap, and never go back
	options := output.Options{NoSync: true, Progress: func(done, total int64) {
		if total != 4<<20 || done > total || done <= most {
			t.Errorf("progress %d of %d, after %d", done, total, most)
		}
		most = done
	}}
	parts := []output.Part{output.Literal(ramp(100))}
	for range 64 {
		parts = append(parts, output.Data(1<<16, tensor.Memory(ramp(1<<16))))
	}
	if err := output.Write(context.Background(), target(t), parts, options); err != nil {
		t.Fatal(err)
	}
	if most != 4<<20 {
		t.Errorf("progress ended at %d of %d", most, 4<<20)
	}
}

// TestFailuresLeaveNothing lets each step of a write fail, one at a time.
func TestFailuresLeaveNothing(t *testing.T) {
	t.Parallel()
	errOwn := errors.New("my own")
	raw := ramp(2 << 20)
	good := output.Data(int64(len(raw)), tensor.Memory(raw))
	tests := map[string]struct {
		part    output.Part
		options output.Options
		want    error
	}{
		"data too short":    {part: output.Data(int64(len(raw))+1, tensor.Memory(raw))},
		"data too long":     {part: output.Data(int64(len(raw))-1, tensor.Memory(raw))},
		"data of nothing":   {part: output.Data(1, tensor.Memory(nil))},
		"fill too short":    {part: output.Part{Size: 5, Fill: func([]uint32) []byte { return []byte("four") }}},
		"fill too long":     {part: output.Part{Size: 3, Fill: func([]uint32) []byte { return []byte("four") }}},
		"data fails":        {part: output.Data(int64(len(raw)), callback{raw, func() error { return errOwn }}), want: errOwn},
		"data panics":       {part: output.Data(int64(len(raw)), callback{raw, func() error { return errors.New(string(raw[len(raw):][:1])) }})},
		"data panics oddly": {part: output.Data(int64(len(raw)), callback{raw, func() error { panic("odd") }})},
		"check fails":       {part: good, options: output.Options{Check: func(context.Context, string) error { return errOwn }}, want: errOwn},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := target(t)
			err := output.Write(context.Background(), path, []output.Part{good, test.part, good}, test.options)
			if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if errors.Is(err, tensor.ErrFault) {
				t.Errorf("a mistake is taken for a fault: %v", err)
			}
			checkUntouched(t, path)
		})
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	errStop := errors.New("stop")
	raw := ramp(2 << 20)
	ctx, cancel := context.WithCancelCause(context.Background())
	path := target(t)
	parts := []output.Part{output.Data(int64(len(raw)), callback{raw, func() error { cancel(errStop); return nil }})}
	for range 50 {
		parts = append(parts, output.Data(int64(len(raw)), tensor.Memory(raw)))
	}
	if err := output.Write(ctx, path, parts, output.Options{}); !errors.Is(err, errStop) {
		t.Errorf("cancelled midway: %v", err)
	}
	checkUntouched(t, path)
	if err := output.Write(ctx, path, nil, output.Options{}); !errors.Is(err, errStop) {
		t.Errorf("cancelled before: %v", err)
	}
	checkUntouched(t, path)

	ctx, cancel = context.WithCancelCause(context.Background())
	check := func(context.Context, string) error { cancel(errStop); return nil }
	if err := output.Write(ctx, path, nil, output.Options{Check: check}); !errors.Is(err, errStop) {
		t.Errorf("cancelled after the check: %v", err)
	}
	checkUntouched(t, path)
}

func TestCheckSeesTheWholeFile(t *testing.T) {
	t.Parallel()
	path, raw := target(t), ramp(1<<20)
	check := func(_ context.Context, made string) error {
		got, err := os.ReadFile(made)
		if err != nil || !bytes.Equal(got, raw) {
			t.Errorf("the check sees %d bytes, %v", len(got), err)
		}
		if old, _ := os.ReadFile(path); string(old) != "old" {
			t.Error("the old file is gone before the check")
		}
		return nil
	}
	parts := []output.Part{output.Data(int64(len(raw)), tensor.Memory(raw))}
	if err := output.Write(context.Background(), path, parts, output.Options{Check: check}); err != nil {
		t.Fatal(err)
	}
	checkOnly(t, path, raw)
}

func TestTargets(t *testing.T) {
	t.Parallel()
	parts := []output.Part{output.Literal([]byte("new"))}
	var refused *output.NotFileError
	if err := output.Write(context.Background(), t.TempDir(), parts, output.Options{}); !errors.As(err, &refused) || refused.Hint() == "" {
		t.Errorf("a folder: %v", err)
	}
	missing := filepath.Join(t.TempDir(), "missing", "model.bin")
	if err := output.Write(context.Background(), missing, parts, output.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func TestLinkIsReplaced(t *testing.T) {
	t.Parallel()
	behind := target(t)
	link := filepath.Join(t.TempDir(), "link.bin")
	if err := os.Symlink(behind, link); err != nil {
		t.Skipf("this system has no links for us: %v", err)
	}
	if err := output.Write(context.Background(), link, []output.Part{output.Literal([]byte("new"))}, output.Options{}); err != nil {
		t.Fatal(err)
	}
	checkUntouched(t, behind)
	checkOnly(t, link, []byte("new"))
}

// TestReaderKeepsOldFile has the old file open while it is replaced: all of it must stay readable.
func TestReaderKeepsOldFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "model.bin")
	old := ramp(1 << 20)
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := output.Write(context.Background(), path, []output.Part{output.Literal([]byte("new"))}, output.Options{}); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(reader)
	if err != nil || !bytes.Equal(got, old) {
		t.Errorf("the open file has %d bytes, %v; want %d", len(got), err, len(old))
	}
	checkOnly(t, path, []byte("new"))
}

// TestWritersAtOnce has several writers of the same name: one of their files wins, whole.
func TestWritersAtOnce(t *testing.T) {
	t.Parallel()
	path := target(t)
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			raw := bytes.Repeat([]byte{byte('a' + i)}, 1<<20)
			parts := []output.Part{output.Data(1<<20, tensor.Memory(raw))}
			if err := output.Write(context.Background(), path, parts, output.Options{NoSync: true}); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	checkOnly(t, path, bytes.Repeat(got[:1], 1<<20))
}

func TestNotFileErrorText(t *testing.T) {
	t.Parallel()
	got := []string{
		(&output.NotFileError{Path: "a", Mode: fs.ModeDir}).Error(),
		(&output.NotFileError{Path: "b", Mode: fs.ModeDevice}).Error(),
	}
	want := []string{"a is a folder, and only a file can be replaced", "b is a device, pipe or socket, and only a file can be replaced"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
