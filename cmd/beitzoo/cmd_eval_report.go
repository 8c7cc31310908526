package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/report"
	"github.com/beitzoo/beitzoo/internal/text"
)

// reportFlags say what a page about an evaluation has, and where it goes.
type reportFlags struct {
	output   string
	images   cli.StringSlice
	mistakes int
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
		Usage:     "write an HTML page about an evaluation: by class, confusion, mistakes with their pictures, calibration",
		ArgsUsage: "PREDICTIONS... -o FILE",
		Description: about("Each PREDICTIONS is what `beitzoo eval --predictions FILE` wrote: one file, finished or not, or those of all parts. The page is one file that\n"+
			"loads nothing. The pictures of mistakes are looked for where the evaluation found them, if that is below the working directory, and in the\n"+
			"folders of --images; those that are not found are said.",
			"beitzoo eval report val.jsonl -o val.html --images /data/imagenet/val",
			"beitzoo eval report part-*.jsonl -o val.html --images /data/imagenet/val",
		),
		Flags: c.flags([]cli.Flag{
			outputFlag(&f.output, "write the page to this `FILE`"),
			&cli.StringSliceFlag{Name: "images", Destination: &f.images, Usage: "look for the pictures also in this `FOLDER`; it may be repeated"},
			&cli.IntFlag{
				Name: "mistakes", Destination: &f.mistakes, Value: f.mistakes, Action: between("--mistakes", 0, mostMistakes),
				Usage: "show the `N` most confident mistakes",
			},
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
	if missing := len(result.Missing); missing > 0 {
		c.remark(fmt.Sprintf("%s not in the page, the first because %s: %s; --images FOLDER says where to look",
			text.Count(missing, "picture of a mistake is", "pictures of mistakes are"), result.Missing[0].Error, result.Missing[0].Image))
	}
	return c.result(result, func() {
		if result.Partial != "" {
			c.printf("partial: %s", result.Partial)
		}
		images, mistakes := text.Count(result.Images, "image", "images"), text.Count(result.Mistakes, "mistake", "mistakes")
		c.printf("%s: top-1 %.2f %% of %s, and %s", f.output, 100*result.Share1, images, mistakes)
	})
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
	records := func(yield func(evaluate.Record, error) bool) {
		for _, part := range merged.Parts {
			for record, err := range part.Records() {
				if !yield(record, err) {
					return
				}
			}
		}
	}
	return report.Page{Header: merged.Header, Summary: merged.Summary()}, records, nil
}
