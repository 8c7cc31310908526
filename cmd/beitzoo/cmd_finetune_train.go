package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/finetune"
	"github.com/beitzoo/beitzoo/finetune/augment"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

const trainSection = "Training"

// trainFlags are the recipe of a training, and how it runs.
type trainFlags struct {
	settings finetune.Settings
	schedule string
	// warmup says that the length of the warm-up was stated.
	warmup bool
	// augment and mix are the usual ones of unilm, or nothing.
	augment, mix, recompute bool
	size, state, choose     string
	// minutes are those after which the state is kept again.
	minutes int
}

func newTrainFlags() trainFlags {
	return trainFlags{settings: finetune.Defaults(), schedule: string(finetune.Overlapping), minutes: 10}
}

func (f *trainFlags) flags() []cli.Flag {
	s := &f.settings
	number := func(name string, destination *float64, usage string) cli.Flag {
		flag := &cli.Float64Flag{Name: name, Value: *destination, Destination: destination, Usage: usage}
		if *destination == 0 {
			flag.DefaultText = "none"
		}
		return flag
	}
	flags := []cli.Flag{
		countFlag("epochs", &s.Epochs, "", "train `N` times on each picture"),
		countFlag("part", &s.Part, "those of --batch", "compute the gradients of `N` pictures at once, and add them up to those of a batch: less memory"),
		number("learning-rate", &s.Rate, "the highest learning `RATE`, that of the head"),
		&cli.StringFlag{
			Name: "schedule", Value: f.schedule, Destination: &f.schedule,
			Usage: "how the learning rate changes, a `NAME`: overlapping (a cosine over all steps, times the warm-up) or unilm (the warm-up, then a cosine to --least-rate)",
		},
		&cli.Float64Flag{
			Name: "warmup", Destination: &s.WarmupEpochs, DefaultText: fmt.Sprintf("%g, and no more than half of --epochs", finetune.Defaults().WarmupEpochs),
			Usage: "raise the learning rate in the first `EPOCHS`", Action: func(*cli.Context, float64) error { f.warmup = true; return nil },
		},
		number("warmup-rate", &s.WarmupRate, "with --schedule unilm, the `RATE` of the first step"),
		number("least-rate", &s.LeastRate, "with --schedule unilm, the `RATE` of the end"),
		number("layer-decay", &s.LayerDecay, "multiply the learning rate by this `FACTOR` for each layer before the head"),
		number("weight-decay", &s.WeightDecay, "the weight decay of AdamW, a `FACTOR`"),
		number("label-smoothing", &s.Smoothing, "the `SHARE` of the right class that is spread over all classes"),
		number("drop-path", &s.DropPath, "leave out a branch of the last block with this `PROBABILITY`, less often in those before"),
		number("clip", &s.Clip, "scale gradients down to this `NORM`"),
		number("average", &s.Average, "keep, test and write moving averages of the parameters, of which this `SHARE` stays in a step, such as 0.999"),
		&cli.IntFlag{
			Name: "blocks", Value: finetune.All, Destination: &s.Blocks, DefaultText: "all, and what is before them",
			Usage: "train only the last `N` blocks, the norm after them, and the head; 0 means the head and its norm alone",
		},
		boolFlag("augment", &f.augment, "change pictures as unilm does: a random crop, mirroring, RandAugment (rand-m9-mstd0.5-inc1), and erasing"),
		boolFlag("mix", &f.mix, "mix the pictures of a batch as unilm does for a model that comes from pre-training alone: Mixup 0.8, CutMix 1"),
		boolFlag("recompute", &f.recompute, "compute each block a second time for its gradients, and keep less: less memory, more time, the same result"),
		&cli.StringFlag{
			Name: "image-size", Destination: &f.size, DefaultText: "that of the model",
			Usage: "resize the model to images of this `SIZE` in pixels: 384, or height and width, 384x512",
		},
		&cli.PathFlag{
			Name: "state", Destination: &f.state, DefaultText: "the output with .training behind it",
			Usage: "the `FOLDER` where the state of the training is kept, from which the same command goes on, and the best parameters",
		},
		countFlag("keep-every", &f.minutes, "", "keep the state every `N` minutes, beside the ends of epochs"),
		&cli.StringFlag{
			Name: "choose", Destination: &f.choose, DefaultText: "best with --test or --held-out, else last",
			Usage: "`WHICH` parameters to write: the best, those with the highest accuracy on the pictures that are tested, or the last",
		},
	}
	for _, flag := range flags {
		setCategory(flag, trainSection)
	}
	return flags
}

// resolve returns the settings that the flags say, checked.
func (f *trainFlags) resolve(seed uint64, batch int) (finetune.Settings, error) {
	s := f.settings
	s.Schedule, s.Seed, s.Batch = finetune.Schedule(f.schedule), seed, cmp.Or(batch, s.Batch)
	if !f.warmup {
		s.WarmupEpochs = finetune.DefaultWarmup(s.Epochs)
	}
	if s.Schedule != finetune.Unilm && (s.WarmupRate != 0 || s.LeastRate != 0) {
		return s, &usageError{"--warmup-rate and --least-rate are about --schedule unilm", "add it, or leave them out"}
	}
	return s, s.Validate()
}

// training is a training that runs.
type training struct {
	*console
	argument string
	weights  beitzoo.Weights
	options  beitzoo.Options
	flags    *finetuneFlags
	data     *learningData

	settings finetune.Settings
	trainer  engine.Trainer
	model    *convert.Model
	recipe   card.Recipe
	// recipeName is that of the recipe, if it has one.
	recipeName string
	gallery    *finetune.Gallery
	plan       *finetune.Plan
	// ran is what the training was.
	ran    *finetune.Result
	result trainResult
}

// trainResult is what `beitzoo finetune --json` prints.
type trainResult struct {
	classifierFacts
	// Changes say what was done to the model before it was trained.
	Changes  []adapt.Step      `json:"changes"`
	Data     trainedData       `json:"data"`
	Settings finetune.Settings `json:"settings"`
	Augment  bool              `json:"augment"`
	Mix      bool              `json:"mix"`
	Steps    int               `json:"steps"`
	// Trained is the number of parameters that are trained, of Parameters.
	Trained    int64           `json:"trained"`
	Parameters int64           `json:"parameters"`
	Memory     finetune.Memory `json:"memory_estimate"`
	Run        evaluate.Run    `json:"run"`
	State      string          `json:"state"`
	// Resumed is the number of steps that an earlier run had done, Epochs what all epochs gave, and Best the index of the best, or -1. Chosen is "best" or "last".
	Resumed int              `json:"resumed"`
	Epochs  []finetune.Epoch `json:"epochs"`
	Best    int              `json:"best"`
	Chosen  string           `json:"chosen"`
	Target  *savedFile       `json:"target,omitempty"`
	// Report is the page that was written.
	Report  string `json:"report,omitempty"`
	Version string `json:"version"`
}

// trainedData says which pictures they are.
type trainedData struct {
	Source string `json:"source"`
	Digest string `json:"digest"`
	// Pictures is the number of those that are learnt from.
	Pictures int `json:"pictures"`
	// Test and TestDigest say what is tested: of the data itself Held percent of each class, if that is not 0. Tested is the number of pictures; -1 if only the end
	// tells. All are empty if nothing is tested.
	Test       string `json:"test_source,omitempty"`
	TestDigest string `json:"test_digest,omitempty"`
	Tested     int    `json:"tested,omitempty"`
	Held       int    `json:"held_out_percent,omitempty"`
	// Contents and TestContents are digests of names, classes and bytes of the pictures that are learnt from, and of those that are tested, as [finetune.Contents]
	// has them; empty of a training that was only planned. The other two are of the whole list: of names and classes, or of names and sizes of tar files.
	Contents     string `json:"contents,omitempty"`
	TestContents string `json:"test_contents,omitempty"`
	// Twice is how many pictures that are tested are, byte for byte, one to learn from.
	Twice   int      `json:"test_in_train,omitempty"`
	Classes []string `json:"classes"`
}

// text says how many pictures are learnt from, and which are tested.
func (d *trainedData) text() string {
	learnt, tested := text.Count(d.Pictures, "picture", "pictures"), text.Count(d.Tested, "picture", "pictures")
	switch {
	case d.Held > 0:
		return fmt.Sprintf("%s to learn from, %d to test on: %d %% of each class, drawn by the seed", learnt, d.Tested, d.Held)
	case d.TestDigest == "":
		return learnt + " to learn from, and none is tested"
	case d.Tested < 0:
		tested = "those"
	}
	return fmt.Sprintf("%s to learn from; tested on %s of %s", learnt, tested, text.Name(d.Test))
}

// run does all of it.
func (t *training) run(ctx context.Context) (err error) {
	f := t.flags
	if t.settings, err = f.train.resolve(f.data.seed, f.stream.batch); err != nil {
		return err
	}
	if err := t.chooseEngine(); err != nil {
		return err
	}
	if err := t.open(ctx); err != nil {
		return err
	}
	defer t.model.Close()
	saved, err := t.save(ctx, t.model.Tensors, true) // whether it can be written is known before it is trained
	if err != nil {
		return err
	}
	if err := t.readPictures(ctx); err != nil {
		return err
	}
	if err := t.trainer.CheckTrain(t.model.Config, t.trainOptions()); err != nil {
		return err
	}
	t.describe()
	if f.save.dryRun {
		if finetune.Begun(ctx, t.result.State) {
			t.remark(fmt.Sprintf("%s has the state of a training: the same one goes on from there, and another is refused, which needs --state FOLDER", t.result.State))
		}
		return t.console.result(t.result, t.printPlan)
	}
	if err := t.checkTargets(saved); err != nil {
		return err
	}
	if err := t.readContents(ctx); err != nil {
		return err
	}
	return t.train(ctx)
}

// chooseEngine returns an error unless the engine can train.
func (t *training) chooseEngine() error {
	trainer, able := t.options.Engine.(engine.Trainer)
	if !able {
		return &unfitError{remedy{
			Problem: fmt.Sprintf("the %s engine runs models, and does not train them", t.options.Engine.Name()),
			Hint:    "libtorch does: " + buildHint + "; or fit the head alone, in any build: --probe", Fatal: true,
		}}
	}
	t.trainer = trainer
	tested := t.data.test != nil || t.flags.data.held > 0
	switch choice := t.flags.train.choose; {
	case choice != "" && choice != "best" && choice != "last":
		return &usageError{fmt.Sprintf("--choose %s is neither best nor last", text.Quote(choice)), "give one of the two, or leave it out"}
	case choice == "best" && !tested:
		return &usageError{"nothing says which parameters are the best", "name other pictures to test on: --test DATA; or test on a part of these: --held-out N, in percent"}
	case choice != "":
		t.result.Chosen = choice
	case tested:
		t.result.Chosen = "best"
	default:
		t.result.Chosen = "last"
	}
	return nil
}

// open opens the model and makes it one of the classes of the data.
func (t *training) open(ctx context.Context) (err error) {
	t.options.Checkpoint.Headless = t.data.fresh
	if t.model, err = t.weights.Open(ctx, t.options.Checkpoint); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			t.model.Close()
		}
	}()
	if err := t.model.Config.CheckBEiT(); err != nil {
		return fmt.Errorf("%s: %w", t.model.File.Path, err)
	}
	remarkGuesses(t.console, t.model.Input())
	digest, err := convert.Digest(ctx, t.model.Tensors)
	if err != nil {
		return err
	}
	var change adapt.Options
	if t.data.fresh {
		change.Classes, change.Seed, change.Head = len(t.data.labels), t.settings.Seed, adapt.SeededHead
		change.PerBlockBias = t.model.Config.Masked() && t.model.Config.Bias != arch.NoBias
	}
	if t.flags.train.size != "" {
		if change.ImageHeight, change.ImageWidth, err = parseImageSize(t.flags.train.size); err != nil {
			return err
		}
	}
	adapted, err := t.model.Adapt(change)
	if err != nil {
		return err
	}
	t.result.Changes = adapted.Steps
	t.model.Steps = slices.Concat(t.model.Steps, adapted.Steps)
	if t.data.named {
		t.model.Labels, t.model.From[card.Labels] = t.data.labels, card.Data
	}
	if t.data.fresh || t.model.Problem.Unusual() {
		t.model.Problem, t.model.From[card.ProblemIs] = "", ""
	}
	t.model.Notes = slices.DeleteFunc(slices.Clone(t.model.Notes), func(note string) bool { return note == adapt.FreshHeadNote })
	facts, err := beitzoo.FactsOf(t.weights, t.model, t.options.Upright)
	if err != nil {
		return err
	}
	facts.Digest = digest
	t.result.classifierFacts = statedFacts(t.argument, facts, classify.SoftmaxFunction)
	t.recipe, t.recipeName = *facts.Card.Recipe, facts.Card.RecipeName
	return nil
}

// readPictures lists the pictures, and plans the training.
func (t *training) readPictures(ctx context.Context) (err error) {
	const limit = 16 << 30 // of tar files
	if t.gallery, err = finetune.NewGallery(ctx, t.data.train, t.recipe, limit); err != nil {
		return err
	}
	if percent := t.flags.data.held; percent > 0 {
		rest, held := t.gallery.HoldOut(float64(percent)/100, t.settings.Seed)
		if held.Len() == 0 {
			return nothingHeld()
		}
		t.gallery, t.data.test = rest, held
	}
	if t.data.test == nil {
		t.remark("nothing is tested while it trains: --test DATA names pictures to test on, and --held-out N takes N percent of each class of DATA")
	}
	var empty []string
	for class, count := range t.gallery.Counts(len(t.data.labels)) {
		if count == 0 {
			empty = append(empty, t.data.labels[class])
		}
	}
	if len(empty) > 0 {
		return &usageError{
			fmt.Sprintf("of %s there is no picture to learn from: %s", text.Count(len(empty), "class", "classes"), text.List(empty, 5, "")),
			"add pictures, or leave these classes out: --classes K takes those of the data",
		}
	}
	if t.flags.train.augment {
		pipeline := augment.Usual(t.recipe)
		t.gallery.Augment = func(picture *preprocess.RGB8, epoch, index int) ([]float32, error) {
			return pipeline.Picture(picture, t.settings.Seed, uint64(epoch), uint64(index))
		}
	}
	t.fitDefaults()
	t.plan, err = finetune.NewPlan(t.settings, t.model.Config, t.gallery.Len())
	return err
}

// fitDefaults makes settings that nobody stated fit the number of pictures, and says which are not the usual ones for that or for the number of epochs.
func (t *training) fitDefaults() {
	usual := finetune.Defaults()
	if !t.flags.train.warmup && t.settings.WarmupEpochs < usual.WarmupEpochs {
		t.remark(fmt.Sprintf("the warm-up is %g of %s: the usual %g are more than half of them; --warmup EPOCHS states another length",
			t.settings.WarmupEpochs, text.Count(t.settings.Epochs, "epoch", "epochs"), usual.WarmupEpochs))
	}
	if t.flags.stream.batch == 0 {
		if t.settings.Batch = finetune.DefaultBatch(t.gallery.Len()); t.settings.Batch < usual.Batch {
			t.remark(fmt.Sprintf("a step has %s: there are fewer than the usual %d; --batch N states another number", text.Count(t.settings.Batch, "picture", "pictures"), usual.Batch))
		}
	}
}

// describe says in the result what is known before the training.
func (t *training) describe() {
	r, f := &t.result, t.flags
	r.Settings, r.Augment, r.Mix, r.Steps, r.Version, r.Best = t.settings, f.train.augment, f.train.mix, t.plan.Steps, version().Version, -1
	r.Data = trainedData{Source: t.data.train.Source(), Digest: t.data.train.Digest(), Pictures: t.gallery.Len(), Classes: t.data.labels}
	if test := t.data.test; test != nil {
		r.Data.Test, r.Data.TestDigest, r.Data.Tested, r.Data.Held = test.Source(), test.Digest(), test.Len(), f.data.held
	}
	groups := t.settings.Groups(t.model.Config)
	for i, p := range t.model.Config.Params() {
		elements, _ := p.Shape.Elements()
		r.Parameters += elements
		if !groups[i].Frozen {
			r.Trained += elements
		}
	}
	r.Memory = t.plan.Memory(t.options.Run.DType, f.train.recompute)
	r.Run = runOf(t.options.Engine, t.options.Run)
	r.State = cmp.Or(f.train.state, filepath.Clean(f.save.output)+".training")
	r.Epochs = []finetune.Epoch{}
}

// trainOptions say how the engine trains.
func (t *training) trainOptions() engine.TrainOptions {
	run := t.options.Run
	return engine.TrainOptions{
		DType: run.DType, Device: run.Device, Threads: run.Threads, Frozen: t.settings.Frozen(t.model.Config), Recompute: t.flags.train.recompute,
		Average: t.settings.Average > 0,
	}
}

// train trains, and writes what comes of it.
func (t *training) train(ctx context.Context) error {
	f := t.flags
	learner, err := t.trainer.Train(ctx, t.model.Config, t.model.Tensors, t.trainOptions())
	if err != nil {
		return err
	}
	defer learner.Close()
	options := finetune.Options{
		Pictures: t.gallery, Folder: t.result.State, KeepEvery: time.Duration(f.train.minutes) * time.Minute,
		Identity: t.identity(), Conditions: t.conditions(ctx), Progress: t.progress(),
	}
	if f.train.mix {
		options.Mix = t.mixed
	}
	if t.data.test != nil {
		options.Evaluate = t.evaluation().Score
	}
	t.ran, err = finetune.Run(ctx, t.plan, learner, options)
	unturned(t.gallery.Unturned()).remark(t.console)
	if ran := t.ran; ran != nil {
		t.result.Resumed, t.result.Epochs, t.result.Best = ran.Resumed, ran.Epochs, ran.Best
	}
	if err != nil {
		return err
	}
	if err := t.write(ctx, learner); err != nil {
		return err
	}
	return t.console.result(t.result, t.print)
}

// mixed mixes a batch as unilm does.
func (t *training) mixed(epoch, batch int, pixels []float32, classes []int) []float64 {
	c := t.model.Config
	mix := augment.UsualMixing().Draw(c.ImageWidth, c.ImageHeight, t.settings.Seed, uint64(epoch), uint64(batch))
	mix.Pictures(pixels, len(classes), c.ImageWidth, c.ImageHeight)
	var targets []float64
	for _, target := range mix.Targets(classes, c.Classes, t.settings.Smoothing) {
		targets = append(targets, float64(target))
	}
	return targets
}

// progress returns the callback that shows how far the training is.
func (t *training) progress() func(finetune.Progress) {
	bar, began := t.newCount("training", inSteps), -1
	return func(p finetune.Progress) {
		if began < 0 {
			if began = p.Step; began > 0 {
				t.remark(fmt.Sprintf("%s has the state after step %d of %d: the training goes on from there", t.result.State, began, p.Steps))
				if len(p.Conditions) > 0 && began < p.Steps {
					t.remark("the bits will not be those of a training that never stopped: " + strings.Join(p.Conditions, "; "))
				}
			}
			return
		}
		bar.setTraining(p, p.Step-began)
		if p.Over != nil && !t.quiet {
			t.epoch(p)
		}
		if p.Step == p.Steps {
			bar.finish()
		}
	}
}

// epochEvent is a line of standard error with --json, after each epoch.
type epochEvent struct {
	Event  string `json:"event"`
	Number int    `json:"epoch"`
	finetune.Epoch
	Best        bool    `json:"best"`
	SecondsLeft float64 `json:"seconds_left"`
}

// epoch says what an epoch gave.
func (t *training) epoch(p finetune.Progress) {
	if t.asJSON {
		t.event(epochEvent{"epoch", p.Epoch, *p.Over, p.Best, p.Left.Seconds()})
		return
	}
	line := fmt.Sprintf("epoch %d of %d: %s", p.Epoch, t.settings.Epochs, epochText(p.Over))
	if p.Best {
		line += ", the best so far"
	}
	if p.Left > 0 {
		line += fmt.Sprintf("; %s left", p.Left.Round(time.Second))
	}
	t.notef("%s", line)
}

// epochText says in words what an epoch gave.
func epochText(e *finetune.Epoch) string {
	line := fmt.Sprintf("loss %.4f, learning rate %.2e", e.Loss, e.Rate)
	if e.Score != nil {
		line += fmt.Sprintf(", accuracy %.2f %% (%d of %d)", 100*e.Score.Top1(), e.Score.Right, e.Score.Images)
	}
	return line
}

// write writes the model with the parameters that were chosen, and the page about it.
func (t *training) write(ctx context.Context, learner engine.Learner) error {
	put := func(parameters []tensor.Named) error {
		saved, err := t.save(ctx, parameters, false)
		if err != nil {
			return err
		}
		written := savedFileOf(saved)
		t.result.Target = &written
		if t.flags.report != "" {
			return t.report(ctx, parameters)
		}
		return nil
	}
	if t.result.Chosen == "last" {
		return learner.Read(func(m engine.Memory) error { return put(m.Deployed()) })
	}
	best, err := t.ran.OpenBest(ctx)
	if err != nil {
		return err
	}
	return errors.Join(put(best.Tensors), best.Close())
}

// save writes the model with other parameters. In a trial nothing is written.
func (t *training) save(ctx context.Context, parameters []tensor.Named, trial bool) (*convert.Saved, error) {
	f := t.flags.save
	bar := t.newProgress("writing")
	defer bar.finish()
	options, err := f.options(bar)
	if err != nil {
		return nil, err
	}
	options.DryRun = trial
	if !trial {
		options.Announce = announceSize(t.console)
	}
	return t.model.Rewrite(ctx, f.output, parameters, adapt.Step{Name: adapt.StepTrain, What: t.provenance(), Lossy: true}, options)
}

// provenance says how the model was trained.
func (t *training) provenance() string {
	if t.plan == nil {
		return "fine-tuned"
	}
	settings, _ := json.Marshal(t.settings) // numbers and words
	r := t.result
	which := "the parameters after the last step"
	if r.Chosen == "best" && r.Best >= 0 {
		score := r.Epochs[r.Best].Score
		which = fmt.Sprintf("the parameters after epoch %d, with %d of %d right of the pictures %s", r.Best+1, score.Right, score.Images, r.Data.TestContents)
	}
	held := ""
	if r.Data.Held > 0 {
		held = fmt.Sprintf(", without %d %% of each class", r.Data.Held)
	}
	return fmt.Sprintf("fine-tuned on %s %s (digest of their names, classes and bytes), of the list %s%s, from weights %s, by beitzoo %s with %s; augment %v, mix %v; %s",
		text.Count(r.Data.Pictures, "picture", "pictures"), r.Data.Contents, r.Data.Digest, held, r.Digest, r.Version, settings, r.Augment, r.Mix, which)
}

// printPlan says what would be trained.
func (t *training) printPlan() {
	r := t.result
	t.printf("%s: %s", t.argument, r.line(r.Data.Classes))
	for _, step := range r.Changes {
		t.printf("change  %s", step)
	}
	t.printf("data    %s: %s, %s", text.Name(r.Data.Source), text.Count(len(r.Data.Classes), "class", "classes"), r.Data.text())
	t.printf("train   %s of %s parameters, in %s of %d steps of %d pictures", humanize.Comma(r.Trained), humanize.Comma(r.Parameters),
		text.Count(r.Settings.Epochs, "epoch", "epochs"),
		t.plan.PerEpoch, r.Settings.Batch)
	t.printf("rates   the head's is %.3g at first, %.3g in the middle, %.3g at the end", t.plan.Rate(0), t.plan.Rate(r.Steps/2), t.plan.Rate(r.Steps-1))
	t.printf("memory  about %s: parameters %s, gradients %s, optimiser %s, activations %s (an estimate)", humanize.Bytes(uint64(r.Memory.Total())),
		humanize.Bytes(uint64(r.Memory.Parameters)), humanize.Bytes(uint64(r.Memory.Gradients)), humanize.Bytes(uint64(r.Memory.Optimiser)), humanize.Bytes(uint64(r.Memory.Activations)))
	t.printf("state   %s; nothing was trained (--dry-run)", r.State)
}

// print says what was trained.
func (t *training) print() {
	r := t.result
	t.printf("%s: %s", t.argument, r.line(r.Data.Classes))
	for _, step := range r.Changes {
		t.printf("change  %s", step)
	}
	for i := range r.Epochs {
		mark := ""
		if i == r.Best {
			mark = ", the best"
		}
		t.printf("epoch %d: %s%s", i+1, epochText(&r.Epochs[i]), mark)
	}
	if w := r.Target; w != nil {
		t.printf("wrote  %s (the %s): %s, scheme %s, %d tensors, %s", w.Path, r.Chosen, w.Format, w.Scheme, w.Tensors, humanize.Bytes(uint64(w.Bytes)))
		for _, loss := range w.Saved.Lost {
			t.printf("lost   %s", lossText(loss))
		}
		remarkAll(t.console, w.Notes)
	}
	if r.Report != "" {
		t.printf("report %s", r.Report)
	}
	own, strange := finetune.Files(r.State)
	if strange {
		t.printf("state  %s: of it %s may be removed; the other files there are not of this training", r.State, text.List(own, len(own), ""))
		return
	}
	t.printf("state  %s: may be removed", r.State)
}
