package cache_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
	"github.com/beitzoo/beitzoo/zoo/store/storetest"
)

// TestReadOnlyCache uses a cache as a user who may not write to it.
func TestReadOnlyCache(t *testing.T) {
	content, absent := storetest.Random(1000, 1), storetest.Random(1000, 2)
	c := open(t, cache.Options{})
	blob, err := c.Push(t.Context(), storetest.Describe(content, 0), bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	openToOthers(t, c.Dir())
	for _, dir := range []string{"", "partial", "blobs", "blobs/sha256"} {
		closeToWriting(t, filepath.Join(c.Dir(), dir))
	}
	asNobody(t, func() {
		requireBlob(t, c, blob, content)
		if _, err := c.Push(t.Context(), blob, nil); err != nil {
			t.Errorf("pushing a blob that is there already: %v", err)
		}
		var hinted interface{ Hint() string }
		_, err := c.Push(t.Context(), storetest.Describe(absent, 0), bytes.NewReader(absent))
		if !errors.Is(err, store.ErrReadOnly) || !errors.As(err, &hinted) || hinted.Hint() == "" {
			t.Errorf("push: got %v, want ErrReadOnly with a hint", err)
		}
		if _, err := c.Begin(t.Context(), storetest.Describe(absent, 0)); !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("begin: got %v, want ErrReadOnly", err)
		}
		if _, err := c.Prune(t.Context(), cache.PruneOptions{}); !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("prune: got %v, want ErrReadOnly", err)
		}
	})
}

// TestOtherUsersPartial resumes a copy as another user, who may write to the folder but not to the file.
func TestOtherUsersPartial(t *testing.T) {
	var from storetest.Memory
	content := storetest.Random(10*chunkSize, 1)
	blob := from.Put(content, chunkSize)
	c := open(t, cache.Options{})
	interrupt(t, &from, c, blob, 5)
	openToOthers(t, c.Dir())
	for _, dir := range []string{"partial", "lock", "blobs/sha256"} {
		if err := os.Chmod(filepath.Join(c.Dir(), dir), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range append(partialFiles(t, c, ".part"), partialFiles(t, c, ".journal")...) {
		if err := os.Chmod(path, 0o444); err != nil {
			t.Fatal(err)
		}
	}
	asNobody(t, func() {
		partial, err := c.Begin(t.Context(), blob)
		if err != nil {
			t.Fatal(err)
		}
		defer partial.Close()
		if _, records := partial.Recorded(); len(records) < 5 {
			t.Errorf("%d records were kept", len(records))
		}
		first := make([]byte, 5*chunkSize)
		if _, err := partial.ReadAt(first, 0); err != nil || !bytes.Equal(first, content[:len(first)]) {
			t.Errorf("the kept bytes differ, or %v", err)
		}
	})
}

// openToOthers lets all users reach a folder of the test, and read it.
func openToOthers(t *testing.T, dir string) {
	t.Helper()
	for up := dir; up != os.TempDir() && up != "/"; up = filepath.Dir(up) {
		if err := os.Chmod(up, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// closeToWriting makes a folder read-only, except for root, until the test ends.
func closeToWriting(t *testing.T, dir string) {
	t.Helper()
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(dir, 0o755) })
}

// asNobody runs work as a user without root's permissions: root becomes another user for that, on a thread that is not used again.
func asNobody(t *testing.T, work func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if os.Geteuid() == 0 {
			runtime.LockOSThread()
			const nobody = 65534
			if err := unix.Setfsuid(nobody); err != nil {
				t.Error(err)
				return
			}
		}
		work()
	}()
	<-done
}
