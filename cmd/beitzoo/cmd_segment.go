package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/beit/segment"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
)

// segmentFlags say how pictures are segmented, and where the maps go.
type segmentFlags struct {
	model    modelFlags
	engine   engineFlags
	zoo      zooFlags
	pictures pictureFlags
	strict   bool
	passFlags
	// recipe is that of package segment.
	recipe           string
	output, overlays string
}

func segmentCommand(c *console) *cli.Command {
	var f segmentFlags
	return &cli.Command{
		Name:      "segment",
		Usage:     "say of each pixel of pictures what it shows",
		ArgsUsage: "MODEL [IMAGE...] -o PNG",
		Description: about("MODEL is a BEiT with UPerNet, in any form that convert reads. The map is a PNG whose samples are the numbers of the classes, from 0, with a palette. An\n"+
			"IMAGE is a file, a folder, a pattern in quotes, or - for a list of paths on standard input; for several, -o is a folder. Without --recipe a picture is\n"+
			"resized and cut into windows as unilm does it; what transformers does is --recipe hf-ade640 (docs/segmentation.md).",
			"beitzoo segment upernet_beit_base.pth street.jpg -o street.classes.png --overlay street.overlay.png",
			"beitzoo segment upernet_beit_base.pth photos/ -o maps/ --multi-scale --flip --json",
		),
		Flags:  c.flags(f.flags()),
		Action: action(func(ctx context.Context, args []string) error { return segmentPictures(ctx, c, args[0], args[1:], f) }),
	}
}

func (f *segmentFlags) flags() []cli.Flag {
	own := []cli.Flag{
		outputFlag(&f.output, "write the map of classes to this `PNG`; for several pictures it is a folder"),
		&cli.PathFlag{
			Name: "overlay", Destination: &f.overlays, Action: notStandardOutput,
			Usage: "draw the classes over the picture, to this `PNG`; for several pictures it is a folder",
		},
		&cli.StringFlag{
			Name: "recipe", Destination: &f.recipe, DefaultText: "that of unilm for windows of the model's size",
			Usage: "prepare pictures by this `RECIPE`: " + strings.Join(segment.RecipeNames(), ", "),
		},
		boolFlag("strict", &f.strict, "stop at the first picture that cannot be read"),
	}
	model := slices.DeleteFunc(f.model.flags(), func(flag cli.Flag) bool {
		return slices.ContainsFunc([]string{"recipe", "problem-type"}, func(name string) bool { return slices.Contains(flag.Names(), name) })
	})
	return slices.Concat(own, f.passFlags.flags(), f.pictures.flags(), model, f.engine.flags(), f.zoo.flags())
}

// segmentResult is what `beitzoo segment --json` prints.
type segmentResult struct {
	Model  string         `json:"model"`
	Recipe segment.Recipe `json:"recipe"`
	// Guess says that nobody stated the recipe.
	Guess  bool           `json:"recipe_guess,omitempty"`
	Scales []float64      `json:"scales,omitempty"`
	Flip   bool           `json:"flip,omitempty"`
	Maps   []segmentedMap `json:"maps"`
	Unread []unreadImage  `json:"unread"`
}

// segmentedMap is a picture that was segmented.
type segmentedMap struct {
	Image   string `json:"image"`
	File    string `json:"file"`
	Overlay string `json:"overlay,omitempty"`
	Width   int    `json:"width"`
	Height  int    `json:"height"`
	Windows int    `json:"windows"`
	// Padded says that a part of a window was outside of the picture.
	Padded bool `json:"padded,omitempty"`
	// Classes are those that the map has, the largest first.
	Classes []classArea `json:"classes"`
}

// classArea is how much of a map is of a class.
type classArea struct {
	Class  int     `json:"class"`
	Label  string  `json:"label,omitempty"`
	Pixels int     `json:"pixels"`
	Share  float64 `json:"share"`
}

func segmentPictures(ctx context.Context, c *console, argument string, images []string, f segmentFlags) error {
	if err := requireOutput(f.output); err != nil {
		return err
	}
	if f.overlays != "" && filepath.Clean(f.overlays) == filepath.Clean(f.output) {
		return &usageError{"-o and --overlay are the same path", "overlays would replace the maps: name another file or folder"}
	}
	how, err := f.options(f.engine.threads)
	if err != nil {
		return err
	}
	list, err := f.pictures.find(ctx, c, images)
	if err != nil {
		return err
	}
	in := &inputs{paths: append([]string{argument, f.pictures.list, f.model.labels, f.model.ownMap, f.model.arch}, list.names...)}
	run := &segmentRun{c: c, strict: f.strict}
	if run.maps, err = mapTargets(f.output, "-o", list, in); err != nil {
		return err
	}
	if f.overlays != "" {
		if run.overlays, err = mapTargets(f.overlays, "--overlay", list, in); err != nil {
			return err
		}
	}
	model, err := f.open(ctx, c, argument, how)
	if err != nil {
		return err
	}
	defer model.Close()
	run.model, run.palette = model, segment.Palette(model.Palette, model.Config().Classes)
	run.result = segmentResult{
		Model: argument, Recipe: model.Recipe(), Guess: model.Assumed, Scales: how.Scales, Flip: how.Flip, Maps: []segmentedMap{}, Unread: []unreadImage{},
	}
	if err := run.all(ctx, list); err != nil {
		return err
	}
	if err := c.result(run.result, func() { run.result.print(c, argument) }); err != nil {
		return err
	}
	return orNone(&run.unread)
}

// open opens the model and loads it into the engine of the flags.
func (f *segmentFlags) open(ctx context.Context, c *console, argument string, how segment.Options) (*beitzoo.Segmenter, error) {
	var options beitzoo.Options
	var err error
	if options.Checkpoint, err = f.model.options(); err != nil {
		return nil, err
	}
	if options.Engine, options.Run, err = f.engine.choose(); err != nil {
		return nil, err
	}
	weights, err := f.zoo.locate(ctx, c, argument)
	if err != nil {
		return nil, err
	}
	return loadSegmenter(ctx, c, weights, f.recipe, how, options)
}

// loadSegmenter loads weights into the engine of the options, and says what was guessed.
func loadSegmenter(ctx context.Context, c *console, weights beitzoo.Weights, recipe string, how segment.Options, options beitzoo.Options) (*beitzoo.Segmenter, error) {
	model, err := beitzoo.LoadSegmenter(ctx, weights, recipe, how, options)
	if err != nil {
		return nil, err
	}
	remarkGuesses(c, model.Source)
	remarkAll(c, model.Notes)
	if model.Assumed {
		c.remark(fmt.Sprintf("nobody states how pictures are prepared; they are as for unilm's models with such windows: --recipe %s", model.Recipe().Name))
	}
	return model, nil
}

// segmentRun segments pictures one after the other.
type segmentRun struct {
	c       *console
	model   *beitzoo.Segmenter
	palette []color.RGBA
	// maps and overlays return where those of a picture go; overlays may be nil.
	maps, overlays func(index int, image string) (string, error)
	result         segmentResult
	strict         bool
	unread         classify.UnreadError
}

func (r *segmentRun) all(ctx context.Context, list *pictureList) error {
	bar := r.c.newCount("segmenting", inImages)
	defer bar.finish()
	for picture, err := range list.images(nil) {
		if err != nil {
			return err
		}
		if err := r.one(ctx, picture); err != nil {
			return err
		}
		r.unread.Total++
		bar.set(int64(r.unread.Total), int64(list.total))
	}
	return nil
}

// one segments a picture; one that cannot be read is noted.
func (r *segmentRun) one(ctx context.Context, picture classify.Image) error {
	file, err := picture.Open()
	var m *segment.Map
	var p *preprocess.RGB8
	if err == nil {
		m, p, err = r.model.File(ctx, file)
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		failure := &preprocess.FileError{Path: picture.Name, Err: err}
		if ctx.Err() != nil || r.strict || errors.As(err, new(segment.NotFiniteError)) {
			return failure
		}
		r.unread.Failures = append(r.unread.Failures, failure)
		r.result.Unread = append(r.result.Unread, unreadOf(failure))
		return nil
	}
	done := segmentedMap{Image: text.Valid(picture.Name), Width: m.Width, Height: m.Height, Windows: m.Windows, Padded: m.Padded}
	if done.File, err = r.write(r.maps, picture.Name, m.Image(r.palette)); err != nil {
		return err
	}
	if r.overlays != nil {
		if done.Overlay, err = r.write(r.overlays, picture.Name, m.Overlay(p, r.palette)); err != nil {
			return err
		}
	}
	for class, pixels := range m.Areas(len(r.palette)) {
		if pixels > 0 {
			area := classArea{Class: class, Pixels: pixels, Share: float64(pixels) / float64(len(m.Classes))}
			if class < len(r.model.Labels) {
				area.Label = r.model.Labels[class]
			}
			done.Classes = append(done.Classes, area)
		}
	}
	slices.SortStableFunc(done.Classes, func(a, b classArea) int { return b.Pixels - a.Pixels })
	r.result.Maps = append(r.result.Maps, done)
	return nil
}

// mapTargets returns where maps or overlays go.
func mapTargets(path, flag string, list *pictureList, in *inputs) (func(index int, image string) (string, error), error) {
	d := &drawings{flag: flag, path: path, what: "a map of `beitzoo segment`", noun: "map", source: segment.ReadSource, in: in}
	return d.targets(list)
}

// write writes what was drawn of the picture at hand.
func (r *segmentRun) write(target func(index int, image string) (string, error), name string, drawn image.Image) (string, error) {
	path, err := target(r.unread.Total, name)
	if err != nil {
		return "", err
	}
	file, err := segment.Encode(drawn, name)
	if err != nil {
		return "", err
	}
	return text.Valid(path), disk.WriteFile(path, file, 0o644)
}

// mostAreas is how many classes are printed for a picture.
const mostAreas = 5

// print prints the result for people.
func (r segmentResult) print(c *console, argument string) {
	c.printf("%s: recipe %s", argument, r.Recipe.Name)
	for _, m := range r.Maps {
		var areas []string
		for _, a := range m.Classes[:min(mostAreas, len(m.Classes))] {
			name := a.Label
			if name == "" {
				name = fmt.Sprintf("class %d", a.Class)
			}
			areas = append(areas, fmt.Sprintf("%s %.1f %%", text.Name(name), 100*a.Share))
		}
		if more := len(m.Classes) - mostAreas; more > 0 {
			areas = append(areas, fmt.Sprintf("%d more", more))
		}
		padded := ""
		if m.Padded {
			padded = "; smaller than a window, which was filled up with zeros"
		}
		c.printf("%s: %s (%s)%s", text.Name(m.Image), text.Name(m.File), strings.Join(areas, ", "), padded)
	}
}
