package manifests_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/manifests/embedded"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/recording"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

// TestEmbeddedFiles compares size and digest of each embedded file with those in the manifests.
func TestEmbeddedFiles(t *testing.T) {
	t.Parallel()
	count := 0
	check := func(address string, size int64, want digest.Digest) {
		name, inside := strings.CutPrefix(address, manifest.EmbeddedScheme)
		if !inside {
			return
		}
		count++
		raw, err := embedded.Files.ReadFile(name)
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

// TestManifests_TensorsOfEmbeddedCheckpoints compares the digest of each canonical tensor of the embedded checkpoints with that in the manifest.
func TestManifests_TensorsOfEmbeddedCheckpoints(t *testing.T) {
	t.Parallel()
	count := 0
	for _, document := range all(t) {
		for _, source := range document.Sources {
			if name, inside := strings.CutPrefix(source.Address, manifest.EmbeddedScheme); inside {
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
	model, err := convert.Open(t.Context(), unpack(t, name), convert.OpenOptions{})
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

// TestManifests_VerdictsAreReproduced verifies each embedded model again, with the recording that the verdict in its manifest names.
func TestManifests_VerdictsAreReproduced(t *testing.T) {
	t.Parallel()
	for _, document := range all(t) {
		if document.Verdict == nil {
			continue
		}
		verdict := document.Verdict
		at := slices.IndexFunc(document.Recordings, func(r manifest.Recording) bool { return r.Name == verdict.Recording })
		result := judge(t, document.Sources[0].Address, document.Recordings[at].Address)
		if result.OK != verdict.Verified || result.Engine != verdict.Engine || result.DType.String() != verdict.DType {
			t.Errorf("%s: %s in %s: OK is %v, first divergence %q", document.ID, result.Engine, result.DType, result.OK, result.FirstDivergence)
		}
		if result.MaxAbs > verdict.Tolerance || result.Tolerance > 2*verdict.Tolerance || result.Tolerance < verdict.Tolerance/2 {
			t.Errorf("%s: logits are off by %g, tolerance %g; the manifest says %g, %g",
				document.ID, result.MaxAbs, result.Tolerance, verdict.MaxAbs, verdict.Tolerance)
		}
	}
}

// judge verifies an embedded checkpoint against an embedded recording.
func judge(t *testing.T, checkpoint, recorded string) *verify.Result {
	t.Helper()
	model, err := convert.Open(t.Context(), unpack(t, checkpoint), convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	reference, err := recording.Read(t.Context(), unpack(t, recorded))
	if err != nil {
		t.Fatal(err)
	}
	subject := verify.Subject{Name: checkpoint, Config: model.Config, Weights: model.Tensors, Engine: native.Engine{}}
	result, err := verify.Verify(t.Context(), subject, verify.Recorded(recorded, reference), verify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// unpack writes an embedded file to a temporary folder and returns its path.
func unpack(t *testing.T, address string) string {
	t.Helper()
	name := strings.TrimPrefix(address, manifest.EmbeddedScheme)
	raw, err := embedded.Files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
