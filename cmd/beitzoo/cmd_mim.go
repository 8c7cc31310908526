package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/evaluate/mim"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

// mimFlags say what mim measures.
type mimFlags struct {
	pairFlags
	streamFlags
	list     string
	others   cli.StringSlice
	diagnose bool
}

func mimCommand(c *console) *cli.Command {
	var f mimFlags
	return &cli.Command{
		Name:      "mim",
		Usage:     "measure whether a masked-image model recovers the visual tokens of what was masked",
		ArgsUsage: "MODEL [IMAGE...] --tokenizer TOKENIZER",
		Description: about("MODEL is a checkpoint of pre-training, with mask_token and lm_head. Patches of each picture are masked as in unilm's pre-training, the tokenizer\n"+
			"says which tokens stand there, and the model has to find them. Both see the same part of a picture, each by its own filter and statistics. An IMAGE\n"+
			"is a file, a folder, a pattern in quotes, - for a list of paths on standard input, or all are tar files. A model near chance is an answer, with\n"+
			"exit code 1: then the known mistakes are tried, and the one that repairs it is named (docs/visual-tokens.md).",
			"beitzoo mim beit_base_patch16_224_pt22k.pth val/ --tokenizer encoder.pkl",
			"beitzoo mim beitv2_base.pth val/ --tokenizer vqkd.pth --seed 7",
			"beitzoo mim pretrained.pdparams val/ --tokenizer pretrained.pdparams --tokenizer-select d_vae.encoder",
		),
		Flags: c.flags([]cli.Flag{
			&cli.PathFlag{Name: "list", Destination: &f.list, Usage: "take the pictures whose paths are in this `FILE`, one a line; they count from the folder that the command runs in"},
			boolFlag("diagnose", &f.diagnose, "try the known mistakes also if the model is not near chance"),
			&cli.StringSliceFlag{Name: "other-tokenizer", Destination: &f.others, Usage: "a further `TOKENIZER` to try if the model is near chance; it may be repeated"},
		}, f.pairFlags.flags(), f.streamFlags.flags()),
		Action: action(func(ctx context.Context, args []string) error { return runMIM(ctx, c, args[0], args[1:], f) }),
	}
}

// mimResult is what `beitzoo mim --json` prints.
type mimResult struct {
	classifierFacts
	Tokenizer classifierFacts `json:"tokenizer"`
	Masks     statedMasks     `json:"masks"`
	*mim.Result
	// NearChance says that the model is no better than one that always says the most frequent token.
	NearChance bool `json:"near_chance"`
	// Published compares with what was published of the model.
	Published []mim.Comparison `json:"published,omitempty"`
	// NoBranch says why the branch for the class token was not evaluated; empty if it was, or the model has none.
	NoBranch  string         `json:"class_branch_not_evaluated,omitempty"`
	Diagnosis *mim.Diagnosis `json:"diagnosis,omitempty"`
	Unread    []unreadImage  `json:"unread"`
}

func runMIM(ctx context.Context, c *console, argument string, names []string, f mimFlags) error {
	pictures, err := (&pictureFlags{list: f.list}).source(ctx, c, names)
	if err != nil {
		return err
	}
	f.engine.batch = f.size(f.engine.device)
	pair, err := f.openPair(ctx, c, argument)
	if err != nil {
		return err
	}
	defer pair.Close()
	pair.Workers = f.workers
	masks, stated, err := f.masks.masksFor(ctx, pair.Masked.Config, pair.Tokenizer.Config, pictures.total)
	if err != nil {
		return err
	}
	bar := c.newCount("masking", inImages)
	found, err := pair.Evaluate(ctx, pictures.images(ctx, nil), masks, func(done int) { bar.set(int64(done), int64(pictures.total)) })
	bar.finish()
	if err == nil {
		err = stated.check(found.Images + len(found.Unread))
	} else if wrong := (*mim.MasksError)(nil); errors.As(err, &wrong) {
		err = fmt.Errorf("%s: %w", text.Name(stated.File), err)
	}
	if err != nil {
		return err
	}
	result := resultOf(pair, found)
	result.classifierFacts, result.Tokenizer, result.Masks = statedFacts(argument, pair.Model, ""), statedFacts(f.tokenizer, pair.Tokens, ""), stated
	unread := &classify.UnreadError{Total: found.Images + len(found.Unread), Failures: found.Unread}
	if f.diagnose || result.NearChance {
		if result.Diagnosis, err = f.findMistake(ctx, c, pair, found); err != nil {
			return err
		}
	}
	stated.remarkFewer(c, found)
	unturned(found.Unturned).remark(c)
	pictures.remarkLeftOut(c)
	printed := c.result(result, func() { printMIM(c, &result) })
	if err := cmp.Or(printed, orNone(unread)); err != nil || !result.NearChance {
		return err
	}
	return errDiffers
}

// remarkFewer says if the blocks that were asked for hardly fit, so that far fewer patches are masked: unilm's generator gives up then.
func (s *statedMasks) remarkFewer(c *console, found *mim.Result) {
	if s.Generator == nil {
		return
	}
	if wanted := s.Generator.Patches * found.Images; 10*found.Masked < 9*wanted {
		c.remark(fmt.Sprintf("%d patches are masked, and not %d, since blocks of at least %d hardly fit: --mask-least and --mask-exact", found.Masked, wanted, s.Generator.Least))
	}
}

// resultOf returns what was measured, beside what was published and what could not be computed.
func resultOf(pair *beitzoo.MaskedPair, found *mim.Result) mimResult {
	result := mimResult{Result: found, NearChance: found.NearChance(), Unread: []unreadImage{}}
	if entry := pair.Model.Entry; entry != nil {
		result.Published = found.Compare(publishedMasked(&entry.Manifest))
	}
	if pair.NoBranch != nil {
		result.NoBranch = pair.NoBranch.Error()
	}
	for _, failure := range found.Unread {
		result.Unread = append(result.Unread, unreadOf(failure))
	}
	return result
}

// findMistake tries the known mistakes.
func (f *mimFlags) findMistake(ctx context.Context, c *console, pair *beitzoo.MaskedPair, found *mim.Result) (*mim.Diagnosis, error) {
	doubts := mim.Doubts{Reload: pair.Reload}
	for _, name := range words(f.others) {
		weights, err := f.zoo.locate(ctx, c, name)
		if err != nil {
			return nil, err
		}
		options, err := f.tokenizerOptions("", "")
		if err != nil {
			return nil, err
		}
		other, err := pair.OtherTokenizer(ctx, weights, options)
		if err != nil {
			return nil, err
		}
		doubts.Others = append(doubts.Others, other)
	}
	bar := c.newCount("trying mistakes", inImages)
	defer bar.finish()
	doubts.Tried = func(done int) { bar.set(int64(done), -1) }
	return pair.Diagnose(ctx, found, doubts)
}

// printMIM prints what was measured.
func printMIM(c *console, r *mimResult) {
	c.printf("%s: %s", r.Model, r.line(nil))
	c.printf("%s: %s", r.Tokenizer.Model, r.Tokenizer.line(nil))
	c.printf("%s", r.Masks)
	c.printf("%s", text.Count(r.Images, "picture", "pictures"))
	printScore(c, "masked", r.Score)
	c.printf("unmasked   %6.2f %%  %d of %d tokens; the model was not trained on them", 100*r.UnmaskedAccuracy, r.UnmaskedRight, r.Unmasked)
	if r.Branch != nil {
		printScore(c, "class", *r.Branch)
	}
	if r.NoBranch != "" {
		c.printf("class branch not evaluated: %s", r.NoBranch)
	}
	c.printf("chance     %6.2f %%  one of %d tokens; all equally probable: loss %.4f", 100*r.Chance, int(1/r.Chance+0.5), r.Uniform)
	c.printf("frequent   %6.2f %%  always token %d, the most frequent of %d that occur", 100*r.FrequentShare, r.Frequent, r.Distinct)
	printMaskedComparisons(c, r.Published)
	if !r.Tells() {
		c.printf("too few masked patches to tell whether the model is near chance")
	}
	if r.NearChance {
		c.printf("the model is near chance: it does not recover the tokens of this tokenizer")
	}
	printMistakes(c, r.Diagnosis)
}

func printScore(c *console, name string, s mim.Score) {
	c.printf("%-9s  %6.2f %%  %d of %d tokens, standard error %.2f; loss %.4f", name, 100*s.Accuracy, s.Right, s.Masked, 100*s.StandardError, s.Loss)
}

// publishedMasked returns the masked accuracies that a manifest has.
func publishedMasked(m *manifest.Manifest) []mim.Published {
	list := make([]mim.Published, len(m.MaskedAccuracy))
	for i, a := range m.MaskedAccuracy {
		list[i] = mim.Published(a)
	}
	return list
}

// printMaskedComparisons says how measured and published masked accuracies compare.
func printMaskedComparisons(c *console, all []mim.Comparison) {
	for _, p := range all {
		verdict := "agrees"
		switch {
		case p.NotCompared != "":
			verdict = "not compared, since " + p.NotCompared
		case !p.Agrees && p.StandardErrors > 0:
			verdict = fmt.Sprintf("does not agree: these are %.1f standard errors above it", p.StandardErrors)
		case !p.Agrees:
			verdict = fmt.Sprintf("does not agree: these are %.1f standard errors below it", -p.StandardErrors)
		}
		c.printf("published  %s on %s (%s%s): %s", maskedPercent(p.Percent, p.Rounding), p.Dataset, p.Origin, otherRun(p.Run), verdict)
	}
}

// printMistakes prints what was tried.
func printMistakes(c *console, d *mim.Diagnosis) {
	if d == nil {
		return
	}
	c.printf("tried with %s, of whose tokens %.2f %% are right:", text.Count(d.Images, "picture", "pictures"), 100*d.Accuracy)
	for _, t := range d.Trials {
		c.printf("  %6.2f %%  if %s", 100*t.Accuracy, text.Line(t.Mistake))
	}
	if d.Found == nil {
		c.printf("none of these mistakes explains it")
		return
	}
	c.printf("the mistake: %s (%.2f %% without it)", text.Line(d.Found.Mistake), 100*d.Found.Accuracy)
}
