package zoo_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	oci "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// TestDamagedFolder damages a folder to which somebody published. Readers who know only the key are told so, and nobody starts a new index there: neither a
// stranger nor the owner.
func TestDamagedFolder(t *testing.T) {
	t.Parallel()
	owner, stranger := newPublisher(t), newPublisher(t)
	target, whole := folderPlace(t)
	publish(t, target, owner.quick("1.0.0"))
	old := read(t, filepath.Join(whole, "index.yaml"))
	publish(t, target, owner.quick("1.1.0"))
	for name, damage := range map[string]func(t *testing.T, path string){
		"no index.json":              func(t *testing.T, path string) { remove(t, path, "index.json") },
		"no index.json, a signature": func(t *testing.T, path string) { remove(t, path, "index.json"); remove(t, path, "index.yaml") },
		"no index.json, manifests": func(t *testing.T, path string) {
			for _, name := range []string{"index.json", "oci-layout", "index.yaml", "index.yaml.minisig"} {
				remove(t, path, name)
			}
		},
		"no index.json, a mark": func(t *testing.T, path string) {
			for _, name := range []string{"index.json", "index.yaml", "index.yaml.minisig", "manifests"} {
				if err := os.RemoveAll(filepath.Join(path, name)); err != nil {
					t.Fatal(err)
				}
			}
		},
		"index.json without manifests": func(t *testing.T, path string) { untag(t, path, "") },
		"index.json without indexes":   func(t *testing.T, path string) { untag(t, path, "zoo-index-") },
		"index.json of the past":       func(t *testing.T, path string) { untag(t, path, "zoo-index-2") },
		"index.json cut":               func(t *testing.T, path string) { cut(t, filepath.Join(path, "index.json")) },
		"index blob cut":               func(t *testing.T, path string) { cut(t, indexBlob(t, path)) },
		"index blob longer": func(t *testing.T, path string) {
			name := indexBlob(t, path)
			write(t, name, append(read(t, name), '\n'))
		},
		"index blob changed": func(t *testing.T, path string) {
			name := indexBlob(t, path)
			content := read(t, name)
			content[0] ^= 1
			write(t, name, content)
		},
		"no index blob":   func(t *testing.T, path string) { remove(t, indexBlob(t, path), "") },
		"index.yaml cut":  func(t *testing.T, path string) { cut(t, filepath.Join(path, "index.yaml")) },
		"index.yaml void": func(t *testing.T, path string) { write(t, filepath.Join(path, "index.yaml"), nil) },
		"another index.yaml of the same version": func(t *testing.T, path string) {
			edit(t, path, "version: 1.0.0", "version: 0.1.0")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, path := copyOf(t, whole)
			damage(t, path)
			before := listing(t, path)
			z := open(t, reader(t, owner, at))
			_, _, listed := z.List(t.Context())
			_, resolved := z.Resolve(t.Context(), "digits_p16_64")
			for action, err := range map[string]error{
				"list": listed, "resolve": resolved,
				"publish as a stranger": errorOf(open(t, folders(t)).Publish(t.Context(), at, stranger.quick("3.0.0"))),
				"publish as the owner":  errorOf(open(t, folders(t)).Publish(t.Context(), at, owner.quick("3.0.0"))),
				"mirror to it":          errorOf(open(t, reader(t, owner)).Mirror(t.Context(), target, at, zoo.MirrorOptions{})),
			} {
				var damaged *place.DamagedError
				if !errors.As(err, &damaged) || !errors.Is(errdef.Kind(err), errdef.ErrIntegrity) || errdef.Hint(err) == "" || strings.Contains(err.Error(), "nothing is") {
					t.Errorf("%s: error is %v", action, err)
				}
			}
			if after := listing(t, path); !maps.Equal(before, after) {
				t.Error("files were changed")
			}
		})
	}
	t.Run("index.yaml of the past", func(t *testing.T) { // as after a publisher that was killed
		at, path := copyOf(t, whole)
		write(t, filepath.Join(path, "index.yaml"), old)
		resolve(t, open(t, reader(t, owner, at)), "digits_p16_64@1.1.0")
	})
}

// copyOf returns a copy of the place in a folder.
func copyOf(t *testing.T, whole string) (*place.Folder, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "z")
	if err := os.CopyFS(path, os.DirFS(whole)); err != nil {
		t.Fatal(err)
	}
	at, err := place.OpenFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	return at, path
}

// TestFolderWithoutIndexFile: a layout that an OCI tool copied has no index.yaml. It works, and the next version of the index writes the file.
func TestFolderWithoutIndexFile(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	target, path := folderPlace(t)
	publish(t, target, p.quick("1.0.0"))
	for _, name := range []string{"index.yaml", "index.yaml.minisig", "manifests"} {
		if err := os.RemoveAll(filepath.Join(path, name)); err != nil {
			t.Fatal(err)
		}
	}
	resolve(t, open(t, reader(t, p, target)), "digits_p16_64@1.0.0")
	publish(t, target, p.quick("1.1.0"))
	resolve(t, open(t, reader(t, p, tree(t, path))), "digits_p16_64@1.1.0")
}

// TestFirstIndex publishes into folders that have something, but never had an index.
func TestFirstIndex(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	for name, prepare := range map[string]func(t *testing.T, path string){
		"empty": func(*testing.T, string) {},
		"an empty layout": func(t *testing.T, path string) {
			write(t, filepath.Join(path, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`))
			write(t, filepath.Join(path, "index.json"), []byte(`{"schemaVersion":2,"manifests":[]}`))
		},
		"manifests of the user": func(t *testing.T, path string) {
			if err := os.Mkdir(filepath.Join(path, "manifests"), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(path, "manifests", "my.yaml"), []byte("id: my\n"))
		},
		"a publisher that was killed": func(t *testing.T, path string) {
			other, complete := folderPlace(t)
			publish(t, other, p.quick("1.0.0"))
			for _, name := range []string{"blobs", "oci-layout", "index.json"} {
				if err := os.Rename(filepath.Join(complete, name), filepath.Join(path, name)); err != nil {
					t.Fatal(err)
				}
			}
			untag(t, path, "zoo-index-")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := t.TempDir()
			prepare(t, path)
			at, err := place.OpenFolder(path)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := at.Index(t.Context()); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("before: error is %v", err)
			}
			publish(t, at, p.quick("1.0.0"))
			resolve(t, open(t, reader(t, p, at)), "digits_p16_64@1.0.0")
		})
	}
}

// untag removes the tags that begin with prefix from the layout in a folder.
func untag(t *testing.T, path, prefix string) {
	t.Helper()
	name := filepath.Join(path, "index.json")
	var index oci.Index
	decode(t, read(t, name), &index)
	kept := []oci.Descriptor{}
	for _, d := range index.Manifests {
		if !strings.HasPrefix(d.Annotations[oci.AnnotationRefName], prefix) {
			kept = append(kept, d)
		}
	}
	index.Manifests = kept
	raw, err := json.Marshal(index)
	if err != nil {
		t.Fatal(err)
	}
	write(t, name, raw)
}

// cut removes the second half of a file.
func cut(t *testing.T, name string) {
	t.Helper()
	content := read(t, name)
	write(t, name, content[:len(content)/2])
}

// indexBlob returns the path of the blob with the index of a folder.
func indexBlob(t *testing.T, path string) string {
	t.Helper()
	want := read(t, filepath.Join(path, "index.yaml"))
	names, err := filepath.Glob(filepath.Join(path, "blobs", "sha256", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if bytes.Equal(read(t, name), want) {
			return name
		}
	}
	t.Fatal("no blob has the index")
	return ""
}
