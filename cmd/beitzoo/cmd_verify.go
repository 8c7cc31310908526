package main

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/recording"
	"github.com/beitzoo/beitzoo/verify/report"
)

func verifyCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "run the model and compare every block with a recording, another checkpoint, or the float64 oracle",
		ArgsUsage: "MODEL",
		Description: "Exits with 0 where every activation is within the rounding that was measured on this model, and with 1 where not;\n" +
			"then it says where the two part, and why.",
		Flags: flags(modelFlags(), engineFlags(), zooFlags(), []cli.Flag{
			&cli.PathFlag{Name: "recording", Usage: "a `FILE` that another program recorded; see docs/recording.md"},
			&cli.PathFlag{Name: "against", Usage: "another `CHECKPOINT`, run on the same inputs"},
			&cli.PathFlag{Name: "torchscript", Usage: "a traced module in a `FILE`, run on the same inputs; open only what you trust"},
			&cli.IntFlag{Name: "samples", Usage: "how many images"},
			&cli.BoolFlag{Name: "all", Usage: "a line for each activation"},
		}),
		Action: func(ctx *cli.Context) error { return verifyModel(c, ctx) },
	}
}

func verifyModel(c *console, ctx *cli.Context) error {
	if err := exactArgs(ctx, "MODEL"); err != nil {
		return err
	}
	model, err := openModel(c, ctx, ctx.Args().First())
	if err != nil {
		return err
	}
	defer model.Close()
	subject := verify.Subject{Name: ctx.Args().First(), Config: model.Config, Weights: model.Tensors}
	if subject.Engine, subject.Options, err = chooseEngine(ctx); err != nil {
		return err
	}
	reference, closeReference, err := chooseReference(c, ctx)
	if err != nil {
		return err
	}
	defer closeReference()
	defer collectOften()()
	bar := c.newProgress(ctx, "comparing")
	result, err := verify.Verify(ctx.Context, subject, reference, verify.Options{
		Images: ctx.Int("samples"), Progress: func(done, total int) { bar.set(int64(done), int64(total)) },
	})
	bar.finish()
	if err != nil {
		return err
	}
	return printVerdict(c, ctx, result)
}

// chooseReference reads the flags that say what to compare with; the default is the float64 oracle.
func chooseReference(c *console, ctx *cli.Context) (verify.Reference, func(), error) {
	recorded, other, script := ctx.Path("recording"), ctx.Path("against"), ctx.Path("torchscript")
	switch {
	case countGiven(recorded, other, script) > 1:
		return nil, nil, &usageError{"--recording, --against and --torchscript exclude one another", "give one of them"}
	case script != "":
		reference, err := torchScript(script)
		return reference, func() {}, err
	case recorded != "":
		r, err := recording.Read(ctx.Context, recorded)
		if err != nil {
			return nil, nil, err
		}
		return verify.Recorded(recorded, r), func() {}, nil
	case other != "":
		at, err := locate(c, ctx, other)
		if err != nil {
			return nil, nil, err
		}
		model, err := convert.Open(ctx.Context, at.path, convert.OpenOptions{Epsilon: ctx.Float64("epsilon")})
		if err != nil {
			return nil, nil, fmt.Errorf("the checkpoint to compare with: %w", err)
		}
		return verify.Against(other, model.Config, model.Tensors), func() { model.Close() }, nil
	}
	return verify.Oracle(), func() {}, nil
}

// countGiven counts the flags that were given.
func countGiven(values ...string) int {
	return len(slices.DeleteFunc(values, func(value string) bool { return value == "" }))
}

func printVerdict(c *console, ctx *cli.Context, result *verify.Result) error {
	var err error
	if ctx.Bool("json") {
		err = report.JSON(c.out, result)
	} else {
		err = report.Text(c.out, result, report.Options{All: ctx.Bool("all")})
	}
	if err == nil && !result.OK {
		return errDiffers
	}
	return err
}
