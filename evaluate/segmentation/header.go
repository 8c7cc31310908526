package segmentation

import (
	"errors"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/segment"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Format is the format of files of predictions of this task, which [Header] names.
const Format = "beitzoo.segmentation.v1"

// Header is the first line of a file of predictions: what ran on what.
type Header struct {
	Format string `json:"format"`
	// Model, View, Data and Run say what the figures depend on, and Version which version of the program computed them.
	Model   Model        `json:"model"`
	View    View         `json:"view"`
	Data    Description  `json:"data"`
	Run     evaluate.Run `json:"run"`
	Version string       `json:"version"`
	// Published are the figures that were published of the model, if any are known.
	Published []Published `json:"published,omitempty"`
}

// Model says which model it is.
type Model struct {
	// Name is how the user named it.
	Name string `json:"name"`
	// Digest is "sha256:" and the digest of its parameters, which [convert.Digest] returns, or empty if it is not known.
	Digest string `json:"digest"`
	// Config is its architecture, with epsilon and taps.
	Config arch.Config `json:"config"`
	// Labels are the names of the classes; nil if they are not known.
	Labels []string `json:"labels,omitempty"`
	// Palette are the colours of the classes, for a page; nil if they are not known. No figure follows from them.
	Palette []card.Colour `json:"palette,omitempty"`
}

// View says what the model sees of a picture.
type View struct {
	Recipe segment.Recipe `json:"recipe"`
	// Scales are those of several passes, and Flip says that mirrored pictures count, too.
	Scales []float64 `json:"scales,omitempty"`
	Flip   bool      `json:"flip,omitempty"`
}

// Upright reports whether pictures are turned as their files say.
func (v View) Upright() bool { return v.Recipe.Whole == nil }

// Description says which pictures it ran on.
type Description struct {
	// Source is the folder that was named; ImagesFolder and LabelsFolder have the files.
	Source       string `json:"source"`
	ImagesFolder string `json:"images_folder"`
	LabelsFolder string `json:"labels_folder"`
	Layout       Layout `json:"layout"`
	Split        string `json:"split,omitempty"`
	// Digest identifies the whole list, and Images is the number of its pictures.
	Digest string `json:"digest"`
	Images int    `json:"images"`
	Labelling
	// Shard is the part that the file is about.
	Shard evaluate.Shard `json:"shard"`
}

// HeaderFor returns the header for an evaluation of a part of a data set. The caller adds what the segmenter does not know: name and digest of the weights, the
// names of the classes, scales, the engine, the version of the program, and what was published.
func HeaderFor(s *segment.Segmenter, d *Data, labelling Labelling, shard evaluate.Shard) Header {
	return Header{
		Format: Format, Model: Model{Config: s.Config()}, View: View{Recipe: s.Recipe()},
		Data: Description{
			Source: text.Valid(d.source), ImagesFolder: text.Valid(d.imagesFolder), LabelsFolder: text.Valid(d.labelsFolder), Layout: d.Layout(), Split: text.Valid(d.split),
			Digest: d.digest, Images: d.Len(), Labelling: labelling, Shard: shard,
		},
	}
}

// check returns an error if a header, which comes from a file, contradicts itself.
func (h *Header) check() error {
	if err := h.Model.Config.Validate(); err != nil {
		return fmt.Errorf("the header's model: %w", err)
	}
	switch {
	case !h.Model.Config.Segments():
		return errors.New("the header's model has no head for segmentation")
	case h.Model.Labels != nil && len(h.Model.Labels) != h.Model.Config.Classes:
		return fmt.Errorf("the header has %d class names for %d classes", len(h.Model.Labels), h.Model.Config.Classes)
	case h.Model.Palette != nil && card.PaletteProblem(h.Model.Palette, h.Model.Config.Classes) != "":
		return fmt.Errorf("the header's palette %s", card.PaletteProblem(h.Model.Palette, h.Model.Config.Classes))
	case !h.Data.Shard.Valid():
		return fmt.Errorf("the header says part %s", h.Data.Shard)
	case h.Data.Images < 1:
		return fmt.Errorf("the header says %d pictures", h.Data.Images)
	}
	return nil
}

// differences returns in what two headers differ that the figures depend on. A shard is one of them only if it is asked for. Names, folders, devices and versions are not.
func (h *Header) differences(other *Header, shards bool) []evaluate.Difference {
	var found evaluate.Differences
	found.Compare("digest of the weights", h.Model.Digest, other.Model.Digest)
	found.Compare("architecture", h.Model.Config.Named(), other.Model.Config.Named())
	found.Compare("names of the classes", h.Model.Labels, other.Model.Labels)
	found.Compare("recipe", h.View.Recipe, other.View.Recipe)
	found.Compare("scales", h.View.Scales, other.View.Scales)
	found.Compare("mirrored pictures", h.View.Flip, other.View.Flip)
	found.Compare("engine", h.Run.Engine, other.Run.Engine)
	found.Compare("dtype", h.Run.DType, other.Run.DType)
	found.Compare("digest of the data", h.Data.Digest, other.Data.Digest)
	found.Compare("number of images", h.Data.Images, other.Data.Images)
	found.Compare("what labels mean", h.Data.Labelling, other.Data.Labelling)
	if shards {
		found.Compare("part", h.Data.Shard, other.Data.Shard)
	}
	return found
}

// inPart returns how many pictures the part has.
func (h *Header) inPart() int { return h.Data.Shard.Count(h.Data.Images) }
