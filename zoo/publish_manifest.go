package zoo

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"aead.dev/minisign"
	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
)

// Publication says what to publish, and how.
type Publication struct {
	// Checkpoint is the path of the weights, in any format and scheme.
	Checkpoint string
	// Open says what the user knows about the checkpoint.
	Open convert.OpenOptions
	// Name and Version are those of the new entry.
	Name, Version string
	// Base describes the weights: title, origin, categories and so on. If it is nil, the manifest of the same name inside the program is used, or
	// one that says "not stated". Its architecture, parameters, blobs, recordings, tensors and verdict are replaced; all else is kept, the sources too.
	Base *manifest.Manifest
	// Recordings are paths of recordings of these weights.
	Recordings []string
	// Encode publishes the weights with the lossless coding of package encoding.
	Encode bool
	// Key signs the manifest and the index.
	Key minisign.PrivateKey
	// Expires is when readers stop accepting the index; zero is a year from now.
	Expires time.Time
	// Verify runs the weights at the path. An error, or a verdict that is not verified, ends the publication. The verdict names a recording by its
	// path. If Verify is nil, no verdict is published.
	Verify func(ctx context.Context, weights string, config arch.Config, recordings []string) (*manifest.Verdict, error)
	// DryRun makes and checks everything, but writes nothing to the place.
	DryRun bool
	// Progress and Notice are those of PullOptions.
	Progress func(step Step, done, total int64)
	Notice   func(error)
}

// PublishResult describes the new entry.
type PublishResult struct {
	manifest.Reference
	// Place is where it was published.
	Place string
	// Manifest and Artifact are the digests of the manifest and of the OCI manifest around it.
	Manifest, Artifact digest.Digest
	// Weights identifies the safetensors file, and Blob what is stored of it, which may be encoded.
	Weights manifest.Content
	Blob    manifest.Blob
	Verdict *manifest.Verdict
	// Source says how the checkpoint was read.
	Source convert.Input
	// IndexVersion is that of the index that lists the entry, or that would list it after a dry run.
	IndexVersion int64
	// Unchanged reports that the place had the same entry already, and nothing was written.
	Unchanged bool
	// Missing are the files that the place lacks. They are known only after a dry run.
	Missing []place.File
}

// NotVerifiedError says that weights are not published because they failed their verification.
type NotVerifiedError struct{ Verdict manifest.Verdict }

func (e *NotVerifiedError) Error() string {
	return fmt.Sprintf("the weights are not published, because they failed verification: a logit is off by %g, tolerance %g", e.Verdict.MaxAbs, e.Verdict.Tolerance)
}

// Is makes a NotVerifiedError an errdef.ErrDiffers.
func (*NotVerifiedError) Is(kind error) bool { return kind == errdef.ErrDiffers }

// Hint says what to do.
func (*NotVerifiedError) Hint() string {
	return "verify the checkpoint by itself to see where it differs"
}

// baseManifest returns the manifest of a publication, without what is computed from files.
func (z *Zoo) baseManifest(p *Publication, config arch.Config) manifest.Manifest {
	base := p.Base
	if base == nil {
		base = z.embeddedManifest(p.Name)
	}
	if base == nil {
		base = defaultManifest(p.Name, config)
	}
	m := *base
	m.Format, m.ID, m.Version, m.Parameters = manifest.Format, p.Name, p.Version, config.Parameters()
	m.Blobs, m.Recordings, m.Tensors, m.Verdict = nil, nil, nil, nil
	m.Architecture, m.Config = config.Name, nil
	if known, err := arch.ByName(config.Name); err != nil || known != config {
		m.Architecture, m.Config = "", &config
	}
	return m
}

// embeddedManifest returns the built-in manifest of that name, or nil.
func (z *Zoo) embeddedManifest(name string) *manifest.Manifest {
	for _, document := range z.embedded {
		if document.ID == name {
			return &document.Manifest
		}
	}
	return nil
}

// defaultManifest returns a manifest whose descriptive fields say "not stated".
func defaultManifest(name string, config arch.Config) *manifest.Manifest {
	m := &manifest.Manifest{Title: name, Preprocessing: []manifest.Preprocessing{}, Sources: []manifest.Source{}}
	m.Origin.Authors, m.Origin.Publishers, m.Origin.Training = []string{"not stated"}, []string{"not stated"}, "Not stated."
	m.Origin.Licence = manifest.Licence{Expression: "NOASSERTION", Origin: "the publisher stated none"}
	m.Categories = manifest.Categories{Set: "not stated", Count: config.Classes}
	return m
}

// addRecording copies a recording into the cache and describes it.
func (z *Zoo) addRecording(ctx context.Context, path string) (manifest.Recording, error) {
	file, err := checkpoint.Open(ctx, path, checkpoint.Options{}, safetensors.Format)
	if err != nil {
		return manifest.Recording{}, err
	}
	metadata := file.Metadata
	if err := file.Close(); err != nil {
		return manifest.Recording{}, err
	}
	blob, err := z.addFile(ctx, path)
	if err != nil {
		return manifest.Recording{}, err
	}
	name := recordingName(path)
	return manifest.Recording{
		Name: name, Implementation: orNotStated(metadata["implementation"]), DType: elementTypes[metadata["dtype"]],
		Framework: orNotStated(strings.TrimSpace(metadata["framework"] + " " + metadata["framework_version"])),
		Digest:    blob.Digest, Size: blob.Size,
	}, manifest.CheckName(name)
}

// elementTypes are the words of manifests for the element types of recordings.
var elementTypes = map[string]string{"float64": "F64", "float32": "F32", "bfloat16": "BF16", "float16": "F16"}

// orNotStated returns text, or "not stated" if it is empty.
func orNotStated(text string) string {
	if text == "" {
		return "not stated"
	}
	return text
}

// recordingName returns the name of a recording: that of its file, without endings.
func recordingName(path string) string {
	name := strings.ToLower(filepath.Base(path))
	for _, suffix := range []string{".safetensors", ".recording"} {
		name = strings.TrimSuffix(name, suffix)
	}
	return name
}
