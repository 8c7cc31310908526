package zoo

import (
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	oci "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// Media types of the CNCF ModelPack specification (modelpack/model-spec, specs-go/v1/mediatype.go).
const (
	modelManifestType = "application/vnd.cncf.model.manifest.v1+json"
	modelConfigType   = "application/vnd.cncf.model.config.v1+json"
	weightType        = "application/vnd.cncf.model.weight.v1.raw"
	documentType      = "application/vnd.cncf.model.doc.v1.raw"
	datasetType       = "application/vnd.cncf.model.dataset.v1.raw"
)

// indexType is the artefact type of the index of a place.
const indexType = "application/vnd.beitzoo.index.v1"

// filePath is the annotation with the name of a layer's file (specs-go/v1/annotations.go).
const filePath = "org.cncf.model.filepath"

// IndexTag is the tag of the index. No entry has it: theirs end in a version.
const IndexTag = "zoo-index"

// Tag is the tag of an entry: an @ is not allowed in one.
func Tag(reference manifest.Reference) string { return reference.Name + "-" + reference.Version }

// Artefact is an OCI image manifest and the small blobs that it needs; its layers are blobs that are published beside it.
type Artefact struct {
	Tag string
	// Type is the artefact type of the manifest.
	Type     string
	Manifest []byte
	// Config is the blob that the manifest calls its config.
	Config []byte
	Layers []store.Blob
}

// modelConfig describes a model as ModelPack wants it (modelpack/model-spec, docs/config.md and schema/config-schema.json).
type modelConfig struct {
	Descriptor struct {
		Authors  []string `json:"authors,omitempty"`
		Vendor   string   `json:"vendor,omitempty"`
		Family   string   `json:"family"`
		Name     string   `json:"name"`
		Version  string   `json:"version"`
		Title    string   `json:"title"`
		Licenses []string `json:"licenses"`
	} `json:"descriptor"`
	Config struct {
		Architecture string `json:"architecture"`
		Format       string `json:"format"`
		ParamSize    string `json:"paramSize"`
		Precision    string `json:"precision"`
		Capabilities struct {
			InputTypes  []string `json:"inputTypes"`
			OutputTypes []string `json:"outputTypes"`
		} `json:"capabilities"`
	} `json:"config"`
	ModelFS struct {
		Type    string          `json:"type"`
		DiffIDs []digest.Digest `json:"diffIds"`
	} `json:"modelfs"`
}

// layer is a blob under the name that it has as a file.
type layer struct {
	store.Blob
	file string
}

// entryArtefact describes an entry: its weights, its manifest and signature, and its recordings.
func entryArtefact(document *manifest.Document, signature []byte) (Artefact, error) {
	layers := entryLayers(document, signature)
	config, err := json.Marshal(newModelConfig(&document.Manifest, layers))
	if err != nil {
		return Artefact{}, err
	}
	annotations := map[string]string{
		oci.AnnotationTitle: document.Title, oci.AnnotationVersion: document.Version, oci.AnnotationLicenses: document.Origin.Licence.Expression,
	}
	return newArtefact(Tag(document.Reference()), modelManifestType, modelConfigType, config, layers, annotations)
}

func entryLayers(document *manifest.Document, signature []byte) []layer {
	var layers []layer
	for i := range document.Blobs {
		b := &document.Blobs[i]
		blob := blobOf(b, "")
		blob.MediaType = weightType
		layers = append(layers, layer{blob, weightsFile(b)})
	}
	layers = append(layers,
		layer{store.Blob{Digest: store.Digest(document.Digest()), Size: int64(len(document.Raw)), MediaType: documentType}, "manifest.yaml"},
		layer{store.Blob{Digest: store.DigestOf(signature), Size: int64(len(signature)), MediaType: documentType}, "manifest.yaml" + manifest.SignatureSuffix})
	for _, r := range document.Recordings {
		if r.Address == "" {
			layers = append(layers, layer{store.Blob{Digest: store.Digest(r.Digest), Size: r.Size, MediaType: datasetType}, r.Name + ".recording.safetensors"})
		}
	}
	return layers
}

// weightsFile names a blob of weights as a file.
func weightsFile(b *manifest.Blob) string {
	if b.Encoding == manifest.NoEncoding {
		return "model.safetensors"
	}
	return "model.safetensors." + b.Encoding
}

func newModelConfig(m *manifest.Manifest, layers []layer) modelConfig {
	var c modelConfig
	c.Descriptor.Authors, c.Descriptor.Family = m.Origin.Authors, "beit"
	c.Descriptor.Name, c.Descriptor.Version, c.Descriptor.Title = m.ID, m.Version, m.Title
	c.Descriptor.Licenses = []string{m.Origin.Licence.Expression}
	c.Config.Architecture, c.Config.Format, c.Config.ParamSize = "transformer", "safetensors", paramSize(m.Parameters)
	if len(m.Blobs) > 0 {
		c.Config.Precision = precisions[m.Blobs[0].DType]
	}
	c.Config.Capabilities.InputTypes, c.Config.Capabilities.OutputTypes = []string{"image"}, []string{"other"}
	c.ModelFS.Type = "layers"
	for _, l := range layers {
		c.ModelFS.DiffIDs = append(c.ModelFS.DiffIDs, digest.Digest(l.Digest)) // nothing is packed, so that the layer is its own content
	}
	return c
}

// precisions are ModelPack's words for element types.
var precisions = map[string]string{"F64": "fp64", "F32": "fp32", "BF16": "bf16", "F16": "fp16"}

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

// indexArtefact makes the index and its signature an artefact, for stores that have nothing but artefacts.
func indexArtefact(index, signature []byte) (Artefact, error) {
	layers := []layer{
		{store.Blob{Digest: store.DigestOf(index), Size: int64(len(index)), MediaType: documentType}, IndexFile},
		{store.Blob{Digest: store.DigestOf(signature), Size: int64(len(signature)), MediaType: documentType}, IndexFile + manifest.SignatureSuffix},
	}
	return newArtefact(IndexTag, indexType, oci.MediaTypeEmptyJSON, []byte("{}"), layers, nil)
}

func newArtefact(tag, artefactType, configType string, config []byte, layers []layer, annotations map[string]string) (Artefact, error) {
	image := oci.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: oci.MediaTypeImageManifest, ArtifactType: artefactType, Annotations: annotations,
		Config: oci.Descriptor{MediaType: configType, Digest: digest.FromBytes(config), Size: int64(len(config))},
	}
	a := Artefact{Tag: tag, Type: artefactType, Config: config}
	for _, l := range layers {
		image.Layers = append(image.Layers, oci.Descriptor{
			MediaType: l.MediaType, Digest: digest.Digest(l.Digest), Size: l.Size,
			Annotations: map[string]string{filePath: l.file, oci.AnnotationTitle: l.file},
		})
		a.Layers = append(a.Layers, l.Blob)
	}
	var err error
	a.Manifest, err = json.Marshal(image)
	return a, err
}

// layerFiles reads the layers of an OCI image manifest by the names of their files.
func layerFiles(raw []byte) (map[string]store.Blob, error) {
	var image oci.Manifest
	if err := json.Unmarshal(raw, &image); err != nil {
		return nil, fmt.Errorf("%w: the OCI manifest cannot be read", store.ErrInvalid)
	}
	files := map[string]store.Blob{}
	for _, l := range image.Layers {
		blob := store.Blob{Digest: store.Digest(l.Digest), Size: l.Size, MediaType: l.MediaType, Name: l.Annotations[oci.AnnotationTitle]}
		if err := blob.Validate(); err != nil {
			return nil, err
		}
		files[blob.Name] = blob
	}
	return files, nil
}

// IndexFile is the name of the index as a file.
const IndexFile = "index.yaml"
