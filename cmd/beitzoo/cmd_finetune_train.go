package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/finetune"
	"github.com/beitzoo/beitzoo/finetune/augment"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

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
	change := adapt.Options{Trained: true}
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
