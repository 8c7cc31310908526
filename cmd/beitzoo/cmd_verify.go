package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/recording"
	"github.com/beitzoo/beitzoo/verify/report"
)

// verifyFlags are the flags of verify.
type verifyFlags struct {
	model                           modelFlags
	engine                          engineFlags
	zoo                             zooFlags
	recording, against, torchScript string
	images                          int
	all                             bool
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
		),
		Flags: c.flags([]cli.Flag{
			&cli.PathFlag{Name: "recording", Destination: &f.recording, Category: referenceSection, Usage: "compare with what another program recorded in this `FILE` (docs/recording.md)"},
			&cli.PathFlag{Name: "against", Destination: &f.against, Category: referenceSection, Usage: "compare with another `CHECKPOINT`, run on the same inputs"},
			&cli.PathFlag{
				Name: "torchscript", Destination: &f.torchScript, Category: referenceSection,
				Usage: "compare with a traced module in this `FILE`, run on the same inputs; it can run code: open only what you trust",
			},
			images,
			boolFlag("all", &f.all, "print a line for each activation"),
		}, f.model.flags(), f.engine.flags(), f.zoo.flags()),
		Action: action(func(ctx context.Context, args []string) error { return verifyModel(ctx, c, args[0], f) }),
	}
}

func verifyModel(ctx context.Context, c *console, argument string, f verifyFlags) error {
	model, err := openModel(ctx, c, argument, f.model, f.zoo)
	if err != nil {
		return err
	}
	defer model.Close()
	subject := verify.Subject{Name: argument, Config: model.Config, Weights: model.Tensors}
	if subject.Engine, subject.Options, err = f.engine.choose(); err != nil {
		return err
	}
	reference, closeReference, err := f.reference(ctx, c)
	if err != nil {
		return err
	}
	defer closeReference()
	defer collectOften()()
	bar := c.newCount("comparing", inTaps)
	result, err := verify.Verify(ctx, subject, reference, verify.Options{
		Images: f.images, Progress: func(done, total int) { bar.set(int64(done), int64(total)) },
	})
	bar.finish()
	if err != nil {
		return err
	}
	return printVerdict(c, result, verifiedFactsOf(model), f.all)
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
	// Recipe and LabelsFrom are not used by a verification, but by whoever runs the model afterwards; they are left out if they are not known.
	Recipe     *statedRecipe `json:"recipe,omitempty"`
	LabelsFrom card.Origin   `json:"labels_from,omitempty"`
}

func verifiedFactsOf(m *convert.Model) verifiedFacts {
	f := verifiedFacts{
		StateDict: cmp.Or(m.StateDict, m.File.Wrapper), Epsilon: m.Config.Epsilon, EpsilonFrom: m.From[card.Epsilon], HeadsFrom: m.From[card.Heads], WindowFrom: m.From[card.Window],
		LabelsFrom: m.From[card.Labels],
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
	line := fmt.Sprintf("epsilon %g%s, heads%s, window%s", f.Epsilon, originText(f.EpsilonFrom), originText(f.HeadsFrom), originText(f.WindowFrom))
	if f.StateDict != "" {
		line += fmt.Sprintf(", state dict %q%s", f.StateDict, originText(f.StateFrom))
	}
	return line
}

// reference opens what the flags say to compare with; the default is the float64 oracle. The returned function closes it.
func (f verifyFlags) reference(ctx context.Context, c *console) (verify.Reference, func(), error) {
	recorded, other, script := f.recording, f.against, f.torchScript
	switch {
	case countGiven(recorded, other, script) > 1:
		return verify.Reference{}, nil, &usageError{"--recording, --against and --torchscript exclude one another", "give one of them"}
	case script != "":
		reference, err := torchScript(script)
		return reference, func() {}, err
	case recorded != "":
		r, err := recording.Read(ctx, recorded)
		if err != nil {
			return verify.Reference{}, nil, err
		}
		return verify.Recorded(recorded, r), func() {}, nil
	case other != "":
		at, err := f.zoo.locate(ctx, c, other)
		if err != nil {
			return verify.Reference{}, nil, fmt.Errorf("the checkpoint to compare with: %w", err)
		}
		stated, err := f.model.options()
		if err != nil {
			return verify.Reference{}, nil, err
		}
		model, err := at.Open(ctx, convert.OpenOptions{
			Epsilon: f.model.epsilon, Heads: f.model.heads, Window: stated.Window, Map: stated.Map, Drop: stated.Drop, MayNotFit: true,
		})
		if err != nil {
			return verify.Reference{}, nil, fmt.Errorf("the checkpoint to compare with: %w", err)
		}
		remarkGuesses(c, model.Input())
		return verify.Against(other, model.Config, model.Tensors), func() { model.Close() }, nil
	}
	return verify.Oracle(), func() {}, nil
}

// countGiven counts the flags that have a value.
func countGiven(values ...string) int {
	return len(slices.DeleteFunc(values, func(value string) bool { return value == "" }))
}

func printVerdict(c *console, result *verify.Result, facts verifiedFacts, all bool) error {
	options := report.Options{All: all, Hint: verdictHint(result.Advice), About: facts.line(), Width: c.columns}
	var err error
	if c.asJSON {
		err = c.json(struct {
			report.Document
			verifiedFacts
		}{report.New(result, options), facts})
	} else {
		err = report.Text(c.out, result, options)
	}
	if err == nil && !result.OK {
		return errDiffers
	}
	return err
}
