package disk_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/disk"
)

func TestOpenAppend(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	for _, line := range []string{"one\n", "two\n"} {
		file, err := disk.OpenAppend(path)
		if err != nil {
			t.Fatal(err)
		}
		if disk.LocksAreLocal(filepath.Dir(path)) { // each open file has a lock of its own, also within a process
			if _, err := disk.OpenAppend(path); !errors.As(err, new(*disk.InUseError)) || !errors.Is(err, errdef.ErrUsage) || errdef.Hint(err) == "" {
				t.Errorf("a second writer: %v", err)
			}
		}
		if _, err := file.WriteString(line); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "one\ntwo\n" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := disk.OpenAppend(t.TempDir()); !errors.As(err, new(*disk.NotFileError)) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := disk.OpenAppend(filepath.Join(path, "below")); !errors.As(err, new(*disk.TargetError)) {
		t.Errorf("below a file: %v", err)
	}
}
