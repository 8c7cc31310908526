package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/finetune"
	"github.com/beitzoo/beitzoo/finetune/probe"
	"github.com/beitzoo/beitzoo/internal/text"
)

// finetuneFlags are the flags of finetune.
type finetuneFlags struct {
	classifier classifierFlags
	data       learningFlags
	stream     streamFlags
	probe      probeFlags
	train      trainFlags
	save       saveFlags
	// report is the path of the page about what came of it.
	report string
}

func finetuneCommand(c *console) *cli.Command {
	f := finetuneFlags{probe: newProbeFlags(), train: newTrainFlags()}
	return &cli.Command{
		Name:      "finetune",
		Usage:     "train a model on pictures of your own classes, or fit its head alone",
		ArgsUsage: "MODEL DATA...",
		Description: about("DATA is what `beitzoo eval` takes: a folder with a folder for each class, a folder of images with --truth FILE, a list, or tar files.\n"+
			"The model is trained as unilm fine-tunes: its defaults are here, all of them flags. A model for masked-image modelling becomes a classifier first. The state is\n"+
			"kept while it trains, and the same command goes on from there, to the same bits. That needs a build with libtorch.\n"+
			"With --probe a linear classifier is fitted to the features that the encoder makes of the pictures, and tested on others: how much the features tell of\n"+
			"the classes, in plain Go, in little more than the time of one `beitzoo eval`. A model for masked-image modelling needs no head for that.\n"+
			"The classes are those of the model, or with --classes those of the data. The pictures of --test are tested, or --held-out percent of each class of DATA, drawn by --seed.\n"+
			"With --probe images that cannot be read are listed at the end, with exit code 3, and the result is that of all others; a training stops at them, with its state kept.",
			"beitzoo finetune beit_base_p16_224_pt22k.pth flowers/train --test flowers/test -o flowers.pth --epochs 30 --augment --mix",
			"beitzoo finetune beit_base_p16_224_pt22k.pth flowers/ --held-out 20 -o flowers.pth --report flowers.html",
			"beitzoo finetune beit_base_p16_224_pt22k.pth flowers/ --probe",
			"beitzoo finetune beit_base_p16_224 flowers/train --test flowers/test --classes 102 --probe -o flowers.pth",
			"beitzoo finetune passl_converted.pth flowers/ --probe --beside-random",
			"beitzoo finetune beit.pth 'train-{000..063}.tar' --test test.tar --classes 10 --probe --penalty 0.001",
			"beitzoo finetune beit.pth flowers/ --probe --dry-run",
		),
		Flags: c.flags(f.probe.flags(), f.train.flags(), f.data.flags(), f.streaming(), without(f.save.flags(), "dry-run", "allow-other-taps"),
			[]cli.Flag{
				reportFlag(&f.report, "write how it was trained, on what, and what came of it, with curves, confusion and mistakes, as one HTML page to this `FILE`"),
				boolFlag("dry-run", &f.save.dryRun, "say what would be done with which pictures and how much memory that takes, and run nothing"),
			}, f.classifier.flags()),
		Before: f.checkKind,
		Action: action(func(ctx context.Context, args []string) error { return runFinetune(ctx, c, args[0], args[1:], f) }),
	}
}

// streaming returns the flags of reading pictures, with what --batch means here.
func (f *finetuneFlags) streaming() []cli.Flag {
	flags := f.stream.flags()
	for _, flag := range flags {
		if batch, is := flag.(*cli.IntFlag); is && batch.Name == "batch" {
			batch.Usage = "a step of the training takes `N` pictures; with --probe so many go through the model at once"
			batch.DefaultText = fmt.Sprintf("%d; with --probe %d, on a GPU %d", finetune.Defaults().Batch, classify.DefaultBatchSize, gpuBatch)
		}
	}
	return flags
}

// checkKind refuses flags of a training beside --probe, and those of a probe without it: they would do nothing.
func (f *finetuneFlags) checkKind(ctx *cli.Context) error {
	flags, about, help := f.train.flags(), "a training, and --probe fits the head alone", "leave it out, or train without --probe"
	if !f.probe.on {
		flags, about, help = f.probe.flags(), "--probe", "add --probe, or leave it out"
	}
	for _, flag := range flags {
		if name := flag.Names()[0]; name != "probe" && ctx.IsSet(name) {
			return &usageError{fmt.Sprintf("--%s is about %s", name, about), help}
		}
	}
	return nil
}

// without returns flags but those of some names.
func without(flags []cli.Flag, names ...string) []cli.Flag {
	return slices.DeleteFunc(flags, func(flag cli.Flag) bool { return slices.Contains(names, flag.Names()[0]) })
}

func runFinetune(ctx context.Context, c *console, argument string, sources []string, f finetuneFlags) error {
	if !f.probe.on {
		if err := requireOutput(f.save.output); err != nil {
			return err
		}
	}
	if f.save.output != "" {
		if err := f.save.checkName(); err != nil {
			return err
		}
	}
	if err := f.checkReport(); err != nil {
		return err
	}
	if f.data.test != "" && f.data.held > 0 {
		return &usageError{"--test and --held-out exclude each other", "leave out one: pictures are tested that --test names, or a part of DATA"}
	}
	found, err := f.data.source.open(ctx, sources)
	if err != nil {
		return err
	}
	var test *dataset.Collection
	if f.data.test != "" {
		own := sourceFlags{root: f.data.source.root} // a list of right classes is about one of the two
		if test, err = own.open(ctx, []string{f.data.test}); err != nil {
			return err
		}
	}
	f.classifier.digest = true
	weights, options, err := f.classifier.locate(ctx, c, argument)
	if err != nil {
		return err
	}
	options.Checkpoint.Headless = true // its head is fitted anew
	known, err := cardOf(ctx, weights, options.Checkpoint)
	if err != nil {
		return err
	}
	data, err := f.data.match(ctx, found, test, known)
	if err != nil {
		return err
	}
	if len(data.labels) < 2 {
		return &probe.ClassesError{Counts: []int{1}, Names: data.labels} // before the pictures are read and counted
	}
	if err := f.checkMeaning(c, known, data); err != nil {
		return err
	}
	remarkAll(c, data.notes())
	if !f.probe.on {
		t := &training{console: c, argument: argument, weights: weights, options: options, flags: &f, data: data}
		return t.run(ctx)
	}
	p := &probing{console: c, argument: argument, weights: weights, options: options, flags: &f, data: data}
	return p.run(ctx)
}

// checkMeaning refuses what was said of the model and can't be so for what is trained, and says what becomes of what its file states.
func (f *finetuneFlags) checkMeaning(c *console, known card.Card, data *learningData) error {
	if data.fresh && f.classifier.model.labels != "" {
		return &usageError{
			"--labels names the classes of the model, and the new head has those of the data",
			"leave it out; the classes have the names of the folders, or those of the list",
		}
	}
	if !known.Problem.Unusual() {
		return nil
	}
	if known.From[card.ProblemIs] == card.Asked {
		return &usageError{
			fmt.Sprintf("--problem-type %s: each picture has one right class here, and a softmax says which", known.Problem),
			"leave it out, or give --problem-type " + string(card.SingleLabel),
		}
	}
	if data.fresh {
		return nil // whatever the old head meant
	}
	c.remark(fmt.Sprintf("the model has the problem_type %s; here each picture has one right class, and what is written has %s", known.Problem, card.SingleLabel))
	return nil
}

// cardOf returns what is known of weights.
func cardOf(ctx context.Context, weights beitzoo.Weights, options convert.OpenOptions) (card.Card, error) {
	opened, err := weights.Open(ctx, options)
	if err != nil {
		return card.Card{}, err
	}
	return opened.Card(), opened.Close()
}

// learningFlags say which pictures a model learns from, which it is tested on, and which classes they have.
type learningFlags struct {
	source sourceFlags
	test   string
	// held is 0 if nobody stated it.
	held, classes int
	seed          uint64
}

// usualHeld is how many percent of each class a linear probe is tested on.
const usualHeld = 20

func (f *learningFlags) flags() []cli.Flag {
	held := countFlag("held-out", &f.held, fmt.Sprintf("none with --test or without --probe, else %d", usualHeld),
		"test on `N` percent of each class of DATA, drawn by --seed, and learn from the others")
	held.Action = between("--held-out", 1, 90)
	own := []cli.Flag{
		&cli.PathFlag{Name: "test", Destination: &f.test, Usage: "test on the pictures of this `DATA`, and learn from all others"},
		held,
		countFlag("classes", &f.classes, "those of the model", "take the `K` classes of the data, in the order of their names, for a new head"),
		&cli.Uint64Flag{
			Name: "seed", Destination: &f.seed,
			Usage: "the seed `N` of all that is drawn: orders, changes to pictures, a new head, which pictures are held out, and with --probe in which folds the others are",
		},
	}
	for _, flag := range own {
		setCategory(flag, dataSection)
	}
	return append(own, f.source.flags()...)
}

// sameData returns the error that a model would be tested on what it has learnt from.
func sameData() *usageError {
	return &usageError{"--test names the pictures to learn from", "name others, or test on a part of them: --held-out N, in percent"}
}

// nothingHeld returns the error that there is no picture to hold out.
func nothingHeld() *usageError {
	return &usageError{"there is no picture to test on: no class has two", "add pictures, or name others: --test DATA"}
}

// learningData are the pictures to learn from, and to test on.
type learningData struct {
	train dataset.Set
	// test is nil if a part of train is held out, or nothing is tested.
	test dataset.Set
	// labels are the names of the classes. fresh says that the classes are those of the data, and not of the model, and named that their names are.
	labels       []string
	fresh, named bool
}

// match returns the data with the classes of the model, if it has some and they fit, or with those of its own.
func (f *learningFlags) match(ctx context.Context, found, test *dataset.Collection, known card.Card) (*learningData, error) {
	matching, err := f.source.matching()
	if err != nil {
		return nil, err
	}
	d := &learningData{labels: known.Labels}
	model := dataset.Model{Classes: known.Config.Classes, Labels: known.Labels}
	if d.fresh = f.classes > 0 || !known.Config.Classifies(); d.fresh {
		if model, err = f.ownClasses(ctx, found, matching); err != nil {
			return nil, err
		}
		d.labels, d.named = model.Labels, true
	}
	d.train, err = found.Match(ctx, model, matching)
	all := d.train
	if found.Kind() == dataset.Tars && err == nil { // of which only the classes of the first were matched
		own := matching
		own.OwnClasses = true
		all, err = found.Match(ctx, model, own)
	}
	if !d.fresh {
		if err := headProblem(ctx, found, all, err); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	if card.Placeholder(d.labels) {
		d.labels, d.named = classNames(all.Classes()), true
	}
	if test == nil {
		return d, nil
	}
	if d.test, err = test.Match(ctx, dataset.Model{Classes: model.Classes, Labels: d.labels}, dataset.Matching{Map: matching.Map}); err != nil {
		return nil, err
	}
	if d.test.Digest() == d.train.Digest() {
		return nil, sameData()
	}
	return d, nil
}

// classNames returns the names that a data set has for the classes of a model, in the order of the logits; of several for one class the first. A class that the data does
// not have is called by its number.
func classNames(m dataset.Mapping) []string {
	labels := make([]string, m.Of)
	for i, logit := range m.Logits {
		if logit >= 0 && labels[logit] == "" {
			labels[logit] = m.Names[i]
		}
	}
	for logit, name := range labels {
		if name == "" {
			labels[logit] = fmt.Sprintf("class %d", logit)
		}
	}
	return labels
}

// ownClasses returns the classes of the data as those of a model.
func (f *learningFlags) ownClasses(ctx context.Context, found *dataset.Collection, matching dataset.Matching) (dataset.Model, error) {
	if matching.Map != nil || matching.Way != "" {
		return dataset.Model{}, &usageError{
			"--class-map and --match are about the classes of the model, and its new head has those of the data",
			"leave them out; the classes have the names of the folders, or those of the list",
		}
	}
	names, empty, err := found.Names(ctx)
	switch {
	case err != nil:
		return dataset.Model{}, err
	case len(empty) > 0:
		return dataset.Model{}, &usageError{
			fmt.Sprintf("%s: %s without pictures: %s", text.Name(found.Source()), text.Count(len(empty), "class folder is", "class folders are"), text.List(empty, 5, "")),
			"add pictures, or remove the folders: a class can't be learnt from nothing",
		}
	case f.classes > 0 && f.classes != len(names):
		return dataset.Model{}, &usageError{
			fmt.Sprintf("--classes %d, and the data has %s", f.classes, text.Count(len(names), "class", "classes")), fmt.Sprintf("give --classes %d if that is right", len(names)),
		}
	}
	for _, name := range names {
		if problem := card.LabelProblem(name); problem != "" {
			return dataset.Model{}, &usageError{"the name of a class " + problem, "rename its folder, or change the list"}
		}
	}
	if partNames(names) {
		return dataset.Model{}, &usageError{
			fmt.Sprintf("the class folders of %s are %s: these are parts of a data set, not classes", text.Name(found.Source()), text.List(names, 5, "")),
			"name the part itself: DATA/train, with --test DATA/test",
		}
	}
	return dataset.Model{Classes: len(names), Labels: names}, nil
}

// partNames reports whether classes have the names of parts that data sets are divided into.
func partNames(names []string) bool {
	for _, name := range names {
		if !slices.Contains([]string{"train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval"}, strings.ToLower(name)) {
			return false
		}
	}
	return len(names) > 1
}

// headError says that the classes of the head are not those of the data.
type headError struct {
	// classes is the number of those of the data, and err the library's error; nil if the data has only some of the model's classes.
	classes, of int
	err         error
}

func (e *headError) Error() string {
	if e.err != nil {
		return e.err.Error()
	}
	return fmt.Sprintf("the data has only %d of the model's %d classes: of the others nothing can be learnt", e.classes, e.of)
}

// Is reports that the request is wrong.
func (e *headError) Is(kind error) bool { return kind == errdef.ErrUsage }

func (e *headError) Hint() string {
	return fmt.Sprintf("for a new head with the classes of the data, add: --classes %d", e.classes)
}

// headProblem returns a *headError if data does not have all classes of a model and no others. failed is the error of matching them.
func headProblem(ctx context.Context, found *dataset.Collection, matched dataset.Set, failed error) error {
	mismatch := (*dataset.MismatchError)(nil)
	switch {
	case errors.As(failed, &mismatch):
		names, _, err := found.Names(ctx)
		return cmp.Or(err, error(&headError{classes: len(names), err: failed}))
	case failed == nil && matched.Classes().Subset():
		return &headError{classes: len(matched.Classes().Names), of: matched.Classes().Of}
	}
	return nil
}

// notes returns what has to be known of the data.
func (d *learningData) notes() []string {
	notes := slices.Clone(d.train.Notes())
	if d.test != nil {
		for _, note := range d.test.Notes() {
			if !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
		}
	}
	return notes
}
