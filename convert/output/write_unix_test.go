//go:build unix

package output_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/edsrzf/mmap-go"
	"golang.org/x/sys/unix"

	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/tensor"
)

// after is Data that is read only when a channel is closed.
type after struct {
	event chan struct{}
	tensor.Data
}

func (a after) WriteTo(w io.Writer) (int64, error) {
	<-a.event
	return a.Data.WriteTo(w)
}

// TestInputCutShort truncates a mapped input while it is read, at the place where the system or the program would crash.
func TestInputCutShort(t *testing.T) {
	t.Parallel()
	input := filepath.Join(t.TempDir(), "input.bin")
	if err := os.WriteFile(input, ramp(8<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(input, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	mapping, err := mmap.Map(file, mmap.RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer mapping.Unmap()

	for name, data := range map[string]tensor.Data{
		"the system copies":  tensor.Memory(mapping[4<<20:]),
		"the program copies": tensor.Swapped{Data: tensor.Memory(mapping[4<<20:]), Width: 4},
	} {
		if err := os.WriteFile(input, ramp(8<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		path, cut := target(t), make(chan struct{})
		parts := []output.Part{
			output.Data(4<<20, callback{mapping[:4<<20], func() error { defer close(cut); return os.Truncate(input, 4<<20) }}),
			output.Data(4<<20, after{cut, data}),
		}
		if err := output.Write(context.Background(), path, parts, output.Options{}); !errors.Is(err, tensor.ErrFault) {
			t.Errorf("%s: %v", name, err)
		}
		checkUntouched(t, path)
	}
}

// TestPipe writes to a pipe and to a link to it. What is not a file, /dev/null for example, must not be replaced, even if the user has the right to.
func TestPipe(t *testing.T) {
	t.Parallel()
	pipe, link := filepath.Join(t.TempDir(), "pipe"), filepath.Join(t.TempDir(), "link")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(pipe, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, link} {
		before, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		var refused *output.NotFileError
		err = output.Write(context.Background(), path, []output.Part{output.Literal([]byte("new"))}, output.Options{})
		if !errors.As(err, &refused) || refused.Path != path {
			t.Errorf("%s: %v", path, err)
		}
		if after, err := os.Lstat(path); err != nil || after.Mode() != before.Mode() {
			t.Errorf("%s was replaced, or %v", path, err)
		}
	}
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	parts := []output.Part{output.Literal([]byte("new"))}
	path := target(t) // made with 0o640
	if err := output.Write(context.Background(), path, parts, output.Options{}); err != nil {
		t.Fatal(err)
	}
	fresh, plain := filepath.Join(t.TempDir(), "fresh.bin"), filepath.Join(t.TempDir(), "plain.bin")
	if err := output.Write(context.Background(), fresh, parts, output.Options{}); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(plain) // with the user's umask
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	for _, c := range []struct {
		path string
		want fs.FileMode
	}{{path, 0o640}, {fresh, mode(t, plain)}} {
		if got := mode(t, c.path); got != c.want {
			t.Errorf("%s has permissions %v, want %v", filepath.Base(c.path), got, c.want)
		}
	}
}

func mode(t *testing.T, path string) fs.FileMode {
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

// limited is the environment variable with the folder for a child process that may write at most 1 MB to a file.
const limited = "OUTPUT_TEST_LIMITED"

// TestNoRoom runs this test again in a process with a limit on file sizes, which stands for a full disk.
func TestNoRoom(t *testing.T) {
	if folder := os.Getenv(limited); folder != "" {
		writeWithoutRoom(t, folder)
		return
	}
	t.Parallel()
	path := target(t)
	child := exec.Command(os.Args[0], "-test.run=^TestNoRoom$")
	child.Env = append(os.Environ(), limited+"="+filepath.Dir(path))
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	checkUntouched(t, path)
}

func writeWithoutRoom(t *testing.T, folder string) {
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 1 << 20, Max: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	raw := ramp(4 << 20)
	read := false
	parts := []output.Part{output.Data(int64(len(raw)), callback{raw, func() error { read = true; return nil }})}
	err := output.Write(context.Background(), filepath.Join(folder, "model.bin"), parts, output.Options{})
	if !errors.Is(err, unix.EFBIG) {
		t.Errorf("no room: %v", err)
	}
	if read {
		t.Error("the lack of room was noticed only in the middle")
	}
}
