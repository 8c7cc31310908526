package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/adapt"
)

// convertFlags are the flags of convert.
type convertFlags struct {
	model modelFlags
	save  saveFlags
	adapt adaptFlags
	zoo   zooFlags
	dtype string
	// allowLost lets --prove pass although a cast makes values infinite or zero.
	allowLost bool
	// snippet asks for the lines of Python that load what was written.
	snippet bool
}

func convertCommand(c *console) *cli.Command {
	var f convertFlags
	return &cli.Command{
		Name:      "convert",
		Usage:     "rewrite a checkpoint in another scheme and format, exactly, or resized, or with another head",
		ArgsUsage: "SRC -o DST",
		Description: about("Format and scheme follow from the ending of DST unless --to or --format says otherwise: .pdparams is PASSL's, .pth unilm's,\n"+
			".safetensors canonical, a folder Hugging Face's. DST is written whole or not at all.\n"+
			"Nothing is changed in the model unless it is asked for; each step is said, and recorded in the metadata of DST.\n"+
			"--labels and --problem-type are about the new head with --classes; with --rows they are about the old one, so that rows can be chosen by name.",
			"beitzoo convert beit_base_p16_224_ft.pdparams -o beit.pth --to timm --prove",
			"beitzoo convert beit.pth -o beit-hf/ --to hf",
			"beitzoo convert beit_base_p16_224_ft.pdparams -o beit-384.safetensors --image-size 384 --prove --lossy resize",
			"beitzoo convert beit_base_p16_224_pt22k.pth -o start.pth --classes 1000 --per-block-bias",
			"beitzoo convert my_port.pth -o beit.pth --map my_port.yaml --drop 'criterion.*'",
		),
		Flags: c.flags(f.save.flags(), []cli.Flag{
			stringFlag("dtype", &f.dtype, "cast parameters to this `DTYPE`: f32, f64, bf16 or f16; values that become infinite, zero or NaN are counted"),
			boolFlag("allow-lost-values", &f.allowLost, "let --prove pass although the cast makes values infinite, zero or NaN"),
			boolFlag("snippet", &f.snippet, "print the lines of Python with which timm, transformers, unilm or PASSL builds the model and loads the output"),
		}, f.adapt.flags(), f.model.flags(), f.zoo.flags()),
		Action: action(func(ctx context.Context, args []string) error { return convertCheckpoint(ctx, c, args[0], f) }),
	}
}

func convertCheckpoint(ctx context.Context, c *console, argument string, f convertFlags) error {
	err := requireOutput(f.save.output)
	if err == nil {
		err = f.save.checkName()
	}
	if err != nil {
		return err
	}
	bar := c.newProgress("writing")
	options := convert.Options{AllowLostValues: f.allowLost}
	if options.SaveOptions, err = f.save.options(bar); err != nil {
		return err
	}
	options.Announce = announceSize(c)
	if options.OpenOptions, err = f.model.options(); err != nil {
		return err
	}
	if options.DType, err = parseDType(f.dtype); err != nil {
		return err
	}
	if err := f.adapt.set(&options); err != nil {
		return err
	}
	source, err := f.zoo.locate(ctx, c, argument)
	if err != nil {
		return err
	}
	if options.OpenOptions, err = source.Options(options.OpenOptions); err != nil {
		return err
	}
	report, err := convert.Convert(ctx, source.Path, f.save.output, options)
	bar.finish()
	if err != nil {
		return err
	}
	return c.result(conversion{report, savedFileOf(&report.Saved)}, func() { printConversion(c, report, f.snippet) })
}

// conversion is what `beitzoo convert --json` prints: the library's report, with the flags that give back what is lost.
type conversion struct {
	*convert.Report
	Target savedFile `json:"target"`
}

// printSteps says what was changed in the model, and what can't be undone.
func printSteps(c *console, r *convert.Report) {
	lossy := r.Lossy
	for _, step := range r.Steps {
		if step.Lossy {
			c.printf("lossy  %s", step)
			lossy = slices.DeleteFunc(slices.Clone(lossy), func(loss string) bool { return loss == step.String() })
		} else {
			c.printf("exact  %s", step)
		}
	}
	for _, loss := range lossy {
		c.printf("lossy  %s", loss)
	}
}

// provedTo says what the parameters that were read back are.
func provedTo(r *convert.Report) string {
	if len(r.Steps) == 0 {
		return "the same"
	}
	last := r.Steps[len(r.Steps)-1]
	if last.Name != adapt.StepCast {
		return "those of the changed model"
	}
	model, how := "those of the model", "widened"
	if len(r.Steps) > 1 {
		model = "those of the changed model"
	}
	if last.Lossy {
		how = "rounded"
	}
	for _, p := range r.Parameters {
		if p.Cast != "" {
			return fmt.Sprintf("%s, %s to %s", model, how, p.Cast)
		}
	}
	return model
}

func printConversion(c *console, r *convert.Report, snippet bool) {
	verb := "wrote"
	if r.DryRun {
		verb = "would write"
	}
	c.printf("read   %s: %s, %s, scheme %s, %s", r.Input.Path, r.Input.Format, r.Input.Container, r.Input.Scheme, humanize.Bytes(uint64(r.Input.Bytes)))
	c.printf("model  %s", describe(r.Architecture))
	c.printf("%-6s %s: %s, scheme %s, %d tensors, %s", verb, r.Saved.Path, r.Saved.Format, r.Saved.Scheme, r.Saved.Tensors, humanize.Bytes(uint64(r.Saved.Bytes)))
	if r.Saved.Proved {
		c.printf("proved read back: all %d parameters are %s, bit for bit", len(r.Parameters)-r.Saved.LeftOut, provedTo(r))
	}
	printLost(c, r.Saved.Lost)
	printSteps(c, r)
	remarkGuesses(c, r.Input)
	remarkAll(c, r.Notes)
	if !snippet {
		return
	}
	if r.Snippet == "" {
		c.remark("beitzoo has no lines of Python for such a model in this scheme and format")
		return
	}
	c.printf("\n%s", lines(r.Snippet))
}
