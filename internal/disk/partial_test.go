package disk_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/disk"
)

// TestCreatePartial_Sweep: what nobody has locked any more is removed, and nothing else. That the system drops the lock of a killed process is shown by
// a test of the program.
func TestCreatePartial_Sweep(t *testing.T) {
	t.Parallel()
	if !disk.LocksAreLocal(t.TempDir()) {
		t.Skip("the locks of this file system are not known to be reliable")
	}
	folder := t.TempDir()
	alive, err := disk.CreatePartial(filepath.Join(folder, "alive.pth"))
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Close()
	others := []string{".x.pth.123.part", "x.beitzoo-part", ".download.part", ".x.beitzoo-part.txt"}
	for _, name := range append(others, ".dead.pth.123.beitzoo-part") {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(folder, ".link.1.beitzoo-part")
	if err := os.Symlink(victim, link); err != nil {
		t.Fatal(err)
	}
	if err := disk.WriteFile(filepath.Join(folder, "next.pth"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{alive.Name(), victim, link, filepath.Join(folder, "next.pth")} {
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("removed: %v", err)
		}
	}
	for _, name := range others {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			t.Errorf("a file that is not ours was removed: %v", err)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, ".dead.pth.123.beitzoo-part")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was left behind is still there: %v", err)
	}
}

func TestTempFolder(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	if !disk.LocksAreLocal(os.TempDir()) {
		t.Skip("the locks of this file system are not known to be reliable")
	}
	alive, remove, err := disk.TempFolder("beitzoo-test")
	if err != nil {
		t.Fatal(err)
	}
	dead, foreign := filepath.Join(os.TempDir(), "beitzoo-test-dead"), filepath.Join(os.TempDir(), "beitzoo-test-foreign")
	long := time.Now().Add(-time.Hour)
	for folder, name := range map[string]string{dead: ".beitzoo-lock", foreign: "file"} {
		path := filepath.Join(folder, name)
		if err := errors.Join(os.Mkdir(folder, 0o700), os.WriteFile(path, nil, 0o600), os.Chtimes(path, long, long)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(filepath.Join(alive, ".beitzoo-lock"), long, long); err != nil {
		t.Fatal(err)
	}
	_, removeNext, err := disk.TempFolder("beitzoo-test")
	if err != nil {
		t.Fatal(err)
	}
	removeNext()
	for path, want := range map[string]bool{alive: true, dead: false, foreign: true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
	remove()
	if _, err := os.Stat(alive); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestTargetError: what cannot be written is wrong use with the name that was asked for and a hint.
func TestTargetError(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		filepath.Join(folder, "no", "such", "x"), filepath.Join(file, "x"), folder, filepath.Join(folder, strings.Repeat("x", 300)), filepath.Join(folder, "\x00"), "/", "..", "",
	} {
		err := disk.WriteFile(path, nil, 0o600)
		var target *disk.TargetError
		var other *disk.NotFileError
		if errors.As(err, &other) {
			continue
		}
		if !errors.As(err, &target) || target.Path != path || !errors.Is(err, errdef.ErrUsage) || target.Hint() == "" || strings.Contains(err.Error(), "beitzoo-part") {
			t.Errorf("%.50q: %v", path, err)
		}
	}
	if err := disk.WriteFile(filepath.Join(folder, strings.Repeat("x", 255)), nil, 0o600); err != nil {
		t.Errorf("a name as long as the system allows: %v", err)
	}
}
