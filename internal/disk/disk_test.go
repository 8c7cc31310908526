package disk_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/beitzoo/beitzoo/internal/disk"
)

func TestReplace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "record")
	for _, content := range []string{"old", "new"} {
		if err := disk.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := disk.ReadFile(path, 3); err != nil || string(got) != content {
			t.Errorf("read %q, %v", got, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	broken := errors.New("broken")
	err := disk.Replace(path, 0o600, func(to io.Writer) error {
		_, _ = to.Write([]byte("half"))
		return broken
	})
	if got, _ := os.ReadFile(path); !errors.Is(err, broken) || string(got) != "new" {
		t.Errorf("after a failure %q, %v", got, err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("%d files are left", len(left))
	}
}

// A rename over a device destroys it, which a superuser may do. The link keeps this test from doing that if it fails.
func TestReplace_RefusesDevices(t *testing.T) {
	t.Parallel()
	link := filepath.Join(t.TempDir(), "null")
	if err := os.Symlink(os.DevNull, link); err != nil {
		t.Skip(err)
	}
	for _, path := range []string{link, t.TempDir()} {
		var refused *disk.NotFileError
		if err := disk.WriteFile(path, []byte("x"), 0o600); !errors.As(err, &refused) || refused.Hint() == "" {
			t.Errorf("%s: %v", path, err)
		}
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link became %v, %v", info, err)
	}
}

// TestTry makes sure that nothing is left of what was tried, that a file which is there stays as it is, and that what can't be made is known.
func TestTry(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "file")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := disk.Try(path, 1000); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "old" {
		t.Errorf("%q, %v", got, err)
	}
	failed := (*disk.TargetError)(nil)
	if err := disk.Try(filepath.Join(folder, "none", "file"), 0); !errors.As(err, &failed) {
		t.Errorf("in no folder: %v", err)
	}
	if runtime.GOOS == "linux" {
		if err := disk.Try(path, 1<<60); !errors.As(err, &failed) {
			t.Errorf("more than there is: %v", err)
		}
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestReadFile_Limit(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(path, make([]byte, 4), 0o600); err != nil {
		t.Fatal(err)
	}
	var large *disk.TooLargeError
	if _, err := disk.ReadFile(path, 3); !errors.As(err, &large) || large.Limit != 3 {
		t.Error(err)
	}
	if _, err := disk.ReadFile(path+"none", 3); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestReserve(t *testing.T) {
	t.Parallel()
	file, err := os.Create(filepath.Join(t.TempDir(), "space"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, size := range []int64{0, 1 << 16} {
		if err := disk.Reserve(file, size); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		disk.StartSync(file, 0, size)
	}
}

func TestNewFolder(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	path := filepath.Join(parent, "folder")
	broken := errors.New("broken")
	for _, want := range []error{broken, nil} {
		err := disk.NewFolder(path, func(partial string) error {
			if err := os.Mkdir(partial, 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(partial, "file"), nil, 0o600); err != nil {
				return err
			}
			return want
		})
		if !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
		if entries, err := os.ReadDir(parent); err != nil || want != nil && len(entries) > 0 {
			t.Errorf("left behind: %v, %v", entries, err)
		}
	}
	if _, err := os.Stat(filepath.Join(path, "file")); err != nil {
		t.Error(err)
	}
}
