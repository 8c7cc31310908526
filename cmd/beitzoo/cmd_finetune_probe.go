package main

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/features"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/finetune/probe"
	"github.com/beitzoo/beitzoo/internal/text"
)

// probeFlags say how a linear classifier is fitted.
type probeFlags struct {
	on, random bool
	penalty    float64
	folds      int
}

func newProbeFlags() probeFlags { return probeFlags{folds: probe.DefaultFolds} }

func (f *probeFlags) flags() []cli.Flag {
	folds := countFlag("folds", &f.folds, "", "choose the penalty by a cross-validation of `N` folds")
	folds.Action = between("--folds", 2, 100)
	return []cli.Flag{
		boolFlag("probe", &f.on, "fit a linear classifier to the features of the pictures; the encoder stays as it is"),
		boolFlag("beside-random", &f.random, "do the same with an encoder of random weights, those of `beitzoo synth`, and say how much better the model is"),
		&cli.Float64Flag{
			Name: "penalty", Destination: &f.penalty, DefaultText: "the best of 13, from 1 to 1e-6, by cross-validation", Action: positivePenalty,
			Usage: "the `FACTOR` on half the sum of squares of the weights, for standardised features",
		},
		folds,
	}
}

func positivePenalty(_ *cli.Context, value float64) error {
	if value > 0 && value <= 1e6 {
		return nil
	}
	return &usageError{fmt.Sprintf("--penalty %g is not a number above 0 and up to 1e6", value), "give one, such as 0.001, or leave it out"}
}

// probing is a linear probe that runs.
type probing struct {
	*console
	argument string
	weights  beitzoo.Weights
	options  beitzoo.Options
	flags    *finetuneFlags
	data     *learningData
	result   probeResult
	// tested are the pictures to test on.
	tested []dataset.Example
	unread classify.UnreadError
	lying  unturned
}

// probeResult is what `beitzoo finetune --probe --json` prints.
type probeResult struct {
	classifierFacts
	Data probedData `json:"data"`
	// Meaning says what the features are, and Width how many there are of a picture.
	Meaning string `json:"features"`
	Width   int    `json:"width"`
	fittedProbe
	// Chance is the accuracy of guessing, and Frequent that of always saying the class that is the most frequent among the pictures to learn from.
	Chance   float64       `json:"chance"`
	Frequent frequentClass `json:"most_frequent"`
	Random   *randomProbe  `json:"random_encoder,omitempty"`
	Run      evaluate.Run  `json:"run"`
	Unread   []unreadImage `json:"unread"`
	// Target is what was written, and Lossy says what of the model is not in it.
	Target *savedFile `json:"target,omitempty"`
	Lossy  []string   `json:"lossy,omitempty"`
	// Report is the page that was written.
	Report  string `json:"report,omitempty"`
	Version string `json:"version"`
}

// probedData says which pictures they were.
type probedData struct {
	Source string      `json:"source"`
	Digest string      `json:"digest"`
	Way    dataset.Way `json:"classes_by"`
	// Test and TestDigest are empty if Held percent of each class were held out, drawn by the Seed.
	Test       string   `json:"test_source,omitempty"`
	TestDigest string   `json:"test_digest,omitempty"`
	Held       int      `json:"held_out_percent,omitempty"`
	Seed       uint64   `json:"seed"`
	Classes    []string `json:"classes"`
	// Learnt and Tested are the numbers of pictures that could be read; -1 in a plan if only the end tells.
	Learnt int `json:"learnt"`
	Tested int `json:"tested"`
	// Twice is how many pictures to test on have exactly the features of one to learn from.
	Twice int `json:"tested_and_learnt"`
}

// fittedProbe is a classifier that was fitted, and its score.
type fittedProbe struct {
	Penalty float64        `json:"penalty"`
	Folds   int            `json:"folds,omitempty"`
	Edge    bool           `json:"penalty_at_edge,omitempty"`
	Choices []probe.Choice `json:"choices,omitempty"`
	// Objective is the value at the minimum.
	Objective float64     `json:"objective"`
	Score     probe.Score `json:"test"`
	// Low and High bound the accuracy, with 95 % (Wilson).
	Interval evaluate.Interval `json:"interval95"`
}

type frequentClass struct {
	Class int     `json:"class"`
	Label string  `json:"label"`
	Share float64 `json:"accuracy"`
}

// randomProbe is the probe of an encoder with random weights.
type randomProbe struct {
	Seed uint64 `json:"seed"`
	fittedProbe
	// Difference is how much better the model is.
	Difference probe.Difference `json:"difference"`
}

// probePlan is what `beitzoo finetune --probe --dry-run --json` prints: what a probe would take.
type probePlan struct {
	classifierFacts
	Data    probedData `json:"data"`
	Meaning string     `json:"features"`
	Width   int        `json:"width"`
	// Parameters is the number of those of the model, Images that of the pictures; -1 if only the end tells. Fits is how many classifiers are fitted.
	Parameters int64 `json:"parameters"`
	Images     int   `json:"images"`
	Fits       int   `json:"fits"`
	// ModelBytes is the memory of the weights in float32.
	ModelBytes int64 `json:"model_bytes"`
	// FeaturesBytes is that of the features while a classifier is fitted; -1 if only the end tells how many pictures there are.
	FeaturesBytes int64 `json:"features_bytes"`
}

// run does all of it.
func (p *probing) run(ctx context.Context) error {
	classes := len(p.data.labels)
	p.options.Adapt = adapt.Options{Classes: classes, Head: adapt.ZeroHead}
	if err := p.try(ctx); err != nil {
		return err
	}
	p.options.Run.Batch = p.flags.stream.size(p.flags.classifier.engine.device)
	model, err := beitzoo.LoadExtractor(ctx, p.weights, p.options)
	if err != nil {
		return err
	}
	defer model.Close()
	remarkGuesses(p.console, model.Source)
	model.Strict = p.flags.classifier.strict
	if err := p.describe(model); err != nil {
		return err
	}
	if p.flags.save.dryRun {
		return p.plan(model)
	}
	train, test, err := p.extract(ctx, model.Extractor, "extracting")
	if err != nil {
		return err
	}
	p.lying.remark(p.console)
	fitted, err := p.fit(ctx, train, test, &p.result.fittedProbe)
	if err != nil {
		return err
	}
	p.facts(train, test)
	if p.flags.probe.random {
		if err := p.besideRandom(ctx, model); err != nil {
			return err
		}
	}
	if p.flags.save.output != "" {
		saved, err := p.save(ctx, fitted.Head, false)
		if err != nil {
			return err
		}
		written := savedFileOf(&saved.Saved)
		p.result.Target, p.result.Lossy = &written, saved.Lossy
		remarkAll(p.console, saved.Saved.Notes)
	}
	if p.flags.report != "" {
		if err := p.report(ctx, model, fitted.Head, test); err != nil {
			return err
		}
	}
	err = p.console.result(p.result, p.print)
	return cmp.Or(err, orNone(&p.unread))
}

// try returns an error if model or page can't be written: that is known before the pictures are read.
func (p *probing) try(ctx context.Context) error {
	var saved *convert.Saved
	if p.flags.save.output != "" {
		classes := len(p.data.labels)
		report, err := p.save(ctx, &probe.Head{Classes: classes, Bias: make([]float64, classes)}, true)
		if err != nil {
			return err
		}
		saved = &report.Saved
	}
	if p.flags.save.dryRun {
		return nil
	}
	return p.flags.tryTargets(saved)
}

// describe says in the result what is known before the pictures are read.
func (p *probing) describe(model *beitzoo.Extractor) error {
	feature, err := features.New(model.Config(), nil, features.Pool)
	if err != nil {
		return err
	}
	chosen, run, err := p.flags.classifier.engine.choose()
	if err != nil {
		return err
	}
	r, d := &p.result, p.flags.data
	r.classifierFacts = statedFacts(p.argument, model.Facts, "")
	r.Meaning, r.Width, r.Unread, r.Version = feature.Meaning, model.Config().EmbedDim, []unreadImage{}, version().Version
	r.Run = runOf(chosen, run)
	train := p.data.train
	r.Data = probedData{
		Source: train.Source(), Digest: train.Digest(), Way: train.Classes().Way, Seed: d.seed, Classes: p.data.labels, Held: cmp.Or(d.held, usualHeld), Learnt: train.Len(), Tested: -1,
	}
	if test := p.data.test; test != nil {
		r.Data.Test, r.Data.TestDigest, r.Data.Held, r.Data.Tested = test.Source(), test.Digest(), 0, test.Len()
	}
	return nil
}

// extract returns the features of the pictures to learn from, and of those to test on.
func (p *probing) extract(ctx context.Context, model *classify.Extractor, title string) (train, test *probe.Data, err error) {
	sets := []dataset.Set{p.data.train}
	if p.data.test != nil {
		sets = append(sets, p.data.test)
	}
	parts := make([]*probe.Data, len(sets))
	var examples []dataset.Example // of the last set
	first := p.unread.Total == 0
	for i, set := range sets {
		bar := p.newCount(title, inImages)
		e, err := probe.Extract(ctx, model, set, p.flags.stream.workers, func(done int) { bar.set(int64(done), int64(set.Len())) })
		bar.finish()
		if err != nil {
			return nil, nil, err
		}
		examples = e.Examples
		if parts[i] = &e.Data; !first {
			continue
		}
		p.unread.Total += e.Total
		p.lying += unturned(e.Unturned)
		for _, failure := range e.Failures {
			p.unread.Failures = append(p.unread.Failures, failure)
			p.result.Unread = append(p.result.Unread, unreadOf(failure))
		}
	}
	if p.data.test == nil {
		learnt, tested := probe.Split(parts[0].Classes, float64(p.result.Data.Held)/100, p.flags.data.seed)
		parts = []*probe.Data{parts[0].Select(learnt), parts[0].Select(tested)}
		all := examples
		examples = make([]dataset.Example, len(tested))
		for i, index := range tested {
			examples[i] = all[index]
		}
	}
	p.tested = examples
	if parts[1].Len() == 0 {
		return nil, nil, cmp.Or(orNone(&p.unread), error(nothingHeld()))
	}
	return parts[0], parts[1], nil
}

// fit fits a classifier, and puts it and its score into a result.
func (p *probing) fit(ctx context.Context, train, test *probe.Data, into *fittedProbe) (*probe.Fitted, error) {
	bar := p.newCount("fitting", inFits)
	f := p.flags
	fitted, err := probe.Fit(ctx, train, probe.Options{
		Classes: len(p.data.labels), Names: p.data.labels, Penalty: f.probe.penalty, Folds: f.probe.folds, Seed: f.data.seed, Threads: f.classifier.engine.threads,
		Progress: func(done, total int) { bar.set(int64(done), int64(total)) },
	})
	bar.finish()
	if err != nil {
		return nil, err
	}
	*into = fittedProbe{Penalty: fitted.Penalty, Edge: fitted.Edge, Choices: fitted.Choices, Objective: fitted.Objective, Score: probe.ScoreOf(fitted.Head, test)}
	if fitted.Choices != nil {
		into.Folds = f.probe.folds
	}
	into.Interval = evaluate.Wilson(into.Score.Right, into.Score.Images)
	return fitted, nil
}

// facts puts into the result what the data alone says.
func (p *probing) facts(train, test *probe.Data) {
	r := &p.result
	r.Data.Learnt, r.Data.Tested, r.Data.Twice = train.Len(), test.Len(), twice(train, test)
	if r.Data.Twice > 0 {
		p.remark(fmt.Sprintf("%s to test on has exactly the features of one to learn from: the same picture, it seems, is in both",
			text.Count(r.Data.Twice, "picture", "pictures")))
	}
	if r.Edge {
		p.remark(fmt.Sprintf("the penalty %g is the first or the last of those that were tried: state another one with --penalty to see whether it is better", r.Penalty))
	}
	r.Chance = 1 / float64(len(p.data.labels))
	r.Frequent.Share, r.Frequent.Class = probe.Frequent(train, test, len(p.data.labels))
	r.Frequent.Label = p.data.labels[r.Frequent.Class]
}

// twice returns how many pictures of one data set have exactly the features of one of another.
func twice(train, test *probe.Data) int {
	seed, seen := maphash.MakeSeed(), map[uint64]bool{}
	digest := func(d *probe.Data, i int) uint64 {
		var h maphash.Hash
		h.SetSeed(seed)
		for _, v := range d.Features[i*d.Width : (i+1)*d.Width] {
			maphash.WriteComparable(&h, v)
		}
		return h.Sum64()
	}
	for i := range train.Len() {
		seen[digest(train, i)] = true
	}
	count := 0
	for i := range test.Len() {
		if seen[digest(test, i)] {
			count++
		}
	}
	return count
}

// besideRandom fits a classifier to the features of the same architecture with random weights.
func (p *probing) besideRandom(ctx context.Context, model *beitzoo.Extractor) error {
	chosen, options, err := p.flags.classifier.engine.choose()
	if err != nil {
		return err
	}
	options.Batch = model.BatchSize
	const seed = 0
	loaded, err := chosen.Load(ctx, model.Config(), synth.Weights(model.Config(), seed), options)
	if err != nil {
		return err
	}
	defer loaded.Close()
	random, err := classify.NewExtractor(loaded, model.Card)
	if err != nil {
		return err
	}
	random.BatchSize = model.BatchSize
	train, test, err := p.extract(ctx, random, "extracting from random weights")
	if err != nil {
		return err
	}
	p.result.Random = &randomProbe{Seed: seed}
	if _, err := p.fit(ctx, train, test, &p.result.Random.fittedProbe); err != nil {
		return err
	}
	p.result.Random.Difference = probe.Compare(p.result.Score, p.result.Random.Score)
	return nil
}

// save writes the model with a head. In a trial nothing is written.
func (p *probing) save(ctx context.Context, head *probe.Head, trial bool) (*convert.Report, error) {
	f := p.flags.save
	bar := p.newProgress("writing")
	defer bar.finish()
	options := convert.Options{AllowLossy: adapt.LossyNames()}
	var err error
	if options.SaveOptions, err = f.options(bar); err != nil {
		return nil, err
	}
	options.Announce, options.DryRun = announceSize(p.console), trial
	if options.OpenOptions, err = p.weights.Options(p.options.Checkpoint); err != nil {
		return nil, err
	}
	options.Labels, options.Problem = p.data.labels, ""
	options.Adapt = adapt.Options{Classes: head.Classes, Head: adapt.ZeroHead}
	if trial {
		options.Announce = nil
	} else {
		options.Adapt.Head, options.Adapt.Given = "", &adapt.Given{Weight: head.Weight, Bias: head.Bias, What: p.provenance()}
	}
	return convert.Convert(ctx, p.weights.Path, f.output, options)
}

// provenance says how the head was fitted, as the end of a sentence.
func (p *probing) provenance() string {
	r := p.result
	held := ""
	if r.Data.Test == "" {
		held = fmt.Sprintf(", of which %d %% were held out by seed %d", r.Data.Held, r.Data.Seed)
	}
	how := "stated"
	if r.Folds > 0 {
		how = fmt.Sprintf("by %d-fold cross-validation, seed %d", r.Folds, r.Data.Seed)
	}
	return fmt.Sprintf("fitted by a linear probe (penalty %g, %s) to %s of the data %s%s; weights %s", r.Penalty, how, text.Count(r.Data.Learnt, "picture", "pictures"),
		r.Data.Digest, held, r.Digest)
}

// scoreText says a score in words.
func scoreText(f *fittedProbe) string {
	return fmt.Sprintf("accuracy %.2f %% ± %.2f (%d of %d)", 100*f.Score.Share, 100*f.Score.StandardError, f.Score.Right, f.Score.Images)
}

// penaltyText says a penalty, and who chose it.
func penaltyText(f *fittedProbe) string {
	if f.Folds == 0 {
		return fmt.Sprintf("penalty %g", f.Penalty)
	}
	return fmt.Sprintf("penalty %g, of %d by %d-fold cross-validation", f.Penalty, len(f.Choices), f.Folds)
}

// dataLine says which pictures they are.
func (p *probing) dataLine() string {
	d := p.result.Data
	if d.Test != "" {
		return fmt.Sprintf("data %s: %s, tested on %s", text.Name(d.Source), text.Count(len(d.Classes), "class", "classes"), text.Name(d.Test))
	}
	return fmt.Sprintf("data %s: %s, tested on %d %% of each, drawn by seed %d", text.Name(d.Source), text.Count(len(d.Classes), "class", "classes"), d.Held, d.Seed)
}

func (p *probing) print() {
	r := &p.result
	p.printf("%s: %s", p.argument, r.line(nil))
	p.printf("%s; %s to learn from, %d to test on", p.dataLine(), text.Count(r.Data.Learnt, "picture", "pictures"), r.Data.Tested)
	p.printf("features: %s, %d numbers a picture", r.Meaning, r.Width)
	p.printf("%s; %s", scoreText(&r.fittedProbe), penaltyText(&r.fittedProbe))
	p.printf("chance is %.2f %%, and always %s %.2f %%", 100*r.Chance, text.Quote(text.Shorten(r.Frequent.Label, 60)), 100*r.Frequent.Share)
	if random := r.Random; random != nil {
		p.printf("random weights (seed %d): %s; %s", random.Seed, scoreText(&random.fittedProbe), penaltyText(&random.fittedProbe))
		p.printf("the model is %.2f ± %.2f points better than random weights", 100*random.Difference.Share, 100*random.Difference.StandardError)
	}
	if t := r.Target; t != nil {
		p.printf("wrote  %s: %s, scheme %s, %d tensors, %s", t.Path, t.Format, t.Scheme, t.Tensors, humanize.Bytes(uint64(t.Bytes)))
		printLost(p.console, t.Saved.Lost)
		for _, loss := range r.Lossy {
			p.printf("lossy  %s", loss)
		}
	}
	if r.Report != "" {
		p.printf("report %s", r.Report)
	}
}

// plan says what would be done.
func (p *probing) plan(model *beitzoo.Extractor) error {
	r := &p.result
	plan := &probePlan{classifierFacts: r.classifierFacts, Data: r.Data, Meaning: r.Meaning, Width: r.Width, Images: p.data.train.Len(), Fits: 1}
	if p.data.test != nil {
		plan.Images += p.data.test.Len()
		if p.data.train.Len() < 0 || p.data.test.Len() < 0 {
			plan.Images = -1
		}
	}
	if p.flags.probe.penalty == 0 {
		plan.Fits += p.flags.probe.folds * len(probe.DefaultPenalties())
	}
	for _, parameter := range model.Config().Params() {
		elements, err := parameter.Shape.Elements()
		if err != nil {
			return err
		}
		plan.Parameters += elements
	}
	const bytesOf, copies = 8, 3 // all, those of the folds, and those scaled
	plan.ModelBytes = 4 * plan.Parameters
	plan.FeaturesBytes = -1
	if plan.Images >= 0 {
		plan.FeaturesBytes = bytesOf * int64(plan.Images) * int64(copies*r.Width+len(p.data.labels))
	}
	if p.flags.probe.random {
		plan.Fits *= 2
	}
	return p.console.result(plan, func() {
		p.printf("%s: %s", p.argument, r.line(nil))
		p.printf("%s", p.dataLine())
		p.printf("features: %s, %d numbers a picture", r.Meaning, r.Width)
		images, memory, twice := "as many pictures as the tar files have", "as much memory as these need", ""
		if plan.Images >= 0 {
			images, memory = text.Count(plan.Images, "picture", "pictures"), humanize.Bytes(uint64(plan.FeaturesBytes))
		}
		if p.flags.probe.random {
			twice = ", once with the model's weights and once with random ones"
		}
		p.printf("would run %s through %s parameters (%s in float32)%s, and fit %s with %s for the features; nothing was run (--dry-run)",
			images, humanize.Comma(plan.Parameters), humanize.Bytes(uint64(plan.ModelBytes)), twice, text.Count(plan.Fits, "classifier", "classifiers"), memory)
	})
}
