package evaluate

import (
	"fmt"
	"math"

	"github.com/beitzoo/beitzoo/internal/text"
)

// Comparison says whether a measured top-1 accuracy agrees with one that was published.
type Comparison struct {
	Published
	// NotCompared says why the two cannot be compared; empty if they were. The other fields are about the comparison.
	NotCompared string `json:"not_compared,omitempty"`
	// OtherRecipe reports that the publisher prepared the images in another way. If the publisher's recipe is not known, it is false.
	OtherRecipe bool `json:"other_recipe,omitempty"`
	// Agrees reports that the published accuracy is in the 95 % interval of the measured one.
	Agrees bool `json:"agrees"`
	// StandardErrors is by how many standard errors of such a sample the measured accuracy is above the published one.
	StandardErrors float64 `json:"standard_errors"`
	// Apart is by how many images it is above: on the same images a faithful copy is a few apart, with the same recipe and another decoder.
	Apart int `json:"images_apart"`
}

// knownSets are the data sets for which accuracies are published: their images, classes, and the images of each class, or 0 if these differ. Sources: the
// devkit of ILSVRC2012; Harley, Ufkes and Derpanis 2015 (RVL-CDIP); manifests/digits_p16_64.yaml.
var knownSets = map[string]struct{ images, classes, each int }{
	"ImageNet-1k validation": {50_000, 1000, 50},
	"RVL-CDIP test":          {40_000, 16, 0},
	"the 360 test pictures":  {360, 10, 0},
}

// compare returns the comparisons of a summary with all that was published.
func compare(s *Summary, h Header) []Comparison {
	var list []Comparison
	for _, p := range h.Published {
		c := Comparison{Published: p, NotCompared: whyNot(s, h, p.Dataset)}
		if c.NotCompared == "" {
			share := p.Top1 / 100
			c.OtherRecipe = p.Recipe != nil && *p.Recipe != h.Recipe.Recipe
			c.Agrees = s.Interval1.Low <= share && share <= s.Interval1.High
			c.Apart = s.Top1 - int(math.Round(share*float64(s.Images)))
			if share > 0 && share < 1 {
				c.StandardErrors = (s.Share1 - share) / math.Sqrt(share*(1-share)/float64(s.Images))
			}
		}
		list = append(list, c)
	}
	return list
}

// whyNot returns why a summary cannot be compared with what was published for a data set, or "".
func whyNot(s *Summary, h Header, name string) string {
	known, ok := knownSets[name]
	switch {
	case !ok:
		return "it is not known which images " + text.Quote(name) + " has"
	case s.Partial != "":
		return "these figures are about " + s.Partial
	case len(s.Unread) > 0:
		return text.Count(len(s.Unread), "image", "images") + " could not be read"
	case h.Data.Candidates != nil:
		return fmt.Sprintf("the answers were sought among %d of %d classes", len(h.Data.Candidates), h.Model.Config.Classes)
	case s.Images != known.images || len(s.Classes) != known.classes || known.classes != h.Model.Config.Classes:
		return fmt.Sprintf("%s has %d images of %d classes, these are %d of %d", name, known.images, known.classes, s.Images, len(s.Classes))
	}
	for _, class := range s.Classes {
		if known.each > 0 && class.Images != known.each {
			return fmt.Sprintf("%s has %d images of each class, these are %d of class %d", name, known.each, class.Images, class.Class)
		}
	}
	return ""
}
