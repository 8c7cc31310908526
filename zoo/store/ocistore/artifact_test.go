package ocistore_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/ocistore"
	"github.com/beitzoo/beitzoo/zoo/store/storetest"
)

// example is a small model of two files.
func example(from *storetest.Memory) ocistore.Artifact {
	weights, manifest := from.Put(storetest.Random(5000, 1), 0), from.Put([]byte("id: beit_tiny\n"), 0)
	weights.MediaType, manifest.MediaType = ocistore.MediaTypeWeights, ocistore.MediaTypeWeightConfig
	return ocistore.Artifact{
		Config: ocistore.Config{
			Descriptor: ocistore.Descriptor{Name: "beit_tiny", Version: "1.0.0", Family: "beit", Licenses: []string{"Apache-2.0"}},
			Model:      ocistore.Model{Architecture: "transformer", Format: "safetensors", ParamSize: "1.2k", Precision: "float32"},
		},
		Files:       []ocistore.File{{Path: "model.safetensors", Blob: weights}, {Path: "beitzoo.yaml", Blob: manifest}},
		Annotations: map[string]string{ocispec.AnnotationTitle: "beit_tiny", ocispec.AnnotationVersion: "1.0.0"},
	}
}

// TestManifestIsGolden compares with files that were written from the specification by hand, because a published artifact must keep its digest.
func TestManifestIsGolden(t *testing.T) {
	var from storetest.Memory
	layout := newLayout(t)
	manifest, err := ocistore.Publish(t.Context(), &from, layout, "1.0.0", example(&from), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]store.Blob{"manifest.json": manifest, "config.json": configOf(t, layout)} {
		want, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		want = compact(t, want)
		content, err := os.ReadFile(filepath.Join(layout.Dir(), "blobs", "sha256", got.Digest.Encoded()))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(content)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func configOf(t *testing.T, layout *ocistore.Layout) store.Blob {
	t.Helper()
	content, err := layout.FetchManifest(t.Context(), "1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	var manifest ocispec.Manifest
	if err := json.Unmarshal(content, &manifest); err != nil {
		t.Fatal(err)
	}
	return store.Blob{Digest: manifest.Config.Digest, Size: manifest.Config.Size}
}

func compact(t *testing.T, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, text); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestPublishAndRead(t *testing.T) {
	for name, open := range places {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var from storetest.Memory
			artifact := example(&from)
			place := open(t)
			manifest, err := ocistore.Publish(t.Context(), &from, place, "1.0.0", artifact, store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if want, err := ocistore.Digest(artifact); err != nil || want != manifest.Digest {
				t.Errorf("published %s, should be %s, %v", manifest.Digest, want, err)
			}
			got, digest, err := ocistore.Read(t.Context(), place, "1.0.0")
			if err != nil || digest != manifest.Digest {
				t.Fatalf("read %s, published %s, %v", digest, manifest.Digest, err)
			}
			artifact.Config.ModelFS = ocistore.ModelFS{Type: "layers", DiffIDs: []string{
				string(artifact.Files[0].Blob.Digest), string(artifact.Files[1].Blob.Digest),
			}}
			if diff := cmp.Diff(artifact, got); diff != "" {
				t.Errorf("artifact (-published +read):\n%s", diff)
			}
			var to storetest.Memory
			for _, file := range got.Files {
				if _, err := store.Copy(t.Context(), place, &to, file.Blob, store.Options{}); err != nil {
					t.Errorf("%s: %v", file.Path, err)
				}
			}
			if tags, err := place.Tags(t.Context()); err != nil || cmp.Diff([]string{"1.0.0"}, tags) != "" {
				t.Errorf("tags %v, %v", tags, err)
			}
		})
	}
}

// TestVersionsAreNeverOverwritten publishes another artifact under a version that exists.
func TestVersionsAreNeverOverwritten(t *testing.T) {
	for name, open := range places {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var from storetest.Memory
			first, second := example(&from), example(&from)
			second.Config.Descriptor.Title = "another"
			place := open(t)
			if tags, err := place.Tags(t.Context()); err != nil || len(tags) != 0 {
				t.Errorf("empty place: %v, %v", tags, err)
			}
			if _, err := place.FetchManifest(t.Context(), "1.0.0"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("empty place: %v", err)
			}
			manifest, err := ocistore.Publish(t.Context(), &from, place, "1.0.0", first, store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if again, err := ocistore.Publish(t.Context(), &from, place, "1.0.0", first, store.Options{}); err != nil || again.Digest != manifest.Digest {
				t.Errorf("again: %v, %v", again.Digest, err)
			}
			served := from.Served.Load()
			var hinted interface{ Hint() string }
			_, err = ocistore.Publish(t.Context(), &from, place, "1.0.0", second, store.Options{})
			if !errors.Is(err, store.ErrExists) || !errors.As(err, &hinted) || from.Served.Load() != served {
				t.Errorf("another artifact under the same version: %v", err)
			}
			if _, err := place.PushManifest(t.Context(), "1.0.0", []byte(`{"schemaVersion":2}`)); !errors.Is(err, store.ErrExists) {
				t.Errorf("another manifest under the same version: %v", err)
			}
			if _, err := ocistore.Publish(t.Context(), &from, place, "1.1.0", second, store.Options{}); err != nil {
				t.Errorf("a new version: %v", err)
			}
			if _, digest, err := ocistore.Read(t.Context(), place, "1.0.0"); err != nil || digest != manifest.Digest {
				t.Errorf("the first version is %s now, %v", digest, err)
			}
		})
	}
}

// TestMirror mirrors from a layout to a registry and on to another layout, which must equal the first.
func TestMirror(t *testing.T) {
	t.Parallel()
	var from storetest.Memory
	artifact := example(&from)
	first, second, third := newLayout(t), places["registry"](t), newLayout(t)
	if _, err := ocistore.Publish(t.Context(), &from, first, "1.0.0", artifact, store.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		src ocistore.Source
		dst ocistore.Place
	}{{first, second}, {second, third}} {
		if _, err := ocistore.Mirror(t.Context(), step.src, step.dst, "1.0.0", store.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	requireSameFolder(t, first.Dir(), third.Dir())
}

// requireSameFolder compares all files.
func requireSameFolder(t *testing.T, want, got string) {
	t.Helper()
	if diff := cmp.Diff(contents(t, want), contents(t, got)); diff != "" {
		t.Errorf("folders (-want +got):\n%s", diff)
	}
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		all[filepath.ToSlash(name)] = digest.FromBytes(content).Encoded()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestLayoutDoesNotDependOnOrder publishes the same versions in two orders.
func TestLayoutDoesNotDependOnOrder(t *testing.T) {
	t.Parallel()
	var from storetest.Memory
	artifact := example(&from)
	first, second := newLayout(t), newLayout(t)
	for _, tag := range []string{"1.0.0", "1.1.0", "0.9.0"} {
		if _, err := ocistore.Publish(t.Context(), &from, first, tag, artifact, store.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, tag := range []string{"0.9.0", "1.1.0", "1.0.0"} {
		if _, err := ocistore.Publish(t.Context(), &from, second, tag, artifact, store.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	requireSameFolder(t, first.Dir(), second.Dir())
}

func TestBundle(t *testing.T) {
	t.Parallel()
	var from storetest.Memory
	artifact := example(&from)
	b := bundle(t, &from, artifact)
	defer b.Close()
	layout, unpacked := newLayout(t), newLayout(t)
	if _, err := ocistore.Publish(t.Context(), &from, layout, "1.0.0", artifact, store.Options{}); err != nil {
		t.Fatal(err)
	}
	if _, err := ocistore.Mirror(t.Context(), b, unpacked, "1.0.0", store.Options{}); err != nil {
		t.Fatal(err)
	}
	requireSameFolder(t, layout.Dir(), unpacked.Dir())
	var one, two bytes.Buffer
	if err := errors.Join(ocistore.WriteBundle(t.Context(), &one, layout, "1.0.0"), ocistore.WriteBundle(t.Context(), &two, unpacked, "1.0.0")); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("two bundles of the same artifact differ")
	}
}

func TestImpossibleArtifacts(t *testing.T) {
	var from storetest.Memory
	blob := from.Put([]byte("x"), 0)
	tests := []struct {
		name string
		tag  string
		file ocistore.File
	}{
		{"path that leaves", "1", ocistore.File{Path: "../x", Blob: blob}},
		{"absolute path", "1", ocistore.File{Path: "/x", Blob: blob}},
		{"no path", "1", ocistore.File{Blob: blob}},
		{"no digest", "1", ocistore.File{Path: "x", Blob: store.Blob{Name: "x", Size: 1}}},
		{"no size", "1", ocistore.File{Path: "x", Blob: store.Blob{Digest: blob.Digest, Size: -1}}},
		{"tag with a slash", "a/b", ocistore.File{Path: "x", Blob: blob}},
		{"tag with a plus", "1.0.0+x", ocistore.File{Path: "x", Blob: blob}},
		{"no tag", "", ocistore.File{Path: "x", Blob: blob}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			layout := newLayout(t)
			_, err := ocistore.Publish(t.Context(), &from, layout, test.tag, ocistore.Artifact{Files: []ocistore.File{test.file}}, store.Options{})
			if !errors.Is(err, store.ErrInvalid) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := ocistore.Digest(ocistore.Artifact{}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("no files: %v", err)
	}
}

// TestHostileManifests reads manifests from a layout that an attacker wrote.
func TestHostileManifests(t *testing.T) {
	var from storetest.Memory
	sound := newLayout(t)
	if _, err := ocistore.Publish(t.Context(), &from, sound, "1.0.0", example(&from), store.Options{}); err != nil {
		t.Fatal(err)
	}
	good, err := sound.FetchManifest(t.Context(), "1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	replace := func(old, new string) string {
		if !strings.Contains(string(good), old) {
			t.Fatalf("no %q in the manifest", old)
		}
		return strings.ReplaceAll(string(good), old, new)
	}
	for name, manifest := range map[string]string{
		"not JSON":            "{",
		"empty":               "{}",
		"an image":            replace(ocistore.ArtifactType, "application/vnd.oci.image.config.v1+json"),
		"path that leaves":    replace(`"org.cncf.model.filepath":"beitzoo.yaml"`, `"org.cncf.model.filepath":"../../beitzoo.yaml"`),
		"no path":             replace(`"org.cncf.model.filepath":"beitzoo.yaml"`, `"x":"y"`),
		"digest that is none": replace(`"digest":"sha256:`, `"digest":"sha512:`),
		"negative size":       replace(`"size":5000`, `"size":-5000`),
		"config of 10 GB":     replace(fmt.Sprintf(`"size":%d}`, configOf(t, sound).Size), `"size":10000000000}`),
	} {
		t.Run(name, func(t *testing.T) {
			layout := newLayout(t)
			if _, err := store.Copy(t.Context(), sound, layout, configOf(t, sound), store.Options{}); err != nil {
				t.Fatal(err)
			}
			if _, err := layout.PushManifest(t.Context(), "1.0.0", []byte(manifest)); err != nil {
				t.Fatal(err)
			}
			if _, _, err := ocistore.Read(t.Context(), layout, "1.0.0"); !errors.Is(err, store.ErrInvalid) {
				t.Errorf("read: got %v", err)
			}
			if _, err := ocistore.Mirror(t.Context(), layout, newLayout(t), "1.0.0", store.Options{}); err == nil {
				t.Error("it was mirrored")
			}
		})
	}
}

func TestHostileBundles(t *testing.T) {
	for name, content := range map[string][]byte{
		"empty": nil, "not an archive": []byte(strings.Repeat("x", 2000)), "zeros": make([]byte, 2048),
	} {
		path := filepath.Join(t.TempDir(), "bundle.tar")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err := ocistore.OpenBundle(path); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: got %v", name, err)
			b.Close()
		}
	}
}
