package ocistore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// Publish copies the files of an artifact from src to dst, then pushes its manifest under the tag, and returns the manifest. Publishing the same
// again does nothing; if the tag names another artifact, the error is a store.ErrExists and nothing is copied.
func Publish(ctx context.Context, src store.Fetcher, dst Place, tag string, artifact Artifact, options store.Options) (store.Blob, error) {
	p, err := pack(artifact)
	if err != nil {
		return store.Blob{}, err
	}
	if err := checkFree(ctx, dst, tag, p.manifestBlob); err != nil {
		return store.Blob{}, err
	}
	for i, file := range artifact.Files {
		if _, err := store.Copy(ctx, src, dst, p.files[i], options); err != nil {
			return store.Blob{}, fmt.Errorf("publishing %s: %w", file.Path, err)
		}
	}
	if _, err := dst.Push(ctx, p.configBlob, bytes.NewReader(p.config)); err != nil {
		return store.Blob{}, err
	}
	return dst.PushManifest(ctx, tag, p.manifest)
}

// Missing returns the files of an artifact that dst lacks, which Publish would copy. If the tag names another artifact, the error is a store.ErrExists.
func Missing(ctx context.Context, dst Place, tag string, artifact Artifact) ([]File, error) {
	p, err := pack(artifact)
	if err != nil {
		return nil, err
	}
	if err := checkFree(ctx, dst, tag, p.manifestBlob); err != nil {
		return nil, err
	}
	var missing []File
	for i, file := range artifact.Files {
		_, err := dst.Stat(ctx, p.files[i])
		if errors.Is(err, store.ErrNotFound) {
			missing = append(missing, file)
		} else if err != nil {
			return nil, err
		}
	}
	return missing, nil
}

// Digest returns the digest of the manifest that Publish makes for an artifact.
func Digest(artifact Artifact) (digest.Digest, error) {
	p, err := pack(artifact)
	return p.manifestBlob.Digest, err
}

// checkFree returns an error if a tag names another manifest.
func checkFree(ctx context.Context, dst Place, tag string, manifest store.Blob) error {
	if err := checkTag(tag); err != nil {
		return err
	}
	there, err := dst.FetchManifest(ctx, tag)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if is := digest.FromBytes(there); is != manifest.Digest {
		return taken("the destination", tag, is, manifest.Digest)
	}
	return nil
}

// Read returns the artifact that a tag names, and the digest of its manifest. It does not fetch the files; store.Copy does. A tag that does not exist is
// store.ErrNotFound, a malformed artifact store.ErrInvalid.
func Read(ctx context.Context, src Source, tag string) (Artifact, digest.Digest, error) {
	manifest, err := src.FetchManifest(ctx, tag)
	if err != nil {
		return Artifact{}, "", err
	}
	configBlob, artifact, err := parseManifest(manifest)
	if err != nil {
		return Artifact{}, "", err
	}
	config, err := readSmall(ctx, src, configBlob)
	if err != nil {
		return Artifact{}, "", err
	}
	if err := json.Unmarshal(config, &artifact.Config); err != nil {
		return Artifact{}, "", fmt.Errorf("%w: the config is not JSON: %w", store.ErrInvalid, err)
	}
	return artifact, digest.FromBytes(manifest), nil
}

// readSmall reads a manifest or config into memory, and verifies it.
func readSmall(ctx context.Context, src store.Fetcher, blob store.Blob) ([]byte, error) {
	if blob.Size > maxManifest {
		return nil, fmt.Errorf("%w: a manifest or config of %d bytes", store.ErrInvalid, blob.Size)
	}
	return store.Read(ctx, src, blob, maxManifest)
}

// Mirror copies the artifact that a tag names from one place to another, byte for byte, so its digest and the signatures on
// it stay valid.
func Mirror(ctx context.Context, src Source, dst Place, tag string, options store.Options) (store.Blob, error) {
	manifest, err := src.FetchManifest(ctx, tag)
	if err != nil {
		return store.Blob{}, err
	}
	config, artifact, err := parseManifest(manifest)
	if err != nil {
		return store.Blob{}, err
	}
	if err := checkFree(ctx, dst, tag, store.Blob{Digest: digest.FromBytes(manifest)}); err != nil {
		return store.Blob{}, err
	}
	for _, file := range append(artifact.Files, File{Path: "config", Blob: config}) {
		if _, err := store.Copy(ctx, src, dst, file.Blob, options); err != nil {
			return store.Blob{}, fmt.Errorf("mirroring %s: %w", file.Path, err)
		}
	}
	return dst.PushManifest(ctx, tag, manifest)
}
