package ocistore

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// FuzzManifest wants a manifest to be refused, or to be read with valid digests, sizes and names; packing it again must make a manifest with the same
// files.
func FuzzManifest(f *testing.F) {
	golden, err := os.ReadFile(filepath.Join("testdata", "manifest.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden)
	f.Add(bytes.Replace(golden, []byte(`"size": 5000`), []byte(`"size": -1`), 1))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, content []byte) {
		config, artifact, err := parseManifest(content)
		if err != nil {
			if !errors.Is(err, store.ErrInvalid) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		if config.Validate() != nil {
			t.Fatalf("config %v", config)
		}
		for _, file := range artifact.Files {
			if file.Blob.Validate() != nil || file.Blob.Size < 0 || !filepath.IsLocal(filepath.FromSlash(file.Path)) {
				t.Fatalf("file %q of %d bytes passed", file.Path, file.Blob.Size)
			}
		}
		if len(artifact.Files) == 0 {
			return
		}
		packed, err := pack(artifact)
		if err != nil {
			t.Fatalf("what was read cannot be published: %v", err)
		}
		if _, again, err := parseManifest(packed.manifest); err != nil || len(again.Files) != len(artifact.Files) {
			t.Fatalf("read again: %d files of %d, %v", len(again.Files), len(artifact.Files), err)
		}
	})
}

// writeSmallBundle makes a bundle of an index and one blob.
func writeSmallBundle(to io.Writer, index index) error {
	w := &bundleWriter{archive: tar.NewWriter(to)}
	return errors.Join(w.json("index.json", index.Index), w.bytes(blobPrefix+digest.FromBytes([]byte("{}")).Encoded(), []byte("{}")), w.archive.Close())
}

// FuzzBundle wants a file to be refused, or to open as a bundle from which no wrong bytes are read.
func FuzzBundle(f *testing.F) {
	var archive bytes.Buffer
	index := newIndex()
	index.add("1.0.0", store.Blob{Digest: digest.FromBytes([]byte("{}")), Size: 2, MediaType: "x"})
	if err := writeSmallBundle(&archive, index); err != nil {
		f.Fatal(err)
	}
	f.Add(archive.Bytes())
	f.Add([]byte("not a bundle"))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "bundle.tar")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		bundle, err := OpenBundle(path)
		if err != nil {
			if !errors.Is(err, store.ErrInvalid) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		defer bundle.Close()
		for want, span := range bundle.spans {
			blob := store.Blob{Digest: want, Size: span.Size}
			if got, err := readSmall(t.Context(), bundle, blob); err == nil && digest.FromBytes(got) != want {
				t.Fatal("wrong bytes passed as right")
			}
		}
		tags, err := bundle.Tags(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range tags {
			_, _ = bundle.FetchManifest(t.Context(), tag)
		}
	})
}
