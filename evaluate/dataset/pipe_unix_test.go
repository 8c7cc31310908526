//go:build unix

package dataset_test

import (
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/beitzoo/beitzoo/evaluate/dataset"
)

// A pipe that nobody writes into is never opened, wherever it lies.
func TestFolders_Pipe(t *testing.T) {
	t.Parallel()
	root := plant(t, "ant/1.png", "list.csv !")
	for _, name := range []string{"ant/2.png", "ant/3", "4"} {
		if err := syscall.Mkfifo(filepath.Join(root, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		set, err := open(t, root, animals, dataset.Matching{})
		if err != nil {
			t.Error(err)
			return
		}
		if !slices.Contains(set.Notes(), "3 pipes, sockets or devices are left out: 4, ant/2.png, ant/3") {
			t.Errorf("%q", set.Notes())
		}
		found, err := dataset.Open(t.Context(), []string{"-"}, dataset.Options{Stdin: strings.NewReader("ant/2.png,ant\n"), Root: root})
		if err != nil {
			t.Error(err)
			return
		}
		listed, err := found.Match(t.Context(), animals, dataset.Matching{})
		if err != nil {
			t.Error(err)
			return
		}
		for e := range listed.Examples(t.Context()) {
			if _, err := e.Open(); err == nil || !strings.Contains(err.Error(), "is a pipe") {
				t.Errorf("%v", err)
			}
		}
		if _, err := dataset.Open(t.Context(), []string{filepath.Join(root, "4")}, dataset.Options{}); err == nil {
			t.Error("a pipe is a data set")
		}
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("a pipe was opened")
	}
}
