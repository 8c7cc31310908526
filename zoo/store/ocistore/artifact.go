package ocistore

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// Artifact is a model to publish, or one that was read.
type Artifact struct {
	Config Config
	// Files are the layers, in order.
	Files []File
	// Annotations are those of the manifest.
	Annotations map[string]string
}

// File is a file of a model: a layer of the artifact.
type File struct {
	// Path is where pulling puts the file: a name, with slashes, that stays inside the folder that is pulled into.
	Path string
	// Blob needs digest and size. An empty MediaType stands for MediaTypeWeights.
	Blob store.Blob
}

// packedArtifact is an artifact as it is stored.
type packedArtifact struct {
	config, manifest         []byte
	configBlob, manifestBlob store.Blob
	files                    []store.Blob
}

// pack returns the config and the manifest of an artifact. The same artifact always makes the same bytes.
func pack(a Artifact) (packedArtifact, error) {
	var p packedArtifact
	manifest := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: ArtifactType, Annotations: a.Annotations,
	}
	a.Config.ModelFS = ModelFS{Type: "layers", DiffIDs: []string{}}
	for _, file := range a.Files {
		layer, err := file.layer()
		if err != nil {
			return p, err
		}
		manifest.Layers = append(manifest.Layers, layer)
		a.Config.ModelFS.DiffIDs = append(a.Config.ModelFS.DiffIDs, layer.Digest.String())
		p.files = append(p.files, file.Blob)
	}
	if len(a.Files) == 0 {
		return p, fmt.Errorf("%w: an artifact without files", store.ErrInvalid)
	}
	var err error
	if p.config, p.configBlob, err = encode(a.Config, MediaTypeConfig); err != nil {
		return p, err
	}
	manifest.Config = ocispec.Descriptor{MediaType: MediaTypeConfig, Digest: p.configBlob.Digest, Size: p.configBlob.Size}
	p.manifest, p.manifestBlob, err = encode(manifest, ocispec.MediaTypeImageManifest)
	return p, err
}

func encode(value any, mediaType string) ([]byte, store.Blob, error) {
	content, err := json.Marshal(value)
	return content, store.Blob{Digest: digest.FromBytes(content), Size: int64(len(content)), MediaType: mediaType}, err
}

// fileMetadata is the value of an annotation by which ModelPack tools restore a file. All but name and size are the same for every file, so that nothing
// depends on where the file came from.
type fileMetadata struct {
	Name     string    `json:"name"`
	Mode     uint32    `json:"mode"`
	UID      uint32    `json:"uid"`
	GID      uint32    `json:"gid"`
	Size     int64     `json:"size"`
	ModTime  time.Time `json:"mtime"`
	Typeflag byte      `json:"typeflag"`
}

// layer returns the descriptor of a file. Two annotations have its path: one is for ModelPack tools, the other for oras.
func (f File) layer() (ocispec.Descriptor, error) {
	if err := f.Blob.Validate(); err != nil {
		return ocispec.Descriptor{}, err
	}
	if f.Blob.Digest == "" || f.Blob.Size < 0 {
		return ocispec.Descriptor{}, fmt.Errorf("%w: the file %q has no digest or no size", store.ErrInvalid, f.Path)
	}
	if !isFileName(f.Path) {
		return ocispec.Descriptor{}, fmt.Errorf("%w: the file name %.200q", store.ErrInvalid, f.Path)
	}
	metadata, err := json.Marshal(fileMetadata{Name: f.Path, Mode: 0o644, Size: f.Blob.Size, ModTime: time.Unix(0, 0).UTC(), Typeflag: '0'})
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	mediaType := f.Blob.MediaType
	if mediaType == "" {
		mediaType = MediaTypeWeights
	}
	return ocispec.Descriptor{
		MediaType: mediaType, Digest: f.Blob.Digest, Size: f.Blob.Size,
		Annotations: map[string]string{annotationPath: f.Path, annotationMetadata: string(metadata), ocispec.AnnotationTitle: f.Path},
	}, nil
}

// isFileName reports whether a name with slashes stays inside a folder on every system.
func isFileName(name string) bool {
	local, err := filepath.Localize(name)
	return err == nil && local != "."
}

// parseManifest reads a manifest and checks everything in it. Errors are store.ErrInvalid.
func parseManifest(content []byte) (config store.Blob, artifact Artifact, err error) {
	var manifest ocispec.Manifest
	if err := json.Unmarshal(content, &manifest); err != nil {
		return config, artifact, fmt.Errorf("%w: the manifest is not an OCI manifest: %w", store.ErrInvalid, text.JSONError(err))
	}
	if manifest.MediaType != ocispec.MediaTypeImageManifest || manifest.ArtifactType != ArtifactType || manifest.Config.MediaType != MediaTypeConfig {
		return config, artifact, fmt.Errorf("%w: not a model artifact, but a %.200q with a config %.200q",
			store.ErrInvalid, manifest.ArtifactType, manifest.Config.MediaType)
	}
	if config, err = blobOf(manifest.Config); err != nil {
		return config, artifact, err
	}
	artifact.Annotations = maps.Clone(manifest.Annotations)
	for _, layer := range manifest.Layers {
		blob, err := blobOf(layer)
		if err != nil {
			return config, artifact, err
		}
		name := layer.Annotations[annotationPath]
		if !isFileName(name) {
			return config, artifact, fmt.Errorf("%w: the file name %.200q of layer %s", store.ErrInvalid, name, blob.Digest)
		}
		artifact.Files = append(artifact.Files, File{Path: name, Blob: blob})
	}
	return config, artifact, nil
}

func blobOf(d ocispec.Descriptor) (store.Blob, error) {
	blob := store.Blob{Digest: d.Digest, Size: d.Size, MediaType: d.MediaType}
	if d.Size < 0 {
		return blob, fmt.Errorf("%w: a blob of %d bytes", store.ErrInvalid, d.Size)
	}
	if err := store.CheckDigest(blob.Digest); err != nil {
		return blob, err
	}
	return blob, nil
}

func descriptorOf(b store.Blob) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: b.MediaType, Digest: b.Digest, Size: b.Size}
}
