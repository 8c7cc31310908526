package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

// streamFlags say how many images are in the works at once.
type streamFlags struct{ batch, workers int }

// maxBatch is more images than any machine takes at once.
const maxBatch = 1 << 14

func (f *streamFlags) flags() []cli.Flag {
	batch := countFlag("batch", &f.batch, fmt.Sprintf("%d, on a GPU %d", classify.DefaultBatchSize, gpuBatch), "run `N` images through the model at once")
	batch.Action = between("--batch", 1, maxBatch)
	workers := countFlag("workers", &f.workers, "all cores", "read and decode `N` images at once, while the model computes")
	workers.Action = between("--workers", 1, maxThreads)
	return []cli.Flag{batch, workers}
}

// gpuBatch is the batch on a GPU without --batch: it computes many images in the time of a few.
const gpuBatch = 64

// size returns how many images go through a model on a device at once.
func (f *streamFlags) size(device string) int {
	if f.batch == 0 && strings.HasPrefix(device, "cuda") {
		return gpuBatch
	}
	return cmp.Or(f.batch, classify.DefaultBatchSize)
}

// evalRunFlags say how an evaluation runs, and what it leaves.
type evalRunFlags struct {
	streamFlags
	predictions, shard string
}

func (f *evalRunFlags) flags() []cli.Flag {
	return append([]cli.Flag{
		&cli.PathFlag{
			Name: "predictions", Destination: &f.predictions,
			Usage: "write what the model says of each image to this `FILE`, a JSON line each, while it runs; if it was interrupted, the same command resumes it",
		},
		&cli.StringFlag{Name: "shard", Destination: &f.shard, Usage: "do only `PART` of the data, such as 2/8; `beitzoo eval merge` adds up the files of predictions of all parts"},
	}, f.streamFlags.flags()...)
}

// parseShard reads the value of --shard; without one it is the whole.
func parseShard(value string) (evaluate.Shard, error) {
	if value == "" {
		return evaluate.Shard{Index: 1, Of: 1}, nil
	}
	index, of, _ := strings.Cut(value, "/")
	i, err1 := strconv.Atoi(index)
	n, err2 := strconv.Atoi(of)
	part := evaluate.Shard{Index: i, Of: n}
	if errors.Join(err1, err2) != nil || !part.Valid() {
		hint := "the parts of 8 are 1/8 to 8/8"
		if i == 0 && err1 == nil && err2 == nil {
			hint = "parts are counted from 1: " + hint
		}
		return part, &usageError{fmt.Sprintf("--shard %s is not a part, such as 2/8", text.Quote(value)), hint}
	}
	return part, nil
}

// evaluation is an evaluation that runs.
type evaluation struct {
	*console
	model *beitzoo.Model
	facts classifierFacts
	part  evaluate.Shard
	// header says what runs; log is nil without --predictions.
	header  evaluate.Header
	log     *evaluate.Log
	workers int
}

// newEvaluation prepares the evaluation of a model, which openClassifier opened with its digest, on a data set.
func newEvaluation(c *console, argument string, model *beitzoo.Model, data dataset.Set, f classifierFlags, r evalRunFlags) (*evaluation, error) {
	part, err := parseShard(r.shard)
	if err != nil {
		return nil, err
	}
	chosen, options, err := f.engine.choose()
	if err != nil {
		return nil, err
	}
	e := &evaluation{console: c, model: model, facts: factsOf(argument, model), part: part, workers: r.workers}
	e.header = evaluate.HeaderFor(model.Classifier, data, part)
	e.header.Model.Name, e.header.Model.Digest, e.header.Model.Problem, e.header.Recipe.Name = argument, model.Digest, model.Card.Problem, model.Card.RecipeName
	e.header.Run = runOf(chosen, options)
	e.header.Version = version().Version
	if model.Entry != nil {
		e.header.Published = publishedOf(&model.Entry.Manifest)
	}
	if r.predictions != "" {
		if e.log, err = evaluate.OpenLog(r.predictions, e.header); err != nil {
			return nil, err
		}
		e.remarkResumed(r.predictions, e.log)
	}
	return e, nil
}

// resumedLog is a file of predictions that may have been begun before.
type resumedLog interface {
	Resumed() int
	Unread() int
	Finished() bool
}

func (c *console) remarkResumed(path string, log resumedLog) {
	resumed := log.Resumed()
	if resumed == 0 {
		return
	}
	follows, unread := ": the others follow", log.Unread()
	switch {
	case log.Finished() && unread > 0:
		follows = ": all others, " + text.Count(unread, "image", "images") + " that could not be read, are tried again"
	case log.Finished():
		follows = ": all of them"
	case unread > 0:
		follows += "; " + text.Count(unread, "image", "images") + " that could not be read are tried again"
	}
	c.remark(fmt.Sprintf("%s has %s already%s", path, text.Count(resumed-unread, "image", "images"), follows))
}

// run runs the evaluation and prints its result, also if it was interrupted: then it says that it is a part.
func (e *evaluation) run(ctx context.Context, data dataset.Set) error {
	bar := e.newCount("classifying", inImages)
	summary, err := evaluate.Classification(ctx, e.model.Classifier, data, evaluate.Options{
		Header: e.header, Log: e.log, Workers: e.workers, Progress: bar.setEvaluation,
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
	unturned(summary.Unturned).remark(e.console)
	remarkAll(e.console, data.LeftOut())
	printed := e.result(evalResult{e.facts, summary, provenanceOf(e.header, summary, e.model.BatchSize)}, func() {
		e.printf("%s: %s", e.header.Model.Name, e.facts.line(e.model.Labels()))
		e.printf("%s", mappingText(e.header.Data.Source, e.header.Data.Way, classesOf(e.header.Data, summary)))
		printSummary(e.console, summary)
	})
	return cmp.Or(err, printed, unread)
}

// remarkGoesOn says that an evaluation which ended with an error can be resumed, if it has a file of predictions, and that is not what is wrong.
func (c *console) remarkGoesOn(err error, logged bool, records int) {
	if err != nil && logged && records > 0 && !errors.As(err, new(*evaluate.FileError)) {
		c.remark("the same command goes on from here")
	}
}

// ofUnread splits off the error about images that could not be read, so that the result for the others can be printed before it is reported.
func ofUnread(err error) (unread, failed error) {
	if errors.As(err, new(*classify.UnreadError)) {
		return err, nil
	}
	return nil, err
}

// evalResult is what `beitzoo eval --json` prints.
type evalResult struct {
	classifierFacts
	*evaluate.Summary
	Provenance provenance `json:"provenance"`
}

// provenance says what a figure depends on: with the recipe, that is all.
type provenance struct {
	Weights      string       `json:"weights_digest"`
	Architecture arch.Config  `json:"architecture"`
	Run          evaluate.Run `json:"run"`
	Batch        int          `json:"batch,omitempty"`
	Data         statedData   `json:"data"`
	Version      string       `json:"version"`
}

// statedData is a data set without the names of all its classes.
type statedData struct {
	Source     string         `json:"source"`
	Digest     string         `json:"digest"`
	Shard      evaluate.Shard `json:"shard"`
	Way        dataset.Way    `json:"classes_by"`
	Classes    int            `json:"classes"`
	Candidates []int          `json:"candidates,omitempty"`
}

// classesOf returns the number of classes of the data. Of tar files the images tell: the header has the classes of the first one.
func classesOf(d evaluate.Data, s *evaluate.Summary) int {
	if d.Images < 0 {
		return len(s.Classes)
	}
	return len(d.Names)
}

func provenanceOf(h evaluate.Header, s *evaluate.Summary, batch int) provenance {
	d := h.Data
	return provenance{
		Weights: h.Model.Digest, Architecture: h.Model.Config, Run: h.Run, Batch: batch, Version: h.Version,
		Data: statedData{d.Source, d.Digest, d.Shard, d.Way, classesOf(d, s), d.Candidates},
	}
}

// printSummary prints the figures of an evaluation.
func printSummary(c *console, s *evaluate.Summary) {
	if s.Partial != "" {
		c.printf("partial: %s", s.Partial)
	}
	read := ""
	if len(s.Unread) > 0 {
		read = " read"
	}
	c.printf("top-1 %.2f %% (%d of %d%s), top-5 %.2f %%", 100*s.Share1, s.Top1, s.Images, read, 100*s.Share5)
	loss := ""
	if s.Loss != nil {
		loss = fmt.Sprintf("; loss %.4f", *s.Loss)
	}
	c.printf("95 %% interval of top-1 %.2f to %.2f %%%s", 100*s.Interval1.Low, 100*s.Interval1.High, loss)
	if s.Real != nil {
		c.printf("by real labels %.2f %% (%d of %d)", 100*s.Real.Share1, s.Real.Top1, s.Real.Images)
	}
	printComparisons(c, s.Comparisons)
}

// printComparisons says how measured and published accuracies compare, and once each reason why they can't be compared.
func printComparisons(c *console, list []evaluate.Comparison) {
	var reasons []string
	for _, p := range list {
		if p.NotCompared != "" {
			if !slices.Contains(reasons, p.NotCompared) {
				reasons = append(reasons, p.NotCompared)
				c.printf("not compared with what was published: %s", p.NotCompared)
			}
			continue
		}
		verdict := "agrees"
		if !p.Agrees {
			verdict = fmt.Sprintf("does not agree: %.1f standard errors apart", max(p.StandardErrors, -p.StandardErrors))
		}
		recipe := ""
		if p.OtherRecipe {
			recipe = "; the publisher prepared the images by another recipe"
		}
		c.printf("published %g %% (%s): %s, %s apart%s", p.Top1, p.Origin, verdict, text.Count(max(p.Apart, -p.Apart), "image", "images"), recipe)
	}
}

// publishers are the programs that publish accuracies, by the beginnings of the origin of a figure and of the source of the recipe in manifests.
var publishers = []struct{ origin, source string }{
	{"huggingface/pytorch-image-models", "timm"},
	{"microsoft/unilm", "unilm"},
	{"PaddlePaddle/PASSL", "passl"},
	{"PASSL's classes", "passl"},
	{"BR-IDL/PaddleViT", "paddlevit"},
	{"open-mmlab/mmpretrain", "openmmlab"},
}

// publishedOf returns the accuracies that a manifest has, with the recipes by which their publishers prepared the images.
func publishedOf(m *manifest.Manifest) []evaluate.Published {
	var list []evaluate.Published
	for _, a := range m.Accuracy {
		p := evaluate.Published{Origin: a.Origin, Dataset: a.Dataset, Top1: a.Top1, Top5: a.Top5}
		for _, publisher := range publishers {
			at := slices.IndexFunc(m.Preprocessing, func(p manifest.Preprocessing) bool { return strings.HasPrefix(p.Source, publisher.source) })
			if strings.HasPrefix(a.Origin, publisher.origin) && at >= 0 {
				p.Recipe = &m.Preprocessing[at].Recipe
			}
		}
		list = append(list, p)
	}
	return list
}
