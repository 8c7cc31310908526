package main

import (
	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/convert"
)

func convertCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "convert",
		Usage:     "rewrite a checkpoint in another scheme and format, exactly",
		ArgsUsage: "SRC -o DST",
		Description: "Format and scheme follow from the ending of DST where --to and --format don't say: .pdparams is PASSL's,\n" +
			".pth unilm's, .safetensors canonical, a folder Hugging Face's.\n\n" +
			"   beitzoo convert beit_base_p16_224_ft.pdparams -o beit.pth --to timm --prove",
		Flags: flags(modelFlags(), saveFlags(), zooFlags(), []cli.Flag{
			&cli.StringFlag{Name: "dtype", Usage: "cast to `f32`, f64, bf16 or f16; this may be lossy, and is reported"},
		}),
		Action: func(ctx *cli.Context) error { return convertCheckpoint(c, ctx) },
	}
}

func convertCheckpoint(c *console, ctx *cli.Context) error {
	if err := exactArgs(ctx, "SRC"); err != nil {
		return err
	}
	target, err := outputPath(ctx)
	if err != nil {
		return err
	}
	bar := c.newProgress(ctx, "writing")
	options := convert.Options{SaveOptions: saveOptions(ctx, bar)}
	if options.OpenOptions, err = openOptions(ctx); err != nil {
		return err
	}
	if options.DType, err = parseDType(ctx.String("dtype")); err != nil {
		return err
	}
	source, err := locate(c, ctx, ctx.Args().First())
	if err != nil {
		return err
	}
	report, err := convert.Convert(ctx.Context, source.path, target, options)
	bar.finish()
	if err != nil {
		return err
	}
	if ctx.Bool("json") {
		return c.json(report)
	}
	printConversion(c, report, ctx.Bool("quiet"))
	return nil
}

func printConversion(c *console, r *convert.Report, quiet bool) {
	verb := "wrote"
	if r.DryRun {
		verb = "would write"
	}
	c.printf("read   %s: %s, %s, scheme %s, %s", r.Source.Path, r.Source.Format, r.Source.Container, r.Source.Scheme, humanize.Bytes(uint64(r.Source.Bytes)))
	c.printf("model  %s", describe(r.Architecture))
	c.printf("%-6s %s: %s, scheme %s, %d tensors, %s", verb, r.Saved.Path, r.Saved.Format, r.Saved.Scheme, r.Saved.Tensors, humanize.Bytes(uint64(r.Saved.Bytes)))
	if r.Saved.Proved {
		c.printf("proved read back: all %d parameters are the same, bit for bit", len(r.Parameters))
	}
	for _, loss := range r.Lossy {
		c.printf("lossy  %s", loss)
	}
	if quiet {
		return
	}
	if n := len(r.Dropped); n > 0 {
		c.notef("note: %d tensors that are no parameters were left out, such as %q: %s", n, r.Dropped[0].Name, r.Dropped[0].Reason)
	}
	for _, note := range r.Notes {
		c.notef("note: %s", note)
	}
}
