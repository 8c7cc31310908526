//go:build unix

package report_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/report"
)

// TestFinder_Pipe: a pipe among the data is not opened, and is not said to be gone.
func TestFinder_Pipe(t *testing.T) {
	t.Parallel()
	h := header(t, 10, nil)
	h.Data.Source = t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(h.Data.Source, "x.png"), 0o600); err != nil {
		t.Fatal(err)
	}
	mistakes := []report.Mistake{{Record: evaluate.Record{Image: "x.png"}}}
	finder := report.Finder{Header: h, Folders: []string{h.Data.Source}}
	if err := finder.Find(t.Context(), mistakes); err != nil {
		t.Fatal(err)
	}
	if missing := mistakes[0].Missing; !strings.Contains(missing, "is a pipe") {
		t.Error(missing)
	}
}
