package manifests_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/testdata/digits"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

// TestEmbeddedFiles computes size and digest of everything that manifests say is inside the program.
func TestEmbeddedFiles(t *testing.T) {
	t.Parallel()
	count := 0
	check := func(address string, size int64, want digest.Digest) {
		name, embedded := strings.CutPrefix(address, manifest.EmbeddedScheme)
		if !embedded {
			return
		}
		count++
		raw, err := digits.Files.ReadFile(name)
		if err != nil {
			t.Error(err)
		}
		if int64(len(raw)) != size || digest.FromBytes(raw) != want {
			t.Errorf("%s has %d bytes, %s", name, len(raw), digest.FromBytes(raw))
		}
	}
	for _, document := range all(t) {
		for _, source := range document.Sources {
			check(source.Address, source.Size, source.Digest)
		}
		for _, recording := range document.Recordings {
			check(recording.Address, recording.Size, recording.Digest)
		}
	}
	if count < 3 {
		t.Errorf("%d embedded files were checked", count)
	}
}

// TestTensorsOfEmbeddedCheckpoints computes the digest of every canonical tensor from the real bytes.
func TestTensorsOfEmbeddedCheckpoints(t *testing.T) {
	t.Parallel()
	count := 0
	for _, document := range all(t) {
		for _, source := range document.Sources {
			if name, embedded := strings.CutPrefix(source.Address, manifest.EmbeddedScheme); embedded {
				count++
				got := tensorsOf(t, name)
				if diff := cmp.Diff(document.Tensors, got); diff != "" {
					t.Errorf("%s: %s", document.ID, diff)
				}
			}
		}
	}
	if count == 0 {
		t.Error("no checkpoint is embedded")
	}
}

func tensorsOf(t *testing.T, name string) []manifest.Tensor {
	t.Helper()
	raw, err := digits.Files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	model, err := convert.Open(t.Context(), path, convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	tensors, err := zoo.DescribeTensors(t.Context(), model.Tensors)
	if err != nil {
		t.Fatal(err)
	}
	return tensors
}
