package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/evaluate/report"
	"github.com/beitzoo/beitzoo/finetune"
	"github.com/beitzoo/beitzoo/finetune/probe"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// checkReport returns an error if the page can't be written when all is over.
func (f *finetuneFlags) checkReport() error {
	if f.report == "" {
		return nil
	}
	if f.save.output != "" && samePlace(f.report, f.save.output) {
		return &usageError{"-o and --report name the same file, " + text.Quote(f.report), "give the page another name"}
	}
	if err := report.CheckTarget(f.report); err != nil {
		return err
	}
	_, err := os.Stat(filepath.Dir(filepath.Clean(f.report)))
	return disk.AtTarget(f.report, err)
}

// reporting makes the page about a model that was trained, or whose head was fitted.
type reporting struct {
	*console
	page report.TrainingPage
	// labels are the names of the classes.
	labels []string
	// wrong are the records of pictures that the result takes for another class.
	wrong []evaluate.Record
}

func newReporting(c *console, argument string, data *learningData) *reporting {
	return &reporting{console: c, labels: data.labels, page: report.TrainingPage{Model: argument, Source: data.train.Source(), Command: commandText(c.args), Notes: data.notes()}}
}

// take keeps what the page needs of a record. All records are of one set, in order.
func (r *reporting) take(record evaluate.Record) {
	if record.Rank != 1 && record.Error == "" {
		r.wrong = append(r.wrong, record)
	}
}

// test puts the figures of the pictures that were tested into the page, and the most confident mistakes with their pictures.
func (r *reporting) test(ctx context.Context, header evaluate.Header, summary *evaluate.Summary, set dataset.Set) error {
	mistakes, err := report.Mistakes(func(yield func(evaluate.Record, error) bool) {
		for _, record := range r.wrong {
			if !yield(record, nil) {
				return
			}
		}
	}, usualMistakes)
	if err != nil {
		return err
	}
	if err := report.FindIn(ctx, set, header.Recipe.Recipe, mistakes); err != nil {
		return err
	}
	header.Model.Name, header.Model.Labels = r.page.Model, r.labels
	r.page.Test = &report.Page{Header: header, Summary: summary, Mistakes: mistakes}
	return nil
}

// add adds a fact, unless nothing is known of it.
func (r *reporting) add(name, value string) {
	if value != "" {
		r.page.Facts = append(r.page.Facts, report.Fact{Name: name, Value: value})
	}
}

// addRun adds what ran where.
func (r *reporting) addRun(ctx context.Context, run evaluate.Run, threads int) {
	r.add("Numbers", run.DType)
	r.page.Facts = append(r.page.Facts, machineFacts(ctx, run.Engine, run.Device)...)
	if threads > 0 {
		r.add("Threads", text.Count(threads, "thread", "threads")+", as stated")
	}
}

// addTarget adds what was written.
func (r *reporting) addTarget(target *savedFile, which string) {
	if target != nil {
		r.add("Written", fmt.Sprintf("%s%s: %s, scheme %s, %s", target.Path, which, target.Format, target.Scheme, humanize.Bytes(uint64(target.Bytes))))
	}
}

// stepsText says what was done to a model.
func stepsText(steps []adapt.Step) string {
	var all []string
	for _, step := range steps {
		all = append(all, step.String())
	}
	return strings.Join(all, "; ")
}

// report writes the page about the training, whose result has these parameters.
func (t *training) report(ctx context.Context, parameters []tensor.Named) error {
	r := newReporting(t.console, t.argument, t.data)
	chosen := len(t.ran.Epochs) - 1
	if t.result.Chosen == "best" {
		chosen = t.ran.Best
	}
	r.page.What = "beitzoo finetune"
	r.page.Again = "Where the state of this training is, it goes on from there, which is its end; with another --state FOLDER it begins anew. " +
		"On the same machine, with the same build and number of threads, the result is the same to the bit."
	t.plan.Describe(&r.page, t.ran, chosen)
	if t.data.test == nil {
		r.page.Notes = append(r.page.Notes, "no picture was tested: the curves say nothing of pictures that the model has not learnt")
	} else if err := t.examine(ctx, r, parameters, chosen); err != nil {
		return err
	}
	t.addFacts(ctx, r)
	if err := report.WriteTrainingHTML(t.flags.report, r.page); err != nil {
		return err
	}
	t.result.Report = t.flags.report
	return nil
}

// examine tests the result once more, and keeps what it says of each picture.
func (t *training) examine(ctx context.Context, r *reporting, parameters []tensor.Named, chosen int) error {
	bar := t.newCount("testing", inImages)
	evaluation := t.evaluation()
	evaluation.Progress = bar.setEvaluation
	summary, header, err := evaluation.Examine(ctx, parameters, r.take)
	bar.finish()
	if err != nil {
		return fmt.Errorf("the report: %w", err)
	}
	r.page.Tested = fmt.Sprintf("Tested: %s, with the parameters after epoch %d of %d", text.Count(summary.Images, "picture", "pictures"), chosen+1, t.settings.Epochs)
	if t.result.Chosen == "best" {
		r.page.Tested += ", which were chosen by them: an accuracy to publish needs other pictures"
	}
	if before := t.ran.Epochs[chosen].Score; before != nil && before.Right != summary.Top1 {
		note := fmt.Sprintf("after epoch %d %d of %d were right, and now %d are: ", chosen+1, before.Right, before.Images, summary.Top1)
		if len(t.ran.Conditions) > 0 {
			note += "it was computed under other conditions: " + strings.Join(t.ran.Conditions, "; ")
		} else {
			note += "it is not known why; weights, pictures, machine, build and number of threads are those of the state"
		}
		r.page.Notes = append(r.page.Notes, note)
		t.remark(note)
	}
	return r.test(ctx, header, summary, t.data.test)
}

// addFacts says what was trained on what.
func (t *training) addFacts(ctx context.Context, r *reporting) {
	result := &t.result
	yes := map[bool]string{false: "no", true: "yes"}
	r.add("Model", result.Model)
	r.add("Weights", result.Digest)
	r.add("Architecture", t.model.Config.Named().Name)
	r.add("Changed first", stepsText(result.Changes))
	r.add("Data", result.Data.Source)
	r.add("List of the data", result.Data.Digest)
	r.add("Names, classes and bytes", result.Data.Contents)
	r.add("Pictures", result.Data.text()+fmt.Sprintf("; %s", text.Count(len(result.Data.Classes), "class", "classes")))
	r.add("List of what is tested", result.Data.TestDigest)
	r.add("Names, classes and bytes of it", result.Data.TestContents)
	r.add("Recipe", recipeText(t.recipe, t.recipeName))
	r.add("Parameters", fmt.Sprintf("%s trained, of %s", humanize.Comma(result.Trained), humanize.Comma(result.Parameters)))
	which := " (the last)"
	if result.Chosen == "best" {
		which = fmt.Sprintf(" (the best, of epoch %d)", result.Best+1)
	}
	r.addTarget(result.Target, which)
	if result.Resumed > 0 {
		r.add("Resumed", fmt.Sprintf("after step %d of %d: those before are of earlier runs of the same command", result.Resumed, result.Steps))
	}
	r.addRun(ctx, result.Run, t.options.Run.Threads)
	r.page.Settings = append(r.page.Settings, report.Fact{Name: "Augmentation", Value: yes[result.Augment]}, report.Fact{Name: "Mixup and CutMix", Value: yes[result.Mix]},
		report.Fact{Name: "Steps", Value: fmt.Sprintf("%d, of which an epoch has %d", result.Steps, t.plan.PerEpoch)})
}

// evaluation says how parameters are tested.
func (t *training) evaluation() finetune.Evaluation {
	known := t.model.Card()
	known.Recipe = &t.recipe
	return finetune.Evaluation{Engine: t.options.Engine, Run: t.options.Run, Card: known, Data: t.data.test, Batch: t.flags.stream.size(t.options.Run.Device)}
}

// report writes the page about the linear classifier that was fitted.
func (p *probing) report(ctx context.Context, model *beitzoo.Extractor, head *probe.Head, test *probe.Data) error {
	set := p.data.test
	if set == nil {
		set = p.data.train
	}
	config := model.Config()
	config.Classes = head.Classes
	header := evaluate.Header{
		Format: evaluate.Format, Data: evaluate.DataOf(set, evaluate.Shard{Index: 1, Of: 1}), Recipe: evaluate.Recipe{Recipe: *model.Card.Recipe},
		Model: evaluate.Model{Config: config, Function: classify.SoftmaxFunction},
	}
	r, tally := newReporting(p.console, p.argument, p.data), evaluate.NewTally(header)
	for i, example := range p.tested {
		record := evaluate.RecordOf(header, example, head.Logits(test, i))
		r.take(record)
		if err := tally.Add(record); err != nil {
			return err
		}
	}
	r.page.What = "beitzoo finetune --probe"
	r.page.Tested = fmt.Sprintf("Tested: %s that the linear classifier has not learnt from", text.Count(test.Len(), "picture", "pictures"))
	r.page.Again = "The result is the same to the bit with any number of threads."
	r.page.Curves = penaltyCurves(&p.result.fittedProbe)
	if n := p.unread.Total - p.result.Data.Learnt - p.result.Data.Tested; n > 0 {
		r.page.Notes = append(r.page.Notes, fmt.Sprintf("%s could not be read, and the figures are about the others", text.Count(n, "picture", "pictures")))
	}
	if err := r.test(ctx, header, tally.Summary(), set); err != nil {
		return err
	}
	p.addFacts(ctx, r, recipeText(header.Recipe.Recipe, model.Card.RecipeName))
	if err := report.WriteTrainingHTML(p.flags.report, r.page); err != nil {
		return err
	}
	p.result.Report = p.flags.report
	return nil
}

// penaltyCurves returns what the cross-validation found; nothing if the penalty was stated.
func penaltyCurves(f *fittedProbe) []report.Curve {
	if len(f.Choices) == 0 {
		return nil
	}
	curve := report.Curve{
		Title: "Cross-entropy in the cross-validation, by penalty", Axis: "penalty", Log: true, Marked: f.Penalty, Mark: "taken",
		Note: fmt.Sprintf("The mean of all pictures to learn from, each in that one of the %d folds which had not seen it.", f.Folds), Lines: []report.Line{{Name: "cross-entropy"}},
	}
	choices := slices.SortedFunc(slices.Values(f.Choices), func(a, b probe.Choice) int { return cmp.Compare(a.Penalty, b.Penalty) })
	for _, choice := range choices {
		curve.Lines[0].X, curve.Lines[0].Y = append(curve.Lines[0].X, choice.Penalty), append(curve.Lines[0].Y, choice.Loss)
	}
	return []report.Curve{curve}
}

// addFacts says what was fitted to what.
func (p *probing) addFacts(ctx context.Context, r *reporting, recipe string) {
	result := &p.result
	r.add("Model", p.argument)
	r.add("Weights", result.Digest)
	r.add("Features", fmt.Sprintf("%s, %d numbers a picture", result.Meaning, result.Width))
	r.add("Data", result.Data.Source)
	r.add("List of the data", result.Data.Digest)
	r.add("Pictures", fmt.Sprintf("%s, %d to learn from, %d to test on", p.dataLine(), result.Data.Learnt, result.Data.Tested))
	r.add("List of what is tested", result.Data.TestDigest)
	r.add("Recipe", recipe)
	r.add("Penalty", penaltyText(&result.fittedProbe))
	r.add("Accuracy", scoreText(&result.fittedProbe))
	r.add("Without looking", fmt.Sprintf("chance is %s; always the class %s, the most frequent: %s",
		shareOf(result.Chance), text.Quote(result.Frequent.Label), shareOf(result.Frequent.Share)))
	if random := result.Random; random != nil {
		r.add("Random weights", fmt.Sprintf("%s; the model is %.2f ± %.2f points better",
			scoreText(&random.fittedProbe), 100*random.Difference.Share, 100*random.Difference.StandardError))
	}
	r.addTarget(result.Target, "")
	r.addRun(ctx, result.Run, p.flags.classifier.engine.threads)
}

func shareOf(share float64) string { return fmt.Sprintf("%.2f %%", 100*share) }
