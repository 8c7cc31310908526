package zoo

import (
	"cmp"
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
	// Base describes the weights: title, origin, categories and so on. If it is nil, the manifest of the same name and architecture inside the program is
	// used, or one that says "not stated". Its architecture, parameters, blobs, recordings, tensors and verdict are replaced; all else is kept, the
	// sources too. Labels, recipe and problem type are those of Open, of Draft, of the checkpoint, or of Base, in this order.
	Base *manifest.Manifest
	// Draft states some fields of the manifest; nil states none. What it contradicts is an error.
	Draft *manifest.Draft
	// WithoutLabels and WithoutRecipe leave the names of the classes, and how images are prepared, out of the manifest.
	WithoutLabels, WithoutRecipe bool
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
	// Description says what the manifest states and where that comes from, and how the checkpoint was read. Its Manifest is the whole one.
	Description
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
func defaultManifest(name string) *manifest.Manifest {
	m := &manifest.Manifest{Title: cmp.Or(name, manifest.NotStated), Preprocessing: []manifest.Preprocessing{}, Sources: []manifest.Source{}}
	m.Origin.Authors, m.Origin.Publishers, m.Origin.Training = []string{manifest.NotStated}, []string{manifest.NotStated}, manifest.NotStated
	m.Origin.Licence = manifest.Licence{Expression: manifest.NoLicence, Origin: "the publisher"}
	m.Categories = manifest.Categories{Set: manifest.NotStated}
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
