package segmentation

import (
	"math"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/segment"
	"github.com/beitzoo/beitzoo/evaluate"
)

// TestCompareAll: a figure is compared only with one of as many pictures and classes, seen at the same scales.
func TestCompareAll(t *testing.T) {
	t.Parallel()
	single := Published{Origin: "a", Dataset: "ADE20K validation", MeanIoU: 53.61}
	several := single
	several.MultiScale = true
	other := single
	other.Dataset = "pictures of mine"
	for name, c := range map[string]struct {
		change func(s *Summary, h *Header)
		// want are the beginnings of the reasons, of single, several and other; "=" for none.
		want [3]string
	}{
		"one scale":      {func(*Summary, *Header) {}, [3]string{"=", "it is of several scales", "it is not known which pictures"}},
		"several scales": {func(_ *Summary, h *Header) { h.View.Scales, h.View.Flip = segment.MultiScale, true }, [3]string{"it is of one scale", "=", "it is not known"}},
		"flipped":        {func(_ *Summary, h *Header) { h.View.Flip = true }, [3]string{"it is of one scale", "it is of several", "it is not known"}},
		"a part":         {func(s *Summary, _ *Header) { s.Partial = "part 1/2" }, [3]string{"these figures are about part 1/2", "these figures", "it is not"}},
		"few pictures":   {func(s *Summary, _ *Header) { s.Images = 1999 }, [3]string{"ADE20K validation has 2000 pictures of 150 classes, these are 1999 of 150", "ADE20K", "it is not"}},
		"few classes":    {func(s *Summary, _ *Header) { s.Classes = s.Classes[1:] }, [3]string{"ADE20K validation has", "ADE20K", "it is not"}},
		"unread":         {func(s *Summary, _ *Header) { s.Unread = make([]evaluate.Unread, 2) }, [3]string{"2 pictures could not be read", "2 pictures", "it is not"}},
	} {
		s := &Summary{Figures: Figures{MeanIoU: 0.5350}, Images: 2000, Classes: make([]ClassFigures, 150)}
		h := &Header{Published: []Published{single, several, other}}
		c.change(s, h)
		for i, got := range compareAll(s, h) {
			if c.want[i] == "=" && (got.NotCompared != "" || math.Abs(got.Apart+0.11) > 1e-9) || c.want[i] != "=" && !strings.HasPrefix(got.NotCompared, c.want[i]) {
				t.Errorf("%s, figure %d: %+v", name, i, got)
			}
		}
	}
	whole := &Header{Published: []Published{single}, View: View{Recipe: segment.Recipe{Whole: &card.Recipe{}}}}
	if got := compareAll(&Summary{Images: 2000, Classes: make([]ClassFigures, 150)}, whole); !got[0].OtherView {
		t.Errorf("%+v", got)
	}
}
