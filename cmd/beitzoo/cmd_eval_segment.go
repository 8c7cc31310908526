package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/segment"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/segmentation"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

// pixelFlags say which pictures and labels a model for segmentation is evaluated on, and what it sees of a picture.
type pixelFlags struct {
	passFlags
	labelsFolder, split, reduce string
	// ignore is notGiven unless the flag is given.
	ignore   int
	unpaired bool
}

// notGiven is the value of a flag for a number of 0 or more that is not given.
const notGiven = -1

// The words of --reduce-zero-label.
const (
	switchOn  = "on"
	switchOff = "off"
)

func (f *pixelFlags) flags() []cli.Flag {
	f.ignore = notGiven
	own := []cli.Flag{
		&cli.PathFlag{
			Name: "labels-dir", Destination: &f.labelsFolder, DefaultText: "that of the layout",
			Usage: "the labels of the pictures in DATA are in this `FOLDER`, as PNG files of the same names",
		},
		&cli.StringFlag{Name: "split", Destination: &f.split, DefaultText: "validation or val, or the only one", Usage: "evaluate the split `NAME` of a data set"},
		&cli.StringFlag{
			Name: "reduce-zero-label", Destination: &f.reduce, DefaultText: "on for the layout of ADE20K", Action: checkSwitch("--reduce-zero-label"),
			Usage: "`SWITCH` on: 0 in labels is unlabelled, and 1 the first class; off: 0 is the first class",
		},
		&cli.IntFlag{
			Name: "ignore-index", Destination: &f.ignore, Value: f.ignore, DefaultText: fmt.Sprint(segmentation.UsualIgnored), Action: between("--ignore-index", 0, 255),
			Usage: "pixels whose label is this `NUMBER` do not count",
		},
		boolFlag("allow-unpaired", &f.unpaired, "leave out pictures without labels, and labels without a picture"),
	}
	own = append(own, f.passFlags.flags()...)
	for _, flag := range own {
		setCategory(flag, segmentationSection)
	}
	return own
}

// checkSwitch is the check of a flag that is on or off.
func checkSwitch(called string) func(*cli.Context, string) error {
	return func(_ *cli.Context, value string) error {
		if value == switchOn || value == switchOff {
			return nil
		}
		words := []string{switchOn, switchOff}
		return &usageError{fmt.Sprintf("%s %s is neither %s nor %s", called, text.Quote(value), switchOn, switchOff), suggest.Hint(suggest.Nearest(value, words), words)}
	}
}

// given returns the first of the flags that is given, or an empty text.
func (f *pixelFlags) given() string {
	return firstGiven([]namedFlag{
		{"--labels-dir", f.labelsFolder != ""},
		{"--split", f.split != ""},
		{"--reduce-zero-label", f.reduce != ""},
		{"--ignore-index", f.ignore != notGiven},
		{"--allow-unpaired", f.unpaired},
		{"--scales", f.scales != ""},
		{"--multi-scale", f.multi},
		{"--flip", f.flip},
	})
}

// namedFlag is a flag, and whether it is given.
type namedFlag struct {
	name  string
	given bool
}

func firstGiven(flags []namedFlag) string {
	for _, f := range flags {
		if f.given {
			return f.name
		}
	}
	return ""
}

// classesOnly returns the first flag that says something about models that classify whole pictures, or an empty text.
func (f *evalFlags) classesOnly() string {
	d, m := f.data, f.classifier
	return firstGiven([]namedFlag{
		{"--truth", d.truth != ""},
		{"--root", d.root != ""},
		{"--class-map", d.classMap != ""},
		{"--match", d.match != ""},
		{"--among", d.among != ""},
		{"--real-labels", d.real != ""},
		{"--exif", m.exif},
		{"--problem-type", m.model.problem != ""},
		{"--batch", f.run.batch != 0},
		{"--workers", f.run.workers != 0},
	})
}

// labelling returns what labels mean, by the flags or by the layout.
func (f *pixelFlags) labelling(d *segmentation.Data) (segmentation.Labelling, error) {
	l := d.Labelling()
	if f.reduce != "" {
		l.ReduceZeroLabel = f.reduce == switchOn
	}
	if f.ignore != notGiven {
		l.IgnoreIndex = f.ignore
	}
	if l.ReduceZeroLabel && l.IgnoreIndex != segmentation.UsualIgnored {
		return l, &usageError{
			fmt.Sprintf("--ignore-index %d does not go with the reduction of labels, which makes %d of what does not count", l.IgnoreIndex, segmentation.UsualIgnored),
			"leave it out, or add --reduce-zero-label off",
		}
	}
	return l, nil
}

// meaningText says what labels mean.
func meaningText(l segmentation.Labelling) string {
	said := "0 is the first class"
	if l.ReduceZeroLabel {
		said = "0 is unlabelled, 1 the first class"
	}
	return fmt.Sprintf("%s; %d is ignored", said, l.IgnoreIndex)
}

// labellingText says what labels mean, and who says it.
func (f *pixelFlags) labellingText(h *segmentation.Header) string {
	source := fmt.Sprintf("as in %s", h.Data.Layout)
	switch {
	case f.reduce != "":
		source = "--reduce-zero-label"
	case h.Data.Layout == segmentation.Parallel:
		source = "nobody states it; --reduce-zero-label"
	}
	return fmt.Sprintf("labels: %s (%s)", meaningText(h.Data.Labelling), source)
}

// pixelEvaluation is an evaluation of maps of classes that runs.
type pixelEvaluation struct {
	*console
	model    *beitzoo.Segmenter
	data     *segmentation.Data
	header   segmentation.Header
	flags    *evalFlags
	log      *segmentation.Log
	contents segmentation.Contents
}

// evalPixels evaluates a model for segmentation.
func evalPixels(ctx context.Context, c *console, argument string, sources []string, weights beitzoo.Weights, part evaluate.Shard, f *evalFlags) error {
	if name := f.classesOnly(); name != "" {
		return &usageError{name + " is for models that classify, and " + text.Name(argument) + " says of each pixel what it shows", "leave it out (docs/evaluation.md)"}
	}
	if len(sources) != 1 {
		return &usageError{fmt.Sprintf("%d data sets are named", len(sources)), "name one folder of pictures; --labels-dir FOLDER says where their labels are"}
	}
	data, err := segmentation.Open(ctx, sources[0], segmentation.Options{LabelsFolder: f.pixels.labelsFolder, Split: f.pixels.split, Unpaired: f.pixels.unpaired})
	if missing := (*fs.PathError)(nil); errors.As(err, &missing) && errors.Is(err, fs.ErrNotExist) && missing.Path == sources[0] {
		return &missingError{labelledFolder, err}
	}
	if err != nil {
		return err
	}
	remarkAll(c, data.Notes())
	e := &pixelEvaluation{console: c, data: data, flags: f}
	if err := e.open(ctx, argument, weights, part); err != nil {
		return err
	}
	defer e.model.Close()
	bar := c.newCount("checking labels", inImages)
	d := e.header.Data
	e.contents, err = data.Check(ctx, part, e.header.Model.Config.Classes, d.Labelling, e.header.View.Upright(), func(done int) { bar.set(int64(done), int64(e.pictures())) })
	bar.finish()
	if err != nil {
		return err
	}
	if f.data.dryRun {
		return e.plan()
	}
	return e.evaluate(ctx)
}

// open loads the model, and says in the header what runs.
func (e *pixelEvaluation) open(ctx context.Context, argument string, weights beitzoo.Weights, part evaluate.Shard) error {
	f := e.flags
	how, err := f.pixels.options(f.classifier.engine.threads)
	if err != nil {
		return err
	}
	labelling, err := f.pixels.labelling(e.data)
	if err != nil {
		return err
	}
	known := f.classifier
	known.model.recipe, known.digest = "", true
	options, err := known.options()
	if err != nil {
		return err
	}
	if e.model, err = loadSegmenter(ctx, e.console, weights, f.classifier.model.recipe, how, options); err != nil {
		return err
	}
	e.header = segmentation.HeaderFor(e.model.Segmenter, e.data, labelling, part)
	e.header.Model.Name, e.header.Model.Digest, e.header.Model.Labels = argument, e.model.Digest, e.model.Labels
	e.header.Model.Palette = e.model.Palette
	e.header.View.Scales, e.header.View.Flip = how.Scales, how.Flip
	e.header.Run = runOf(options.Engine, options.Run)
	e.header.Version = version().Version
	if e.model.Entry != nil {
		e.header.Published = publishedPixels(&e.model.Entry.Manifest)
	}
	return nil
}

// publishedPixels returns the figures that a manifest has.
func publishedPixels(m *manifest.Manifest) []segmentation.Published {
	var list []segmentation.Published
	for _, a := range m.SegmentationAccuracy {
		list = append(list, segmentation.Published{Origin: a.Origin, Dataset: a.Dataset, MultiScale: a.MultiScale, MeanIoU: a.MIoU, MeanAccuracy: a.MAcc, Accuracy: a.AAcc})
	}
	return list
}

// pictures returns the number of pictures of the part.
func (e *pixelEvaluation) pictures() int { return e.header.Data.Shard.Count(e.data.Len()) }

// pixelPlan is what `beitzoo eval --dry-run --json` prints for a model for segmentation.
type pixelPlan struct {
	pixelFacts
	Data  segmentation.Description `json:"data"`
	Notes []string                 `json:"notes"`
	// Pictures is the number of those of the part.
	Pictures int `json:"images"`
}

// plan says what would be evaluated.
func (e *pixelEvaluation) plan() error {
	plan := pixelPlan{e.facts(), e.header.Data, append([]string{}, e.data.Notes()...), e.pictures()}
	if e.flags.run.predictions != "" {
		e.remark(text.Quote(e.flags.run.predictions) + " is neither written nor compared with the data: nothing is run (--dry-run)")
	}
	return e.result(plan, func() {
		e.printHead()
		e.printf("would evaluate %s; nothing was run (--dry-run)", text.Count(plan.Pictures, "picture", "pictures"))
	})
}

// pixelFacts are what is said about the model and what it sees.
type pixelFacts struct {
	Model string `json:"model"`
	segmentation.View
	// Guess says that nobody stated the recipe.
	Guess bool `json:"recipe_guess,omitempty"`
}

func (e *pixelEvaluation) facts() pixelFacts {
	return pixelFacts{e.header.Model.Name, e.header.View, e.model.Assumed}
}

func (e *pixelEvaluation) printHead() {
	e.printf("%s: %s", e.header.Model.Name, viewText(e.header.View))
	e.printf("%s", dataText(&e.header))
	e.printf("%s", e.flags.pixels.labellingText(&e.header))
}

// viewText says what a model sees of a picture.
func viewText(v segmentation.View) string {
	said := "recipe " + v.Recipe.Name
	if v.Scales != nil {
		scales := make([]string, len(v.Scales))
		for i, scale := range v.Scales {
			scales[i] = fmt.Sprint(scale)
		}
		said += ", scales " + strings.Join(scales, " ")
	}
	if v.Flip {
		said += ", mirrored pictures, too"
	}
	return said
}

// dataText says which pictures they are.
func dataText(h *segmentation.Header) string {
	split := ""
	if h.Data.Split != "" {
		split = ", split " + text.Name(h.Data.Split)
	}
	return fmt.Sprintf("data %s: %s%s, %s, %s", text.Name(h.Data.Source), h.Data.Layout, split, text.Count(h.Data.Images, "picture", "pictures"),
		text.Count(h.Model.Config.Classes, "class", "classes"))
}

// pixelResult is what `beitzoo eval --json` prints for a model for segmentation.
type pixelResult struct {
	pixelFacts
	*segmentation.Summary
	Provenance pixelProvenance `json:"provenance"`
}

// pixelProvenance says what a figure depends on: with the view, that is all.
type pixelProvenance struct {
	Weights      string                   `json:"weights_digest"`
	Architecture arch.Config              `json:"architecture"`
	Run          evaluate.Run             `json:"run"`
	Data         segmentation.Description `json:"data"`
	Version      string                   `json:"version"`
}

func pixelProvenanceOf(h *segmentation.Header) pixelProvenance {
	return pixelProvenance{h.Model.Digest, h.Model.Config, h.Run, h.Data, h.Version}
}

// evaluate runs the evaluation and prints its result, also if it was interrupted: then it says that it is a part.
func (e *pixelEvaluation) evaluate(ctx context.Context) error {
	if path := e.flags.run.predictions; path != "" {
		var err error
		if e.log, err = segmentation.OpenLog(path, e.header); err != nil {
			return err
		}
		e.remarkResumed(path, e.log)
	}
	bar := e.newCount("segmenting", inImages)
	summary, err := segmentation.Evaluate(ctx, e.model.Segmenter, e.data, segmentation.RunOptions{
		Header: e.header, Log: e.log, Contents: e.contents, Strict: e.flags.classifier.strict, Progress: bar.setSegmentation,
	})
	bar.finish()
	if e.log != nil {
		err = errors.Join(err, e.log.Close())
	}
	unread, err := ofUnread(err)
	e.remarkGoesOn(err, e.log != nil, summary.All)
	if err != nil && (!errors.Is(err, context.Canceled) || summary.All == 0) {
		return err
	}
	printed := e.result(pixelResult{e.facts(), summary, pixelProvenanceOf(&e.header)}, func() {
		e.printHead()
		printPixels(e.console, summary)
	})
	return cmp.Or(err, printed, unread, summary.CheckCounted(e.header.Data.Labelling))
}

// mostClassesPrinted is how many classes are all printed; of more, so many as fewClassesPrinted with the lowest IoU.
const mostClassesPrinted, fewClassesPrinted = 20, 10

// printPixels prints the figures of an evaluation.
func printPixels(c *console, s *segmentation.Summary) {
	if s.Partial != "" {
		c.printf("partial: %s", s.Partial)
	}
	read := ""
	if len(s.Unread) > 0 {
		read = " read"
	}
	c.printf("mIoU %s, mAcc %s, aAcc %s (%s%s)", shareText(s.MeanIoU), shareText(s.MeanAccuracy), shareText(s.Accuracy), text.Count(s.Images, "picture", "pictures"), read)
	if all := s.Pixels + s.Ignored; all > 0 {
		c.printf("%d pixels count, %d (%.1f %%) are ignored", s.Pixels, s.Ignored, 100*float64(s.Ignored)/float64(all))
	}
	if s.Padded > 0 {
		c.printf("%s smaller than a window, which was filled up with zeros", text.Count(s.Padded, "picture is", "pictures are"))
	}
	printPixelComparisons(c, s.Comparisons)
	printPixelClasses(c, s.Classes)
}

func shareText(s segmentation.Share) string {
	if !s.Known() {
		return "-"
	}
	return fmt.Sprintf("%.2f %%", 100*float64(s))
}

// printPixelClasses prints a table by class.
func printPixelClasses(c *console, all []segmentation.ClassFigures) {
	shown := slices.DeleteFunc(slices.Clone(all), func(f segmentation.ClassFigures) bool { return !f.IoU.Known() })
	if absent := len(all) - len(shown); absent > 0 {
		c.printf("%s neither in the labels nor in the maps, and count in no mean", text.Count(absent, "class is", "classes are"))
	}
	if len(shown) == 0 {
		return
	}
	if len(shown) > mostClassesPrinted {
		slices.SortStableFunc(shown, func(a, b segmentation.ClassFigures) int { return cmp.Compare(a.IoU, b.IoU) })
		c.printf("the %d classes with the lowest IoU (--json has all):", fewClassesPrinted)
		shown = shown[:fewClassesPrinted]
	}
	rows := [][]string{{"class", "IoU", "Acc", "pixels"}}
	for _, f := range shown {
		rows = append(rows, []string{className(f.Class, f.Label), shareText(f.IoU), shareText(f.Accuracy), fmt.Sprint(f.Labelled)})
	}
	c.printTable(rows, 0)
}

// className returns what a class is called, or its number.
func className(class int, label string) string {
	if label == "" {
		return fmt.Sprintf("class %d", class)
	}
	return text.Shorten(label, 60)
}

// printPixelComparisons says how measured and published figures compare, and once each reason why they can't be compared.
func printPixelComparisons(c *console, list []segmentation.Comparison) {
	var reasons []string
	for _, p := range list {
		switch {
		case p.NotCompared == "":
			where := "above"
			if p.Apart < 0 {
				where = "below"
			}
			view := ""
			if p.OtherView {
				view = "; the publisher's model saw windows, not the whole picture"
			}
			c.printf("published mIoU %g %% (%s): this is %.2f points %s%s", p.MeanIoU, p.Origin, max(p.Apart, -p.Apart), where, view)
		case !slices.Contains(reasons, p.NotCompared):
			reasons = append(reasons, p.NotCompared)
			c.printf("not compared with the mIoU of %g %% that was published: %s", p.MeanIoU, p.NotCompared)
		}
	}
}

// isSegmentRecipe reports whether a recipe is one of package segment, which the names of others are not.
func isSegmentRecipe(name string) bool { return slices.Contains(segment.RecipeNames(), name) }
