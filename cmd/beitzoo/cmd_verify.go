package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/blame"
	"github.com/beitzoo/beitzoo/verify/recording"
	"github.com/beitzoo/beitzoo/verify/report"
)

// verifyFlags are the flags of verify.
type verifyFlags struct {
	model                           modelFlags
	engine                          engineFlags
	zoo                             zooFlags
	recording, against, torchScript string
	// againstSelect is what is selected in the checkpoint to compare with, and againstTaps are its tapped blocks.
	againstSelect, againstTaps string
	images                     int
	all                        bool
	// report is the file of the HTML page, or empty.
	report string
	// search says how long to look for a reason.
	search string
	fix    fixFlags
}

func verifyCommand(c *console) *cli.Command {
	var f verifyFlags
	images := countFlag("images", &f.images, "all that are recorded, else 2", "compare on `N` images", "samples")
	return &cli.Command{
		Name:      "verify",
		Usage:     "run a model and compare every block with a recording, another checkpoint, or plain float64 arithmetic",
		ArgsUsage: "MODEL",
		Description: about("Exits with 0 if every activation is within the rounding that was measured on this model, and with 1 if not; then it says\n"+
			"which activation is the first that differs, and why.",
			"beitzoo verify beit.pth --recording passl.safetensors",
			"beitzoo verify beit.pth --against original.pdparams --engine native",
			"beitzoo verify a.pth --select model_ema --against a.pth --against-select model",
			"beitzoo verify beit.pth --recording passl.safetensors --report verdict.html",
			"beitzoo verify beit.pth --recording passl.safetensors --fix -o mended.pth",
		),
		Flags: c.flags([]cli.Flag{
			&cli.PathFlag{Name: "recording", Destination: &f.recording, Category: referenceSection, Usage: "compare with what another program recorded in this `FILE` (docs/recording.md)"},
			&cli.PathFlag{Name: "against", Destination: &f.against, Category: referenceSection, Usage: "compare with another `CHECKPOINT`, run on the same inputs"},
			&cli.StringFlag{
				Name: "against-select", Destination: &f.againstSelect, Category: referenceSection, DefaultText: "--select, where it has that",
				Usage: "the `KEY` of the state dict of --against, like --select for the model",
			},
			&cli.StringFlag{
				Name: "against-taps", Destination: &f.againstTaps, Category: referenceSection, DefaultText: "--taps",
				Usage: "the `BLOCKS` that the checkpoint of --against taps, like --taps for the model",
			},
			&cli.PathFlag{
				Name: "torchscript", Destination: &f.torchScript, Category: referenceSection,
				Usage: "compare with a traced module in this `FILE`, run on the same inputs; it can run code: open only what you trust",
			},
			images,
			boolFlag("all", &f.all, "print a line for each activation"),
			reportFlag(&f.report, "write the verdict with plots, pictures and all figures as one HTML page to this `FILE`"),
			searchFlag(&f.search),
		}, f.fix.flags(), f.model.flags(), f.engine.flags(), f.zoo.flags()),
		Action: action(func(ctx context.Context, args []string) error { return verifyModel(ctx, c, args[0], f) }),
	}
}

func verifyModel(ctx context.Context, c *console, argument string, f verifyFlags) error {
	effort, err := effortOf(f.search)
	for _, check := range []func() error{f.checkReport, f.checkFix} {
		if err == nil {
			err = check()
		}
	}
	if err != nil {
		return err
	}
	f.model.keyBias = true // it changes nothing, and is said
	model, other, err := f.open(ctx, c, argument)
	if err != nil {
		return err
	}
	if other != nil {
		defer other.Close()
	}
	defer model.Close()
	v := &verifying{console: c, flags: f, model: model, other: other, effort: effort, facts: verifiedFactsOf(model)}
	if err := v.prepare(ctx, argument); err != nil {
		return err
	}
	defer collectSeldom(model.Tensors)()
	result, err := v.run(ctx, v.subject, false)
	if err != nil {
		return err
	}
	return v.conclude(ctx, result)
}

// verifying is a model, and what it is compared with.
type verifying struct {
	*console
	flags     verifyFlags
	model     *convert.Model
	other     *convert.Model // with --against, else nil
	subject   verify.Subject
	reference verify.Reference
	effort    blame.Effort
	facts     verifiedFacts
}

// prepare finds out what is compared, and says what that takes.
func (v *verifying) prepare(ctx context.Context, argument string) (err error) {
	v.subject = verify.Subject{
		Name: argument, Config: v.model.Config, Weights: v.model.Tensors, KeyBias: v.model.KeyBias, Rounded: adapt.Rounded(v.model.Steps),
		EpsilonGuessed: v.model.From[card.Epsilon].Guess(), Shifted: v.model.TapsShifted(),
	}
	if v.subject.Engine, v.subject.Options, err = v.flags.engine.choose(); err != nil {
		return err
	}
	if v.reference, err = v.flags.reference(ctx, v.other); err != nil {
		return err
	}
	if fitted := v.reference.Fitted(v.subject.Config); fitted.ImageHeight != v.subject.Config.ImageHeight || fitted.ImageWidth != v.subject.Config.ImageWidth {
		v.subject.Config, v.facts.config, v.facts.WindowFrom = fitted, fitted, fromRecording
	}
	return v.flags.announce(v.console, v.subject, v.reference)
}

// fromRecording is where the size of the images comes from that a dVAE is verified with.
const fromRecording card.Origin = "the recording"

// run compares a subject with the reference; noBlame means that nobody asks for reasons.
func (v *verifying) run(ctx context.Context, subject verify.Subject, noBlame bool) (*verify.Result, error) {
	bar := v.newCount("comparing", inTaps)
	defer bar.finish()
	return verify.Verify(ctx, subject, v.reference, verify.Options{
		Images: v.flags.images, NoBlame: noBlame, Effort: v.effort, Progress: func(done, total int) { bar.set(int64(done), int64(total)) },
	})
}

// repaired compares the model with other weights, of which some were rounded when they were stored.
func (v *verifying) repaired(ctx context.Context, weights []tensor.Named, rounded []string) (*verify.Result, error) {
	subject := v.subject
	subject.Weights, subject.Rounded = weights, slices.Concat(subject.Rounded, rounded)
	return v.run(ctx, subject, true)
}

// conclude repairs and reports what was asked for, and prints the verdict.
func (v *verifying) conclude(ctx context.Context, result *verify.Result) error {
	f, facts, notFixed := v.flags, v.facts, error(nil)
	if f.fix.fix {
		if facts.Fix, notFixed = (fixing{v.model, v.repaired, f}).fix(ctx, v.console, result); facts.Fix == nil {
			return notFixed
		}
	}
	options := report.Options{
		All: f.all, Hint: cmp.Or(verdictHint(result.Advice), searchHint(result, f.search)), About: facts.line(), Width: v.columns, Labels: v.model.Labels,
	}
	var failed error
	if f.report != "" {
		if failed = f.writeReport(ctx, v.console, v.model, v.other, result, options); failed == nil {
			facts.Report = f.report
		}
	}
	verdict := printVerdict(v.console, result, facts, options) // it took its time, so it is printed in any case
	if f.fix.fix && errors.Is(verdict, errDiffers) {
		verdict = notFixed
	}
	return cmp.Or(failed, verdict)
}

// announce says what the verification will take. It runs the model in its own engine and in the one that measures the noise, and beside them another checkpoint.
func (f verifyFlags) announce(c *console, subject verify.Subject, reference verify.Reference) error {
	images, passes := cmp.Or(reference.Images, verify.DrawnImages), 2
	if f.images > 0 && (f.images < images || reference.Images == 0) {
		images = f.images
	}
	if f.against != "" {
		passes++
	}
	return announceCost(c, subject.Config, subject.Engine, subject.Options, images, passes)
}

// verifiedFacts are what verify says about the model that it ran beside the verdict, with --json.
type verifiedFacts struct {
	// StateDict is the key of the state dict in the file, or empty if there is only one without a key.
	StateDict   string      `json:"state_dict"`
	StateFrom   card.Origin `json:"state_dict_from,omitempty"`
	Epsilon     float64     `json:"epsilon"`
	EpsilonFrom card.Origin `json:"epsilon_from"`
	HeadsFrom   card.Origin `json:"heads_from"`
	WindowFrom  card.Origin `json:"window_from"`
	PoolingFrom card.Origin `json:"pooling_from"`
	// TapsFrom is empty unless the model is one of segmentation.
	TapsFrom card.Origin `json:"taps_from,omitempty"`
	// Recipe and LabelsFrom are not used by a verification, but by whoever runs the model afterwards; they are left out if they are not known.
	Recipe     *statedRecipe `json:"recipe,omitempty"`
	LabelsFrom card.Origin   `json:"labels_from,omitempty"`
	// Report is the file with the HTML page, if one was written.
	Report string `json:"report,omitempty"`
	// Fix is what --fix did; nil without it.
	Fix    *fixed `json:"fix,omitempty"`
	config arch.Config
}

func verifiedFactsOf(m *convert.Model) verifiedFacts {
	f := verifiedFacts{
		StateDict: cmp.Or(m.StateDict, m.File.Wrapper), Epsilon: m.Config.Epsilon, EpsilonFrom: m.From[card.Epsilon], HeadsFrom: m.From[card.Heads], WindowFrom: m.From[card.Window],
		PoolingFrom: m.From[card.Pooling], TapsFrom: m.From[card.Taps], LabelsFrom: m.From[card.Labels], config: m.Config,
	}
	if f.StateDict != "" {
		f.StateFrom = m.From[card.StateDict]
	}
	if choice, err := m.Recipe(); err == nil && classify.CheckModel(m.Config) == nil {
		f.Recipe = &statedRecipe{choice.Recipe, choice.Name, choice.From, choice.Guessed()}
	}
	return f
}

// line says in one line what a verification depends on.
func (f verifiedFacts) line() string {
	if c := f.config; c.Convolutional() {
		return fmt.Sprintf("pictures of %d x %d pixels%s", c.ImageHeight, c.ImageWidth, originText(f.WindowFrom)) + f.stateText()
	}
	if f.config.Segments() {
		return fmt.Sprintf("epsilon %g%s, heads%s, window%s, taps %s%s", f.Epsilon, originText(f.EpsilonFrom), originText(f.HeadsFrom), originText(f.WindowFrom),
			arch.FormatTaps(f.config.Segmentation.Taps), originText(f.TapsFrom)) + f.stateText()
	}
	line := fmt.Sprintf("epsilon %g%s, heads%s, window%s, pooling%s", f.Epsilon, originText(f.EpsilonFrom), originText(f.HeadsFrom),
		originText(f.WindowFrom), originText(f.PoolingFrom))
	return line + f.stateText()
}

// stateText says which state dict of a file it was, if it had several.
func (f verifiedFacts) stateText() string {
	if f.StateDict == "" {
		return ""
	}
	return fmt.Sprintf(", state dict %q%s", f.StateDict, originText(f.StateFrom))
}

// open opens the model, and the checkpoint to compare with, or nil.
func (f verifyFlags) open(ctx context.Context, c *console, argument string) (model, other *convert.Model, err error) {
	if countGiven(f.recording, f.against, f.torchScript) > 1 {
		return nil, nil, &usageError{"--recording, --against and --torchscript exclude one another", "give one of them"}
	}
	if f.against == "" {
		if err := f.checkAlone(); err != nil {
			return nil, nil, err
		}
		model, err = openModel(ctx, c, argument, f.model, f.zoo)
		return model, nil, err
	}
	options, err := f.model.options()
	if err != nil {
		return nil, nil, err
	}
	options.MayNotFit = true
	at, err := f.zoo.locate(ctx, c, argument)
	if err != nil {
		return nil, nil, err
	}
	atOther, err := f.zoo.locate(ctx, c, f.against)
	if err != nil {
		return nil, nil, fmt.Errorf("the checkpoint to compare with: %w", err)
	}
	forOther := convert.OpenOptions{
		Epsilon: options.Epsilon, Heads: options.Heads, Window: options.Window, Taps: options.Taps, Pooling: options.Pooling, Map: options.Map,
		Drop: options.Drop, MayNotFit: true, KeyBias: true,
		Select: cmp.Or(f.againstSelect, options.Select),
	}
	if f.againstTaps != "" {
		if forOther.Taps, err = parseTaps("--against-taps", f.againstTaps); err != nil {
			return nil, nil, err
		}
	}
	if options, err = at.Options(options); err != nil {
		return nil, nil, err
	}
	if forOther, err = atOther.Options(forOther); err != nil {
		return nil, nil, fmt.Errorf("the checkpoint to compare with: %w", err)
	}
	model, other, err = convert.OpenPair(ctx, at.Path, atOther.Path, options, forOther)
	if err != nil {
		if isA(func(e *convert.SideError) bool { return e.Side == convert.SideB })(err) {
			err = fmt.Errorf("the checkpoint to compare with: %w", err)
		}
		return nil, nil, ofSide(err, "--select", "--against-select")
	}
	remarkGuesses(c, model.Input())
	remarkSide(c, other.Input(), "--against-select")
	if a, b := model.Config.Channels, other.Config.Channels; a != b {
		model.Close()
		other.Close()
		return nil, nil, &usageError{
			fmt.Sprintf("%s takes images of %s, and %s of %d: they can't run on the same images", argument, text.Count(a, "channel", "channels"), f.against, b),
			"compare with a checkpoint of the same architecture; `beitzoo inspect FILE` shows it",
		}
	}
	return model, other, nil
}

// checkAlone returns an error if a flag is about a checkpoint of --against, which is not given.
func (f verifyFlags) checkAlone() error {
	for _, flag := range [][2]string{{"--against-select", f.againstSelect}, {"--against-taps", f.againstTaps}} {
		if flag[1] != "" {
			return &usageError{flag[0] + " is for the checkpoint of --against, which is not given", "add --against CHECKPOINT, or leave out " + flag[0]}
		}
	}
	return nil
}

// reference opens what the flags say to compare with, if it is not another checkpoint; the default is the float64 oracle.
func (f verifyFlags) reference(ctx context.Context, other *convert.Model) (verify.Reference, error) {
	switch {
	case other != nil:
		against := verify.Against(f.against, other.Config, other.Tensors)
		against.Shifted = other.TapsShifted()
		return against, nil
	case f.torchScript != "":
		return torchScript(f.torchScript)
	case f.recording != "":
		r, err := recording.Read(ctx, f.recording)
		if err != nil {
			return verify.Reference{}, err
		}
		return verify.Recorded(f.recording, r), nil
	}
	return verify.Oracle(), nil
}

// countGiven counts the flags that have a value.
func countGiven(values ...string) int {
	return len(slices.DeleteFunc(values, func(value string) bool { return value == "" }))
}

func printVerdict(c *console, result *verify.Result, facts verifiedFacts, options report.Options) error {
	var err error
	if c.asJSON {
		err = c.json(struct {
			report.Document
			verifiedFacts
		}{report.New(result, options), facts})
	} else {
		err = report.Text(c.out, result, options)
		if facts.Report != "" {
			c.printf("report: %s", facts.Report)
		}
		if facts.Fix != nil {
			facts.Fix.print(c)
		}
	}
	if err == nil && !result.OK {
		return errDiffers
	}
	return err
}
