package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/segmentation"
	"github.com/beitzoo/beitzoo/internal/text"
)

func evalMergeCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "merge",
		Usage:     "add up the predictions of all parts of a data set",
		ArgsUsage: "PREDICTIONS...",
		Description: about("Each PREDICTIONS is what `beitzoo eval --predictions FILE --shard PART` wrote; one that is about the whole may stand alone. The figures are those of\n"+
			"an evaluation of the whole, to the last bit. Parts of other weights, recipes or data are refused, and so are parts that are missing, not finished,\n"+
			"or there twice.",
			"beitzoo eval merge part-*.jsonl",
		),
		Flags:  c.flags(),
		Action: action(func(_ context.Context, args []string) error { return evalMerge(c, args) }),
	}
}

// mergedResult is what `beitzoo eval merge --json` prints.
type mergedResult struct {
	Model  string          `json:"model"`
	Recipe evaluate.Recipe `json:"recipe"`
	*evaluate.Summary
	Provenance provenance `json:"provenance"`
	Parts      []string   `json:"parts"`
}

func evalMerge(c *console, paths []string) error {
	if slices.ContainsFunc(paths, segmentation.IsPredictions) {
		return mergePixels(c, paths)
	}
	merged, err := evaluate.Merge(paths...)
	if err != nil {
		return err
	}
	c.remarkMerged(merged)
	h, summary := merged.Header, merged.Summary()
	parts := make([]string, len(merged.Parts))
	for i, part := range merged.Parts {
		parts[i] = part.Path
	}
	err = c.result(mergedResult{h.Model.Name, h.Recipe, summary, provenanceOf(h, summary, 0), parts}, func() {
		c.printf("%s: recipe %s; %s, %s; %s", h.Model.Name, recipeText(h.Recipe.Recipe, h.Recipe.Name), h.Run.Engine, h.Run.DType, text.Count(len(parts), "part", "parts"))
		printSummary(c, summary)
	})
	return cmp.Or(err, unreadError(summary.Unread, summary.All))
}

// mergedPixels is what `beitzoo eval merge --json` prints for a model for segmentation.
type mergedPixels struct {
	Model string `json:"model"`
	segmentation.View
	*segmentation.Summary
	Provenance pixelProvenance `json:"provenance"`
	Parts      []string        `json:"parts"`
}

// mergePixels is evalMerge for maps of classes.
func mergePixels(c *console, paths []string) error {
	merged, err := segmentation.Merge(paths...)
	if err != nil {
		return err
	}
	c.remarkMergedPixels(merged)
	h, summary := &merged.Header, merged.Summary()
	parts := make([]string, len(merged.Parts))
	for i, part := range merged.Parts {
		parts[i] = part.Path
	}
	err = c.result(mergedPixels{h.Model.Name, h.View, summary, pixelProvenanceOf(h), parts}, func() {
		c.printf("%s: %s; %s, %s; %s", h.Model.Name, viewText(h.View), h.Run.Engine, h.Run.DType, text.Count(len(parts), "part", "parts"))
		c.printf("%s", dataText(h))
		printPixels(c, summary)
	})
	return cmp.Or(err, unreadError(summary.Unread, summary.All), summary.CheckCounted(h.Data.Labelling))
}

// remarkMerged says in what the parts differ although they add up.
func (c *console) remarkMerged(m *evaluate.Merged) {
	remarkVaried(c, "versions", m.Parts, func(p *evaluate.Predictions) string { return p.Header.Version })
	remarkVaried(c, "devices", m.Parts, func(p *evaluate.Predictions) string { return p.Header.Run.Device })
}

// remarkMergedPixels is remarkMerged for maps of classes.
func (c *console) remarkMergedPixels(m *segmentation.Merged) {
	remarkVaried(c, "versions", m.Parts, func(p *segmentation.Predictions) string { return p.Header.Version })
	remarkVaried(c, "devices", m.Parts, func(p *segmentation.Predictions) string { return p.Header.Run.Device })
}

// remarkVaried says that something is not the same in all parts.
func remarkVaried[P any](c *console, what string, parts []P, of func(P) string) {
	var all []string
	for _, part := range parts {
		if value := of(part); !slices.Contains(all, value) {
			all = append(all, value)
		}
	}
	if len(all) > 1 {
		c.remark(fmt.Sprintf("the parts were computed by several %s: %s", what, text.List(all, 8, "")))
	}
}

// unreadError returns the error about images that could not be read when the records were made, or nil.
func unreadError(unread []evaluate.Unread, all int) error {
	if len(unread) == 0 {
		return nil
	}
	err := &classify.UnreadError{Total: all}
	for _, image := range unread {
		err.Failures = append(err.Failures, &preprocess.FileError{Path: image.Image, Err: errdef.New(errdef.ErrInput, image.Error)})
	}
	return err
}
