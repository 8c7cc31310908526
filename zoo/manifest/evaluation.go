package manifest

import (
	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/vocabulary"
)

// Preprocessing is how one source prepares images at evaluation.
type Preprocessing struct {
	// Source says whose recipe it is: it names a source of the manifest, or an implementation.
	Source string      `yaml:"source"`
	Recipe card.Recipe `yaml:"recipe"`
	// Note says what is doubtful about it.
	Note string `yaml:"note,omitempty"`
}

// Categories say what the logits mean.
type Categories struct {
	// Set is the name of the list, such as "ImageNet-1k". If package vocabulary knows it, the order of the logits is the one there.
	Set   string `yaml:"set"`
	Count int    `yaml:"count"`
	// Labels has a name for each logit, if the list is short enough to be here. See [Categories.Names].
	Labels []string `yaml:"labels,omitempty"`
	// Palette has a colour for each class of pixels, if they are known.
	Palette []card.Colour `yaml:"palette,omitempty"`
	// Problem is what the logits mean; empty is the usual: exactly one class is the right one.
	Problem card.Problem `yaml:"problem_type,omitempty"`
	Note    string       `yaml:"note,omitempty"`
}

// Names returns a name for each logit: Labels, or else those of the Set if package vocabulary knows it; nil if there are none.
func (c *Categories) Names() []string {
	if c.Labels != nil {
		return c.Labels
	}
	if known := c.known(); known != nil && known.Len() == c.Count {
		return known.Labels()
	}
	return nil
}

// known returns the list of classes that Set names, or nil. The name has to be written as the list itself writes it.
func (c *Categories) known() *vocabulary.Vocabulary {
	if v := vocabulary.ByName(c.Set); v != nil && v.Name() == c.Set {
		return v
	}
	return nil
}

// Accuracy is a published accuracy.
type Accuracy struct {
	// Origin says who published it and where.
	Origin  string `yaml:"origin"`
	Dataset string `yaml:"dataset"`
	// Top1 and Top5 are percentages; Top5 is 0 if only top-1 was published.
	Top1 float64 `yaml:"top1"`
	Top5 float64 `yaml:"top5,omitempty"`
	// CropRatio is the ratio of crop to resized edge, or 0 if the publisher does not state it.
	CropRatio float64 `yaml:"crop_ratio,omitempty"`
}

// MaskedAccuracy is a published share of the visual tokens of masked patches that weights recover.
type MaskedAccuracy struct {
	// Origin says who published it and where.
	Origin  string `yaml:"origin"`
	Dataset string `yaml:"dataset"`
	// Run says of which other training it is; empty if it is of these weights.
	Run string `yaml:"run,omitempty"`
	// Percent is a percentage of the masked patches, and Rounding by how many points it may be off as it is stated: 0.5 of "about 16 %".
	Percent  float64 `yaml:"percent"`
	Rounding float64 `yaml:"rounding,omitempty"`
	// Loss is the mean cross-entropy of masked patches, or 0 if none is stated.
	Loss float64 `yaml:"loss,omitempty"`
}

// SegmentationAccuracy are published figures of weights that say of each pixel what it shows, in percent, over all pixels of a data set that count.
type SegmentationAccuracy struct {
	// Origin says who published them and where.
	Origin  string `yaml:"origin"`
	Dataset string `yaml:"dataset"`
	// MultiScale says that the probabilities of several scales, and of mirrored pictures, were averaged.
	MultiScale bool `yaml:"multi_scale,omitempty"`
	// MIoU is the mean of the classes' intersections over unions. MAcc is the mean share of the pixels of a class that are found, AAcc the share of all pixels; they are 0 if
	// they were not published.
	MIoU float64 `yaml:"miou"`
	MAcc float64 `yaml:"macc,omitempty"`
	AAcc float64 `yaml:"aacc,omitempty"`
}

// Recording is a file of inputs and outputs that some implementation computed with these weights.
type Recording struct {
	Name           string `yaml:"name"`
	Implementation string `yaml:"implementation"`
	Framework      string `yaml:"framework"`
	DType          string `yaml:"dtype"`
	// Address is "embedded:" and a file name, or absent if the recording is stored as a blob beside the weights.
	Address string        `yaml:"address,omitempty"`
	Digest  digest.Digest `yaml:"digest"`
	Size    int64         `yaml:"size"`
}

// Verdict is the result of verifying the canonical weights against a recording, or, if Recording is empty, against the float64 engine.
type Verdict struct {
	Verified bool `json:"verified" yaml:"verified"`
	// Engine and DType say what ran.
	Engine    string `json:"engine" yaml:"engine"`
	DType     string `json:"dtype" yaml:"dtype"`
	Recording string `json:"recording,omitempty" yaml:"recording,omitempty"`
	// MaxAbs is the largest absolute difference of a logit, and Tolerance the computed limit for it.
	MaxAbs    float64 `json:"max_abs" yaml:"max_abs"`
	Tolerance float64 `json:"tolerance" yaml:"tolerance"`
}
