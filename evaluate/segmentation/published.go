package segmentation

import (
	"fmt"
	"slices"

	"github.com/beitzoo/beitzoo/beit/segment"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Published are figures that somebody published of a model, in percent.
type Published struct {
	// Origin says who published them and where, and Dataset of which pictures they are.
	Origin  string  `json:"origin"`
	Dataset string  `json:"dataset"`
	MeanIoU float64 `json:"miou"`
	// MeanAccuracy and Accuracy are 0 if they were not published.
	MeanAccuracy float64 `json:"macc,omitempty"`
	Accuracy     float64 `json:"aacc,omitempty"`
	// MultiScale says that they are of [segment.MultiScale] and mirrored pictures.
	MultiScale bool `json:"multi_scale,omitempty"`
}

// Comparison says how far a measured mIoU is from one that was published.
type Comparison struct {
	Published
	// NotCompared says why the two cannot be compared; empty if they were. The other fields are about the comparison.
	NotCompared string `json:"not_compared,omitempty"`
	// OtherView says that the publisher's model saw windows, and this one the whole picture.
	OtherView bool `json:"other_view,omitempty"`
	// Apart is by how many points the measured mIoU is above the published one. Nothing says how far other pictures of the same kind would be apart.
	Apart float64 `json:"points_apart"`
}

// knownSets are the data sets of which figures are published: their pictures and classes. Source: open-mmlab/mmsegmentation docs/en/user_guides/2_dataset_prepare.md.
var knownSets = map[string]struct{ images, classes int }{
	"ADE20K validation": {2000, 150},
}

// compareAll returns the comparisons of a summary with all that was published.
func compareAll(s *Summary, h *Header) []Comparison {
	var list []Comparison
	for _, p := range h.Published {
		c := Comparison{Published: p, NotCompared: whyNot(s, h, p)}
		if c.NotCompared == "" {
			c.OtherView, c.Apart = h.View.Recipe.Whole != nil, 100*float64(s.MeanIoU)-p.MeanIoU
		}
		list = append(list, c)
	}
	return list
}

// whyNot returns why a summary cannot be compared with what was published, or "".
func whyNot(s *Summary, h *Header, p Published) string {
	known, ok := knownSets[p.Dataset]
	several := slices.Equal(h.View.Scales, segment.MultiScale) && h.View.Flip
	switch {
	case !ok:
		return "it is not known which pictures " + text.Quote(p.Dataset) + " has"
	case s.Partial != "":
		return "these figures are about " + s.Partial
	case len(s.Unread) > 0:
		return text.Count(len(s.Unread), "picture", "pictures") + " could not be read"
	case s.Images != known.images || len(s.Classes) != known.classes:
		return fmt.Sprintf("%s has %d pictures of %d classes, these are %d of %d", p.Dataset, known.images, known.classes, s.Images, len(s.Classes))
	case p.MultiScale && !several:
		return "it is of several scales and mirrored pictures"
	case !p.MultiScale && (h.View.Scales != nil || h.View.Flip):
		return "it is of one scale without mirrored pictures"
	}
	return ""
}
