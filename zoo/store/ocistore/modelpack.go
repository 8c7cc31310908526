package ocistore

// The media types and annotation keys of the CNCF ModelPack specification (modelpack/model-spec, docs/spec.md and docs/annotations.md).
const (
	ArtifactType          = "application/vnd.cncf.model.manifest.v1+json"
	MediaTypeConfig       = "application/vnd.cncf.model.config.v1+json"
	MediaTypeWeights      = "application/vnd.cncf.model.weight.v1.raw"
	MediaTypeWeightConfig = "application/vnd.cncf.model.weight.config.v1.raw"
	MediaTypeDoc          = "application/vnd.cncf.model.doc.v1.raw"
	MediaTypeDataset      = "application/vnd.cncf.model.dataset.v1.raw"

	annotationPath     = "org.cncf.model.filepath"
	annotationMetadata = "org.cncf.model.file.metadata+json"
)

// Config is the configuration of a model artifact (modelpack/model-spec, docs/config.md). Fields that would differ each time it is made, such
// as the time, are left out on purpose.
type Config struct {
	Descriptor Descriptor `json:"descriptor"`
	// ModelFS is filled in by Publish.
	ModelFS ModelFS `json:"modelfs"`
	Model   Model   `json:"config"`
}

// Descriptor is general information about a model.
type Descriptor struct {
	Authors     []string `json:"authors,omitempty"`
	Family      string   `json:"family,omitempty"`
	Name        string   `json:"name,omitempty"`
	DocURL      string   `json:"docURL,omitempty"`
	SourceURL   string   `json:"sourceURL,omitempty"`
	DatasetsURL []string `json:"datasetsURL,omitempty"`
	Version     string   `json:"version,omitempty"`
	Revision    string   `json:"revision,omitempty"`
	Vendor      string   `json:"vendor,omitempty"`
	// Licenses are SPDX expressions.
	Licenses    []string `json:"licenses,omitempty"`
	Title       string   `json:"title,omitempty"`
	Description string   `json:"description,omitempty"`
}

// ModelFS lists the digests of the uncompressed files, in the order of the layers.
type ModelFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diffIds"`
}

// Model is technical information about a model.
type Model struct {
	Architecture string `json:"architecture,omitempty"`
	// Format is "safetensors", "pt" or the like.
	Format string `json:"format,omitempty"`
	// ParamSize is the number of parameters with a letter for the magnitude, such as "86.5m".
	ParamSize string `json:"paramSize,omitempty"`
	// Precision is "float32", "bfloat16", "float16" or "float64".
	Precision    string        `json:"precision,omitempty"`
	Quantization string        `json:"quantization,omitempty"`
	Capabilities *Capabilities `json:"capabilities,omitempty"`
}

// Capabilities say what goes into a model and comes out: "image", "embedding", "other" and so on.
type Capabilities struct {
	InputTypes  []string `json:"inputTypes,omitempty"`
	OutputTypes []string `json:"outputTypes,omitempty"`
}
