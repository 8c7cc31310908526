package ocistore

import (
	"archive/tar"
	"context"
	"encoding/json"
	"io"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// WriteBundle writes the artifacts that tags name as one tar file. The same artifacts always make the same bytes. Blobs are verified while they are
// copied; after an error the file is not usable.
func WriteBundle(ctx context.Context, to io.Writer, src Source, tags ...string) error {
	w := &bundleWriter{archive: tar.NewWriter(to), written: map[digest.Digest]bool{}}
	index := newIndex()
	var blobs []store.Blob
	manifests := map[digest.Digest][]byte{}
	for _, tag := range slices.Sorted(slices.Values(tags)) {
		manifest, err := src.FetchManifest(ctx, tag)
		if err != nil {
			return err
		}
		config, artifact, err := parseManifest(manifest)
		if err != nil {
			return err
		}
		blob := store.Blob{Digest: digest.FromBytes(manifest), Size: int64(len(manifest)), MediaType: ocispec.MediaTypeImageManifest}
		index.add(tag, blob)
		manifests[blob.Digest] = manifest
		blobs = append(blobs, blob, config)
		for _, file := range artifact.Files {
			blobs = append(blobs, file.Blob)
		}
	}
	if err := w.json(ocispec.ImageLayoutFile, ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion}); err != nil {
		return err
	}
	if err := w.json(ocispec.ImageIndexFile, index.Index); err != nil {
		return err
	}
	for _, blob := range blobs {
		if err := w.blob(ctx, src, blob, manifests[blob.Digest]); err != nil {
			return err
		}
	}
	return w.archive.Close()
}

type bundleWriter struct {
	archive *tar.Writer
	written map[digest.Digest]bool
}

// header writes the header of a file. All files have the same attributes.
func (w *bundleWriter) header(name string, size int64) error {
	return w.archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644})
}

func (w *bundleWriter) bytes(name string, content []byte) error {
	if err := w.header(name, int64(len(content))); err != nil {
		return err
	}
	_, err := w.archive.Write(content)
	return err
}

func (w *bundleWriter) json(name string, value any) error {
	content, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return w.bytes(name, content)
}

// blob writes a blob once: a manifest from memory, any other blob from its source.
func (w *bundleWriter) blob(ctx context.Context, src store.Fetcher, blob store.Blob, manifest []byte) error {
	if w.written[blob.Digest] {
		return nil
	}
	w.written[blob.Digest] = true
	name := blobPrefix + blob.Digest.Encoded()
	if manifest != nil {
		return w.bytes(name, manifest)
	}
	content, err := src.Fetch(ctx, blob)
	if err != nil {
		return err
	}
	defer content.Close()
	if err := w.header(name, blob.Size); err != nil {
		return err
	}
	_, err = io.Copy(w.archive, store.NewVerifier(content, blob, ""))
	return err
}
