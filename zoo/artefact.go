package zoo

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"
	oci "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/ocistore"
)

// IndexFile is the name of the index as a file.
const IndexFile = "index.yaml"

// indexTag begins the tags of the states of the index; its version follows. No entry has such a tag: theirs end in a semantic version.
const indexTag = "zoo-index-"

// Tag is the tag of an entry: an @ is not allowed in one.
func Tag(reference manifest.Reference) string { return reference.Name + "-" + reference.Version }

// artefact is an OCI artefact in the form of the CNCF ModelPack specification, and its tag.
type artefact struct {
	ocistore.Artifact
	tag string
}

// publish brings an artefact and its files to a place.
func (a artefact) publish(ctx context.Context, from store.Fetcher, to ocistore.Place, options store.Options) error {
	_, err := ocistore.Publish(ctx, from, to, a.tag, a.Artifact, options)
	return err
}

// entryArtefact describes an entry: its weights, its manifest and signature, and its recordings. The same entry always gives the same artefact.
func entryArtefact(document *manifest.Document, signature []byte) artefact {
	var files []ocistore.File
	for i := range document.Blobs {
		b := &document.Blobs[i]
		files = append(files, file(weightsFile(b), ocistore.MediaTypeWeights, blobOf(b, "")))
	}
	files = append(files,
		inMemory("manifest.yaml", document.Raw),
		inMemory("manifest.yaml"+manifest.SignatureSuffix, signature))
	for _, r := range document.Recordings {
		if r.Address == "" {
			blob := store.Blob{Digest: r.Digest, Size: r.Size}
			files = append(files, file(r.Name+".recording.safetensors", ocistore.MediaTypeDataset, blob))
		}
	}
	annotations := map[string]string{
		oci.AnnotationTitle: document.Title, oci.AnnotationVersion: document.Version, oci.AnnotationLicenses: document.Origin.Licence.Expression,
	}
	return artefact{ocistore.Artifact{Config: modelConfig(&document.Manifest), Files: files, Annotations: annotations}, Tag(document.Reference())}
}

func file(path, mediaType string, blob store.Blob) ocistore.File {
	blob.MediaType = mediaType
	return ocistore.File{Path: path, Blob: blob}
}

// inMemory is a file that is here in memory.
func inMemory(path string, content []byte) ocistore.File {
	return file(path, ocistore.MediaTypeDoc, store.Blob{Digest: digest.FromBytes(content), Size: int64(len(content))})
}

// weightsFile names a blob of weights as a file.
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

// paramSize is a number with one digit behind the point and a letter for its magnitude.
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

// indexArtefact makes a state of the index an artefact, for stores that have nothing but artefacts. origin is the place of which a bundle is a part,
// or empty.
func indexArtefact(version int64, index, signature []byte, origin string) artefact {
	config := ocistore.Config{Descriptor: ocistore.Descriptor{Name: "zoo-index", Version: strconv.FormatInt(version, 10)}}
	files := []ocistore.File{inMemory(IndexFile, index), inMemory(IndexFile+manifest.SignatureSuffix, signature)}
	var annotations map[string]string
	if origin != "" {
		annotations = map[string]string{originKey: origin}
	}
	return artefact{ocistore.Artifact{Config: config, Files: files, Annotations: annotations}, indexTag + config.Descriptor.Version}
}

// latestIndex gives the tag of the highest version of the index, or store.ErrNotFound.
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

// readIndex reads the index and its signature, and the artefact that holds them.
func readIndex(ctx context.Context, from ocistore.Source) (index, signature []byte, a ocistore.Artifact, err error) {
	tag, err := latestIndex(ctx, from)
	if err != nil {
		return nil, nil, a, err
	}
	if a, _, err = ocistore.Read(ctx, from, tag); err != nil {
		return nil, nil, a, err
	}
	if index, err = readFile(ctx, from, a, IndexFile, manifest.MaxSize); err != nil {
		return nil, nil, a, err
	}
	signature, err = readFile(ctx, from, a, IndexFile+manifest.SignatureSuffix, manifest.MaxSignature)
	return index, signature, a, unlessAbsent(err)
}

// readFile reads a small file of an artefact.
func readFile(ctx context.Context, from store.Fetcher, a ocistore.Artifact, path string, limit int64) ([]byte, error) {
	for _, file := range a.Files {
		if file.Path == path {
			return readBlob(ctx, from, file.Blob, limit)
		}
	}
	return nil, fmt.Errorf("%w: the artefact has no %s", store.ErrNotFound, path)
}
