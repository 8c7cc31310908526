package manifest

import (
	"errors"
	"slices"
	"strconv"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
)

// maxLoss is more than the mean cross-entropy of any model that is worth publishing; one that knows nothing of a million tokens has 14.
const maxLoss = 100

// index returns the path of element i of a list.
func index(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

func (c *checker) origin() {
	paper := c.manifest.Origin.Paper
	if paper == nil {
		return
	}
	if paper.Year < 1950 || paper.Year > 2200 {
		c.report("origin.paper.year", "is not a year")
	}
	c.check("origin.paper.address", checkAddress(paper.Address))
}

func (c *checker) evaluation() {
	c.categories()
	seen := map[string]bool{}
	for i, p := range c.manifest.Preprocessing {
		field := index("preprocessing", i)
		c.unique(join(field, "source"), p.Source, seen)
		c.recipe(join(field, "recipe"), p.Recipe)
	}
	for i, a := range c.manifest.Accuracy {
		c.accuracy(index("accuracy", i), a)
	}
	for i, a := range c.manifest.MaskedAccuracy {
		c.maskedAccuracy(index("masked_accuracy", i), a)
	}
	for i, a := range c.manifest.SegmentationAccuracy {
		c.segmentationAccuracy(index("segmentation_accuracy", i), a)
	}
	c.verdict()
}

func (c *checker) categories() {
	labels := c.manifest.Categories.Labels
	if len(labels) > 0 && len(labels) != c.manifest.Categories.Count {
		c.report("categories.labels", "has %d labels for %d categories", len(labels), c.manifest.Categories.Count)
	}
	// Nobody takes names from a published manifest whose set has another size: that is no reason to refuse it.
	if known := c.manifest.Categories.known(); known != nil && c.unpublished && len(labels) == 0 && known.Len() != c.manifest.Categories.Count {
		c.report("categories.set", "is %s, which has %d classes, for %d categories", known.Name(), known.Len(), c.manifest.Categories.Count)
	}
	if palette := c.manifest.Categories.Palette; len(palette) > 0 {
		if problem := card.PaletteProblem(palette, c.manifest.Categories.Count); problem != "" {
			c.report("categories.palette", "%s", problem)
		}
	}
	for i, label := range labels {
		if problem := card.LabelProblem(label); problem != "" {
			c.report(index("categories.labels", i), "%s", problem)
		}
	}
	if problem := string(c.manifest.Categories.Problem); problem != "" && !slices.Contains(card.Problems(), problem) {
		c.report("categories.problem_type", "is %.40q; %s", problem, suggest.Short(problem, card.Problems()))
	}
}

// recipe checks a recipe: that it is valid, that it makes images of the size that the architecture takes, and that it neither enlarges them nor discards
// most of them.
func (c *checker) recipe(field string, r card.Recipe) {
	var invalid *card.RecipeError
	if errors.As(r.Validate(), &invalid) {
		c.fields(field, invalid.Problems)
	}
	if c.config.Depth > 0 && (r.Crop != c.config.ImageHeight || r.Crop != c.config.ImageWidth) {
		c.report(join(field, "crop"), "is %d, the architecture takes %d x %d pixels", r.Crop, c.config.ImageHeight, c.config.ImageWidth)
	}
	if r.ResizeTo < r.Crop || r.ResizeTo > 4*r.Crop {
		c.report(join(field, "resize_to"), "is %d, which does not fit a crop of %d", r.ResizeTo, r.Crop)
	}
}

func (c *checker) accuracy(field string, a Accuracy) {
	if !(a.Top1 > 0 && a.Top1 <= 100) {
		c.report(join(field, "top1"), "is not a percentage")
	}
	if a.Top5 != 0 && !(a.Top5 >= a.Top1 && a.Top5 <= 100) {
		c.report(join(field, "top5"), "is not a percentage of at least top1")
	}
	if a.CropRatio != 0 && !(a.CropRatio > 0 && a.CropRatio <= 1) {
		c.report(join(field, "crop_ratio"), "is outside of 0 to 1")
	}
}

func (c *checker) maskedAccuracy(field string, a MaskedAccuracy) {
	if !(a.Percent > 0 && a.Percent <= 100) {
		c.report(join(field, "percent"), "is not a percentage")
	}
	if a.Rounding != 0 && !(a.Rounding > 0 && a.Rounding <= a.Percent) {
		c.report(join(field, "rounding"), "is not a number of points of at most percent")
	}
	if a.Loss != 0 && !(a.Loss > 0 && a.Loss <= maxLoss) {
		c.report(join(field, "loss"), "is not a cross-entropy")
	}
}

func (c *checker) segmentationAccuracy(field string, a SegmentationAccuracy) {
	if !(a.MIoU > 0 && a.MIoU <= 100) {
		c.report(join(field, "miou"), "is not a percentage")
	}
	if a.MAcc != 0 && !(a.MAcc >= a.MIoU && a.MAcc <= 100) {
		c.report(join(field, "macc"), "is not a percentage of at least miou")
	}
	if a.AAcc != 0 && !(a.AAcc > 0 && a.AAcc <= 100) {
		c.report(join(field, "aacc"), "is not a percentage")
	}
}

func (c *checker) recordings() {
	seen := map[string]bool{}
	for i, r := range c.manifest.Recordings {
		field := index("recordings", i)
		c.check(join(field, "name"), CheckName(r.Name))
		c.unique(join(field, "name"), r.Name, seen)
		c.floating(join(field, "dtype"), r.DType)
		c.digest(join(field, "digest"), r.Digest)
		if r.Address != "" {
			c.check(join(field, "address"), checkAddress(r.Address))
		}
		c.size(join(field, "size"), r.Size, maxRecording)
	}
}

func (c *checker) verdict() {
	v := c.manifest.Verdict
	if v == nil {
		return
	}
	c.floating("verdict.dtype", v.DType)
	named := func(r Recording) bool { return r.Name == v.Recording }
	if v.Recording != "" && !slices.ContainsFunc(c.manifest.Recordings, named) {
		c.report("verdict.recording", "%q is not one of the recordings", text.Shorten(v.Recording, 40))
	}
	if !(v.MaxAbs >= 0) || !(v.Tolerance > 0) {
		c.report("verdict.max_abs", "is negative, or the tolerance is not above zero")
	} else if v.Verified && v.MaxAbs > v.Tolerance {
		c.report("verdict.verified", "contradicts max_abs, which is above the tolerance")
	}
}

func (c *checker) assumed() {
	seen := map[string]bool{}
	words := make([]string, len(Assumable()))
	for i, item := range Assumable() {
		words[i] = string(item)
	}
	for i, item := range c.manifest.Assumed {
		field := index("assumed", i)
		c.oneOf(field, string(item), words)
		c.unique(field, string(item), seen)
		if item == card.Preparing && len(c.manifest.Preprocessing) == 0 {
			c.report(field, "there is no recipe that could be a guess")
		}
	}
}
