//go:build unix

package disk_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/disk"
)

// TestOpenRegular_Pipes: what would wait or never end is not opened; a pipe that the process has is.
func TestOpenRegular_Pipes(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	pipe, link := filepath.Join(folder, "pipe"), filepath.Join(folder, "link")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.Symlink("pipe", link)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, link, "/dev/zero", "/dev/tty"} {
		file, err := disk.OpenRegular(path)
		if !errors.As(err, new(*disk.NotRegularError)) || !errors.Is(err, errdef.ErrInput) {
			t.Errorf("%s: %v, %v", path, file, err)
		}
	}
	if _, err := disk.OpenRegular(filepath.Join(folder, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	if _, err := to.WriteString("picture"); err != nil {
		t.Fatal(err)
	}
	to.Close()
	given := "/dev/fd/" + strconv.Itoa(int(from.Fd()))
	alias := filepath.Join(folder, "alias")
	if err := os.Symlink(given, alias); err != nil {
		t.Fatal(err)
	}
	file, err := disk.OpenRegular(alias)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if got, err := io.ReadAll(file); string(got) != "picture" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}
