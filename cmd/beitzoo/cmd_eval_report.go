package main

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/report"
	"github.com/beitzoo/beitzoo/evaluate/segmentation"
	"github.com/beitzoo/beitzoo/internal/text"
)

// reportFlags say what a page about an evaluation has, and where it goes.
type reportFlags struct {
	output         string
	images, labels cli.StringSlice
	mistakes       int
}

// usualMistakes is how many mistakes a page shows, and mostMistakes the most: each has a picture in the page.
const (
	usualMistakes = 24
	mostMistakes  = 1000
)

func evalReportCommand(c *console) *cli.Command {
	f := reportFlags{mistakes: usualMistakes}
	return &cli.Command{
		Name:      "report",
		Usage:     "write an HTML page about an evaluation: by class, confusion, mistakes or the worst maps with their pictures, calibration",
		ArgsUsage: "PREDICTIONS... -o FILE",
		Description: about("Each PREDICTIONS is what `beitzoo eval --predictions FILE` wrote: one file, finished or not, or those of all parts. The page is one file that\n"+
			"loads nothing. The pictures of mistakes are looked for where the evaluation found them, if that is below the working directory, and in the\n"+
			"folders of --images, and labels in those of --labels-dir; those that are not found are said.",
			"beitzoo eval report val.jsonl -o val.html --images /data/imagenet/val",
			"beitzoo eval report part-*.jsonl -o val.html --images /data/imagenet/val",
			"beitzoo eval report ade.jsonl -o ade.html --images /data/ade/images/validation --labels-dir /data/ade/annotations/validation",
		),
		Flags: c.flags([]cli.Flag{
			outputFlag(&f.output, "write the page to this `FILE`"),
			&cli.StringSliceFlag{Name: "images", Destination: &f.images, Usage: "look for the pictures also in this `FOLDER`; it may be repeated"},
			&cli.IntFlag{
				Name: "mistakes", Destination: &f.mistakes, Value: f.mistakes, Action: between("--mistakes", 0, mostMistakes),
				Usage: "show the `N` most confident mistakes, or the pictures with the lowest mIoU",
			},
			&cli.StringSliceFlag{Name: "labels-dir", Destination: &f.labels, Usage: "look for the labels of pixels also in this `FOLDER`; it may be repeated"},
		}),
		Action: action(func(ctx context.Context, args []string) error { return evalReport(ctx, c, args, f) }),
	}
}

// reportResult is what `beitzoo eval report --json` prints.
type reportResult struct {
	Report string `json:"report"`
	evaluate.Accuracy
	Partial  string `json:"partial,omitempty"`
	Mistakes int    `json:"mistakes_shown"`
	// Missing are the pictures of shown mistakes that were not found.
	Missing []unreadImage `json:"pictures_missing"`
}

func evalReport(ctx context.Context, c *console, paths []string, f reportFlags) error {
	if err := required("output", "FILE", f.output); err != nil {
		return err
	}
	for _, path := range paths {
		if samePlace(path, f.output) {
			return &usageError{"-o and PREDICTIONS name the same file, " + text.Quote(f.output), "give the page another name"}
		}
	}
	if err := report.CheckTarget(f.output); err != nil {
		return err
	}
	if slices.ContainsFunc(paths, segmentation.IsPredictions) {
		return reportPixels(ctx, c, paths, f)
	}
	if len(words(f.labels)) > 0 {
		return &usageError{"--labels-dir is for predictions of maps of classes, and these are of classes of images", "leave it out"}
	}
	page, records, err := readEvaluation(c, paths)
	if err != nil {
		return err
	}
	if page.Mistakes, err = report.Mistakes(records, f.mistakes); err != nil {
		return err
	}
	finder := report.Finder{Header: page.Header, Folders: words(f.images)}
	if err := finder.Find(ctx, page.Mistakes); err != nil {
		return err
	}
	page.Parts, page.Command = paths, commandText(c.args)
	page.Recipe = recipeText(page.Header.Recipe.Recipe, page.Header.Recipe.Name)
	if err := report.WriteHTML(f.output, page); err != nil {
		return err
	}
	result := reportResult{Report: f.output, Accuracy: page.Summary.Accuracy, Partial: page.Summary.Partial, Mistakes: len(page.Mistakes), Missing: []unreadImage{}}
	for _, m := range page.Mistakes {
		if m.Missing != "" {
			result.Missing = append(result.Missing, unreadImage{m.Image, m.Missing})
		}
	}
	c.remarkMissing(result.Missing, "picture of a mistake is", "pictures of mistakes are", "--images FOLDER says")
	return c.result(result, func() {
		if result.Partial != "" {
			c.printf("partial: %s", result.Partial)
		}
		images, mistakes := text.Count(result.Images, "image", "images"), text.Count(result.Mistakes, "mistake", "mistakes")
		c.printf("%s: top-1 %.2f %% of %s, and %s", f.output, 100*result.Share1, images, mistakes)
	})
}

// remarkMissing says which files are not in a page. flags say where to look.
func (c *console) remarkMissing(missing []unreadImage, one, many, flags string) {
	if len(missing) > 0 {
		c.remark(fmt.Sprintf("%s not in the page, the first because %s: %s; %s where to look", text.Count(len(missing), one, many), missing[0].Error, missing[0].Image, flags))
	}
}

// pixelReportResult is what `beitzoo eval report --json` prints about maps of classes.
type pixelReportResult struct {
	Report string `json:"report"`
	segmentation.Figures
	Images  int    `json:"images"`
	Partial string `json:"partial,omitempty"`
	Worst   int    `json:"pictures_shown"`
	// Missing are the pictures and labels of those that were not found.
	Missing []unreadImage `json:"pictures_missing"`
}

// reportPixels is evalReport for maps of classes.
func reportPixels(ctx context.Context, c *console, paths []string, f reportFlags) error {
	page, records, err := readPixels(c, paths)
	if err != nil {
		return err
	}
	h := &page.Header
	if page.Worst, err = report.Worst(records, h.Model.Config.Classes, f.mistakes); err != nil {
		return err
	}
	finder := report.PixelFinder{Header: *h, Images: words(f.images), Labels: words(f.labels)}
	if err := finder.Find(ctx, page.Worst); err != nil {
		return err
	}
	page.Parts, page.Command, page.View, page.Labelling = paths, commandText(c.args), viewText(h.View), meaningText(h.Data.Labelling)
	if err := report.WritePixelHTML(f.output, page); err != nil {
		return err
	}
	s := page.Summary
	result := pixelReportResult{Report: f.output, Figures: s.Figures, Images: s.Images, Partial: s.Partial, Worst: len(page.Worst), Missing: []unreadImage{}}
	for _, w := range page.Worst {
		for _, file := range []unreadImage{{w.Image, w.Missing}, {w.Labels, w.TruthMissing}, {w.Image, w.MapMissing}} {
			if file.Error != "" {
				result.Missing = append(result.Missing, file)
			}
		}
	}
	c.remarkMissing(result.Missing, "picture or file of labels is", "pictures or files of labels are", "--images FOLDER and --labels-dir FOLDER say")
	return c.result(result, func() {
		if result.Partial != "" {
			c.printf("partial: %s", result.Partial)
		}
		c.printf("%s: mIoU %s of %s, and the %d worst", f.output, shareText(s.MeanIoU), text.Count(s.Images, "picture", "pictures"), result.Worst)
	})
}

// readPixels reads one file of predictions, or those of all parts.
func readPixels(c *console, paths []string) (report.PixelPage, iter.Seq2[segmentation.Record, error], error) {
	if len(paths) == 1 {
		p, err := segmentation.ReadPredictions(paths[0])
		if err != nil {
			return report.PixelPage{}, nil, err
		}
		return report.PixelPage{Header: p.Header, Summary: p.Summary()}, p.Records(), nil
	}
	merged, err := segmentation.Merge(paths...)
	if err != nil {
		return report.PixelPage{}, nil, err
	}
	c.remarkMergedPixels(merged)
	return report.PixelPage{Header: merged.Header, Summary: merged.Summary()}, allRecords(merged.Parts, (*segmentation.Predictions).Records), nil
}

// allRecords yields the records of all parts.
func allRecords[P, R any](parts []P, records func(P) iter.Seq2[R, error]) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		for _, part := range parts {
			for record, err := range records(part) {
				if !yield(record, err) {
					return
				}
			}
		}
	}
}

// readEvaluation reads one file of predictions, or those of all parts.
func readEvaluation(c *console, paths []string) (report.Page, iter.Seq2[evaluate.Record, error], error) {
	if len(paths) == 1 {
		p, err := evaluate.ReadPredictions(paths[0])
		if err != nil {
			return report.Page{}, nil, err
		}
		return report.Page{Header: p.Header, Summary: p.Summary()}, p.Records(), nil
	}
	merged, err := evaluate.Merge(paths...)
	if err != nil {
		return report.Page{}, nil, err
	}
	c.remarkMerged(merged)
	return report.Page{Header: merged.Header, Summary: merged.Summary()}, allRecords(merged.Parts, (*evaluate.Predictions).Records), nil
}
