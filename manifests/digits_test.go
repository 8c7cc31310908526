package manifests_test

import (
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/testdata/digits"
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
