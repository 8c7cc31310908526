package place

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"
	oci "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/memstore"
	"github.com/beitzoo/beitzoo/zoo/store/ocistore"
)

// indexTag is the prefix of the tags of the index; its version follows. No entry has such a tag, because theirs end in a semantic version.
const indexTag = "zoo-index-"

// tagOf returns the tag of an entry. It is not the reference itself, because a tag cannot have an @ in it.
func tagOf(reference manifest.Reference) string { return reference.Name + "-" + reference.Version }

// artifact is an OCI artifact in the form of the CNCF ModelPack specification.
type artifact struct {
	ocistore.Artifact
	tag string
	// small are the files of the artifact that are in memory.
	small *memstore.Store
}

// publish uploads an artifact and its files. Those that are not in memory are fetched from the store from, which may be nil
// if there are none.
func (a artifact) publish(ctx context.Context, from store.Fetcher, to ocistore.Place, options store.Options) error {
	_, err := ocistore.Publish(ctx, a.source(from), to, a.tag, a.Artifact, options)
	return err
}

// source returns the store of all files of the artifact; see publish.
func (a artifact) source(from store.Fetcher) store.Fetcher {
	if from == nil {
		return a.small
	}
	return overlay{a.small, from}
}

// ArtifactDigest returns the digest of the OCI manifest under which every place stores an entry: the same entry always makes the same artifact.
func ArtifactDigest(entry Entry) (digest.Digest, error) {
	return ocistore.Digest(entryArtifact(entry).Artifact)
}

// entryArtifact describes an entry: its weights, its manifest and signature, and its recordings.
func entryArtifact(entry Entry) artifact {
	a := artifact{tag: tagOf(entry.Reference()), small: new(memstore.Store)}
	for i := range entry.Blobs {
		b := &entry.Blobs[i]
		a.addFile(weightsFile(b), ocistore.MediaTypeWeights, BlobOf(b, ""))
	}
	a.addSmall("manifest.yaml", entry.Raw)
	a.addSmall("manifest.yaml"+manifest.SignatureSuffix, entry.Signature)
	for _, r := range entry.Recordings {
		if r.Address == "" {
			a.addFile(r.Name+".recording.safetensors", ocistore.MediaTypeDataset, store.Blob{Digest: r.Digest, Size: r.Size})
		}
	}
	a.Config = modelConfig(&entry.Manifest)
	a.Annotations = map[string]string{
		oci.AnnotationTitle: entry.Title, oci.AnnotationVersion: entry.Version, oci.AnnotationLicenses: entry.Origin.Licence.Expression,
	}
	return a
}

// FilesOf returns the files of an entry: weights, manifest, signature, recordings.
func FilesOf(entry Entry) []File { return filesOf(entryArtifact(entry).Files) }

func filesOf(all []ocistore.File) []File {
	files := make([]File, len(all))
	for i, file := range all {
		files[i] = File{Name: file.Path, Content: manifest.Content{Digest: file.Blob.Digest, Size: file.Blob.Size}}
	}
	return files
}

func (a *artifact) addFile(path, mediaType string, blob store.Blob) {
	blob.MediaType = mediaType
	a.Files = append(a.Files, ocistore.File{Path: path, Blob: blob})
}

func (a *artifact) addSmall(path string, content []byte) {
	a.addFile(path, ocistore.MediaTypeDoc, a.small.Put(content))
}

// weightsFile returns the file name of a blob of weights.
func weightsFile(b *manifest.Blob) string {
	if b.Encoding == manifest.NoEncoding {
		return "model.safetensors"
	}
	return "model.safetensors." + b.Encoding
}

func modelConfig(m *manifest.Manifest) ocistore.Config {
	var precision string
	if len(m.Blobs) > 0 {
		precision = precisions[m.Blobs[0].DType]
	}
	return ocistore.Config{
		Descriptor: ocistore.Descriptor{
			Authors: m.Origin.Authors, Family: "beit", Name: m.ID, Version: m.Version, Title: m.Title, Licenses: []string{m.Origin.Licence.Expression},
		},
		Model: ocistore.Model{
			Architecture: "transformer", Format: "safetensors", ParamSize: paramSize(m.Parameters), Precision: precision,
			Capabilities: &ocistore.Capabilities{InputTypes: []string{"image"}, OutputTypes: []string{"other"}},
		},
	}
}

// precisions are ModelPack's words for element types.
var precisions = map[string]string{"F64": "float64", "F32": "float32", "BF16": "bfloat16", "F16": "float16"}

// paramSize writes a number of parameters as ModelPack does: one digit after the point and a letter for the magnitude, such as 86.5m.
func paramSize(parameters int64) string {
	value, letter := float64(parameters)/1e3, "k"
	for _, next := range []string{"m", "b", "t"} {
		if value < 999.95 {
			break
		}
		value, letter = value/1e3, next
	}
	return fmt.Sprintf("%.1f%s", value, letter)
}

// indexArtifact describes a version of the index, for stores that hold nothing but artifacts. origin is the name of the place that a bundle was made
// from, or empty.
func indexArtifact(version int64, index, signature []byte, origin string) artifact {
	number := strconv.FormatInt(version, 10)
	a := artifact{tag: indexTag + number, small: new(memstore.Store)}
	a.Config.Descriptor = ocistore.Descriptor{Name: "zoo-index", Version: number}
	a.addSmall(IndexFile, index)
	a.addSmall(IndexFile+manifest.SignatureSuffix, signature)
	if origin != "" {
		a.Annotations = map[string]string{originKey: origin}
	}
	return a
}

// latestIndex returns the tag of the highest version of the index, or store.ErrNotFound.
func latestIndex(ctx context.Context, from ocistore.Source) (string, error) {
	tags, err := from.Tags(ctx)
	if err != nil {
		return "", err
	}
	latest := int64(0)
	for _, tag := range tags {
		number, isIndex := strings.CutPrefix(tag, indexTag)
		if version, err := strconv.ParseInt(number, 10, 64); isIndex && err == nil {
			latest = max(latest, version)
		}
	}
	if latest == 0 {
		return "", fmt.Errorf("%w: no index of a zoo", store.ErrNotFound)
	}
	return indexTag + strconv.FormatInt(latest, 10), nil
}

// readIndex reads the latest index of the place called name, its signature, and the artifact that holds them. An index without a signature has nil, which
// no check accepts. One of which a part is missing is a *DamagedError.
func readIndex(ctx context.Context, from ocistore.Source, name string) (index, signature []byte, a ocistore.Artifact, err error) {
	tag, err := latestIndex(ctx, from)
	if err != nil {
		return nil, nil, a, err
	}
	if index, signature, a, err = readIndexAt(ctx, from, tag); errors.Is(err, store.ErrNotFound) {
		err = &DamagedError{Place: name, Found: fmt.Sprintf("its index %s is not whole: %s", tag, err), Advice: restoreAdvice}
	}
	return index, signature, a, err
}

// readIndexAt reads the index of a tag. What is missing is store.ErrNotFound.
func readIndexAt(ctx context.Context, from ocistore.Source, tag string) (index, signature []byte, a ocistore.Artifact, err error) {
	if a, _, err = ocistore.Read(ctx, from, tag); err != nil {
		return nil, nil, a, err
	}
	if index, err = readFile(ctx, from, a, IndexFile, manifest.MaxSize); err != nil {
		return nil, nil, a, err
	}
	if hasFile(a, IndexFile+manifest.SignatureSuffix) {
		signature, err = readFile(ctx, from, a, IndexFile+manifest.SignatureSuffix, manifest.MaxSignature)
	}
	return index, signature, a, err
}

func hasFile(a ocistore.Artifact, path string) bool {
	return slices.ContainsFunc(a.Files, func(file ocistore.File) bool { return file.Path == path })
}

// readFile reads a small file of an artifact.
func readFile(ctx context.Context, from store.Fetcher, a ocistore.Artifact, path string, limit int64) ([]byte, error) {
	for _, file := range a.Files {
		if file.Path == path {
			return store.Read(ctx, from, file.Blob, limit)
		}
	}
	return nil, fmt.Errorf("%w: the artifact has no %s", store.ErrNotFound, path)
}

// overlay fetches blobs from memory if they are there, else from rest. store.Mirrors would report each blob that memory lacks as a problem.
type overlay struct {
	memory *memstore.Store
	rest   store.Fetcher
}

// Stat implements store.Stater.
func (o overlay) Stat(ctx context.Context, blob store.Blob) (store.Info, error) {
	if info, err := o.memory.Stat(ctx, blob); err == nil {
		return info, nil
	}
	return o.rest.Stat(ctx, blob)
}

// Fetch implements store.Fetcher.
func (o overlay) Fetch(ctx context.Context, blob store.Blob) (io.ReadCloser, error) {
	if content, err := o.memory.Fetch(ctx, blob); err == nil {
		return content, nil
	}
	return o.rest.Fetch(ctx, blob)
}
