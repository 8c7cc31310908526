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
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/tokens"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// tokenizeFlags say which pictures tokenize takes, and where the tokens go.
type tokenizeFlags struct {
	classifierFlags
	streamFlags
	pictures pictureFlags
	target   tokenTarget
	dryRun   bool
}

// tokenTarget says where tokens go.
type tokenTarget struct{ output, form string }

func (f *tokenTarget) flags() []cli.Flag {
	return []cli.Flag{
		outputFlag(&f.output, "write the visual tokens to this `FILE`; if it was interrupted, the same command goes on from there"),
		&cli.StringFlag{
			Name: "format", Destination: &f.form, DefaultText: "jsonl if FILE ends in .jsonl, else safetensors",
			Usage: "write the file in this `FORMAT`: safetensors (tokens [N, patches], and the names in its metadata) or jsonl",
		},
	}
}

// check returns the form of the file.
func (f *tokenTarget) check() (tokens.Form, error) {
	if err := requireOutput(f.output); err != nil {
		return "", err
	}
	if f.form == "" {
		return tokens.FormOf(f.output), nil
	}
	var known []string
	for _, form := range tokens.Forms() {
		known = append(known, string(form))
	}
	if !slices.Contains(known, f.form) {
		return "", &usageError{fmt.Sprintf("--format %s is not one of a file of tokens", text.Quote(f.form)), suggest.Hint(suggest.Nearest(f.form, known), known)}
	}
	return tokens.Form(f.form), nil
}

func tokenizeCommand(c *console) *cli.Command {
	var f tokenizeFlags
	return &cli.Command{
		Name:      "tokenize",
		Usage:     "turn pictures into visual tokens, the targets of masked-image modelling",
		ArgsUsage: "TOKENIZER [IMAGE...] -o FILE",
		Description: about("TOKENIZER is the encoder of OpenAI's dVAE (BEiT) or VQ-KD (BEiT v2), in any form that convert reads. An IMAGE is a file, a folder, which is\n"+
			"searched to the bottom, a pattern in quotes, - for a list of paths on standard input, or all are tar files, such as those of WebDataset.\n"+
			"Pictures are prepared as the tokenizer was trained: the dVAE sees 112 pixels by Lanczos, VQ-KD 224 by bicubic. The file is the same whatever\n"+
			"was interrupted, and whether parts were merged (docs/visual-tokens.md). Pictures that cannot be read are listed at the end, with exit code 3.",
			"beitzoo tokenize encoder.pkl photos/ -o photos.tokens.safetensors",
			"beitzoo tokenize vqkd.pth 'imagenet-{000..146}.tar' -o train.jsonl --shard 2/8",
			"beitzoo tokenize merge part-*.jsonl -o train.safetensors",
		),
		Subcommands: []*cli.Command{tokenizeMergeCommand(c)},
		Flags: c.flags(
			f.target.flags(), f.pictures.flags(), []cli.Flag{boolFlag("dry-run", &f.dryRun, "say what would be tokenised, and run nothing")},
			f.streamFlags.flags(), f.classifierFlags.flags(),
		),
		Action: action(func(ctx context.Context, args []string) error { return tokenize(ctx, c, args[0], args[1:], f) }),
	}
}

// tokenizeResult is what `beitzoo tokenize --json` prints.
type tokenizeResult struct {
	classifierFacts
	Output string      `json:"output"`
	Form   tokens.Form `json:"format"`
	// Shape is that of the tokens: images, and tokens of each.
	Shape      tensor.Shape `json:"shape"`
	Vocabulary int          `json:"vocabulary"`
	// Window is the number of tokens down and across.
	Window [2]int `json:"window"`
	Shard  string `json:"shard"`
	// Resumed is the number of images that the file had tokens of at the start.
	Resumed int           `json:"resumed"`
	Unread  []unreadImage `json:"unread"`
}

// tokenizePlan is what `beitzoo tokenize --dry-run --json` prints.
type tokenizePlan struct {
	classifierFacts
	Output     string      `json:"output"`
	Form       tokens.Form `json:"format"`
	Vocabulary int         `json:"vocabulary"`
	Window     [2]int      `json:"window"`
	Shard      string      `json:"shard"`
	// Images is the number of images of the part; -1 if only the end tells.
	Images int `json:"images"`
}

func tokenize(ctx context.Context, c *console, argument string, names []string, f tokenizeFlags) error {
	form, err := f.target.check()
	if err != nil {
		return err
	}
	images, err := f.pictures.source(ctx, c, names)
	if err != nil {
		return err
	}
	read := &inputs{paths: append([]string{argument, f.pictures.list, f.model.recipe, f.model.ownMap, f.model.arch}, images.inputs...)}
	if err := read.checkApart(f.target.output); err != nil {
		return err
	}
	f.digest, f.engine.batch = true, f.size(f.engine.device)
	model, err := openTokenizer(ctx, c, argument, f.classifierFlags)
	if err != nil {
		return err
	}
	defer model.Close()
	model.Strict = f.strict
	facts := statedFacts(argument, model.Facts, "")
	if f.dryRun {
		return planTokenize(c, facts, model, images, f.target.output, form)
	}
	header, err := f.headerFor(argument, model, images)
	if err != nil {
		return err
	}
	log, err := tokens.OpenLog(f.target.output, header)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // Finish has synced it
	remarkTokens(c, f.target.output, log, images.total)
	run := &tokenizing{console: c, model: model, images: images, log: log, workers: f.workers, unread: &classify.UnreadError{}}
	return run.run(ctx, form, tokenizeResult{
		classifierFacts: facts, Output: f.target.output, Form: form, Vocabulary: model.Config().Vocabulary(), Window: windowOf(model), Shard: images.part.String(),
		Resumed: log.Resumed(), Unread: []unreadImage{},
	})
}

func windowOf(model *beitzoo.Tokenizer) [2]int {
	height, width := model.Config().Window()
	return [2]int{height, width}
}

// headerFor returns what the tokens depend on.
func (f *tokenizeFlags) headerFor(argument string, model *beitzoo.Tokenizer, images *pictureSource) (tokens.Header, error) {
	chosen, options, err := f.engine.choose()
	if err != nil {
		return tokens.Header{}, err
	}
	dtype := options.DType
	if dtype == tensor.Invalid {
		dtype = tensor.F32
	}
	device, _, _ := strings.Cut(cmp.Or(options.Device, "cpu"), ":") // which of several GPUs it is changes no token
	return tokens.Header{
		Format: tokens.Format, Tokenizer: tokens.Tokenizer{Name: text.Valid(argument), Digest: model.Digest, Config: model.Config()},
		Recipe: evaluate.Recipe{Recipe: model.Recipe(), Name: model.Card.RecipeName}, Run: evaluate.Run{Engine: chosen.Name(), DType: dtype.String(), Device: device},
		Images: tokens.Images{Total: images.whole, Digest: images.digest}, Shard: images.part, Version: version().Version,
	}, nil
}

func remarkTokens(c *console, path string, log *tokens.Log, total int) {
	resumed := log.Resumed()
	if resumed == 0 {
		return
	}
	follows := "the others follow"
	if log.Complete() || resumed == total {
		follows = "all of them"
	}
	c.remark(fmt.Sprintf("%s has tokens of %s already: %s", path, text.Count(resumed, "picture", "pictures"), follows))
}

// planTokenize says what would be tokenised.
func planTokenize(c *console, facts classifierFacts, model *beitzoo.Tokenizer, images *pictureSource, output string, form tokens.Form) error {
	plan := tokenizePlan{
		classifierFacts: facts, Output: output, Form: form, Vocabulary: model.Config().Vocabulary(), Window: windowOf(model), Shard: images.part.String(), Images: images.total,
	}
	return c.result(plan, func() {
		c.printf("%s: %s", facts.Model, facts.line(nil))
		count := "as many pictures as the tar files or the list have"
		if images.total >= 0 {
			count = text.Count(images.total, "picture", "pictures")
		}
		c.printf("would write %d x %d tokens of %d for each of %s to %s (%s); nothing was run (--dry-run)",
			plan.Window[0], plan.Window[1], plan.Vocabulary, count, text.Name(output), form)
	})
}

// openTokenizer opens the tokenizer that an argument names.
func openTokenizer(ctx context.Context, c *console, argument string, f classifierFlags) (*beitzoo.Tokenizer, error) {
	weights, options, err := f.locate(ctx, c, argument)
	if err != nil {
		return nil, err
	}
	model, err := beitzoo.LoadTokenizer(ctx, weights, options)
	if err != nil {
		return nil, err
	}
	remarkGuesses(c, model.Source)
	return model, nil
}

// tokenizing is a run of tokenize.
type tokenizing struct {
	*console
	model   *beitzoo.Tokenizer
	images  *pictureSource
	log     *tokens.Log
	workers int
	unread  *classify.UnreadError
	lying   unturned
}

func (t *tokenizing) run(ctx context.Context, form tokens.Form, result tokenizeResult) error {
	err := t.stream(ctx)
	if err == nil {
		err = t.log.CheckMet()
	}
	if err == nil {
		err = t.log.Finish(form)
	}
	if err != nil {
		if t.unread.Total > 0 && !errors.Is(errdef.Kind(err), errdef.ErrInput) {
			t.remark("the same command goes on from here")
		}
		return err
	}
	t.lying.remark(t.console)
	t.images.remarkLeftOut(t.console)
	for _, failure := range t.unread.Failures {
		result.Unread = append(result.Unread, unreadOf(failure))
	}
	result.Shape = tensor.Shape{t.unread.Total - len(t.unread.Failures) + result.Resumed, t.model.Config().Patches()}
	printed := t.result(result, func() {
		t.printf("%s: %s", result.Model, result.line(nil))
		t.printf("%s: tokens of %s, %d x %d each of %d",
			text.Name(result.Output), text.Count(result.Shape[0], "picture", "pictures"), result.Window[0], result.Window[1], result.Vocabulary)
	})
	return cmp.Or(printed, orNone(t.unread))
}

// stream tokenises the images that have no tokens yet.
func (t *tokenizing) stream(ctx context.Context) error {
	bar := t.newCount("tokenising", inImages)
	defer bar.finish()
	for output, err := range t.model.Stream(ctx, t.images.images(ctx, t.log.Has), classify.StreamOptions{Workers: t.workers}) {
		if err != nil {
			return err
		}
		t.unread.Total++
		if output.Unturned != 0 {
			t.lying++
		}
		record := tokens.Record{Index: t.images.place(output.Index), Image: text.Valid(output.Name), Tokens: output.Tokens}
		if output.Failure != nil {
			t.unread.Failures = append(t.unread.Failures, output.Failure)
			record.Error = failureText(output.Failure)
		}
		if err := t.log.Add(record); err != nil {
			return err
		}
		bar.set(int64(t.unread.Total), int64(t.images.total))
	}
	return nil
}

// failureText says why a picture could not be read, without its name.
func failureText(failure *preprocess.FileError) string {
	return cmp.Or(text.Valid(text.Line(failure.Err.Error())), "unreadable")
}
