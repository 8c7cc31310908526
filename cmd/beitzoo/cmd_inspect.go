package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert"
)

func inspectCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "inspect",
		Usage:     "list container, scheme, architecture and parameters without loading the file",
		ArgsUsage: "FILE",
		Flags: flags(modelFlags(), zooFlags(), []cli.Flag{
			&cli.BoolFlag{Name: "digests", Usage: "the sha256 of each parameter's canonical bytes"},
			&cli.BoolFlag{Name: "stats", Usage: "range, mean, NaN and Inf of each parameter"},
			&cli.BoolFlag{Name: "tensors", Usage: "a line for each parameter"},
		}),
		Action: func(ctx *cli.Context) error { return inspect(c, ctx) },
	}
}

func inspect(c *console, ctx *cli.Context) error {
	if err := exactArgs(ctx, "FILE"); err != nil {
		return err
	}
	bar := c.newProgress(ctx, "reading")
	options := convert.InspectOptions{Digests: ctx.Bool("digests"), Statistics: ctx.Bool("stats"), Progress: bar.set}
	var err error
	if options.OpenOptions, err = openOptions(ctx); err != nil {
		return err
	}
	at, err := locate(c, ctx, ctx.Args().First())
	if err != nil {
		return err
	}
	found, err := convert.Inspect(ctx.Context, at.path, options)
	bar.finish()
	if err != nil {
		return err
	}
	if ctx.Bool("json") {
		return c.json(inspection{found, errorText(found.Problem)})
	}
	printInspection(c, found, ctx.Bool("tensors") || options.Digests || options.Statistics)
	return nil
}

// inspection adds to the library's document why the file is no BEiT.
type inspection struct {
	*convert.Inspection
	Problem string `json:"problem,omitempty"`
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func printInspection(c *console, i *convert.Inspection, tensors bool) {
	c.printf("file          %s, %s", i.Path, humanize.Bytes(uint64(i.Bytes)))
	c.printf("format        %s: %s", i.Format, i.Container)
	if i.Wrapper != "" {
		c.printf("state dict    %s", i.Wrapper)
	}
	if i.Architecture == nil {
		c.printf("model         no BEiT that beitzoo knows: %s", errorText(i.Problem))
	} else {
		c.printf("scheme        %s", strings.Join(append([]string{i.Scheme}, i.Equivalent...), ", the same as "))
		c.printf("architecture  %s", describe(*i.Architecture))
		c.printf("epsilon       %g, %s", i.Architecture.Epsilon, i.EpsilonFrom)
	}
	c.printf("parameters    %s in %d tensors, %s", humanize.Comma(i.Parameters), len(i.Tensors), humanize.Bytes(uint64(i.ParameterBytes)))
	c.printf("dtypes        %s", dtypes(i.DTypes))
	if i.SHA256 != "" {
		c.printf("sha256        %s", i.SHA256)
	}
	if n := len(i.Dropped); n > 0 {
		c.printf("beside them   %d tensors, such as %q: %s", n, i.Dropped[0].Name, i.Dropped[0].Reason)
	}
	for _, key := range slices.Sorted(maps.Keys(i.Metadata)) {
		c.printf("metadata      %s: %.80q", key, i.Metadata[key])
	}
	for _, note := range i.Notes {
		c.printf("note          %s", note)
	}
	if tensors {
		printTensors(c, i.Tensors)
	}
}

func dtypes(counts map[string]int) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		words = append(words, fmt.Sprintf("%d %s", counts[name], name))
	}
	return strings.Join(words, ", ")
}

func printTensors(c *console, tensors []convert.InspectedTensor) {
	table := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	defer table.Flush()
	for _, t := range tensors {
		name, _ := json.Marshal(t.Name)
		fmt.Fprintf(table, "%s\t%s\t%s", strings.Trim(string(name), `"`), t.DType, t.Shape)
		if s := t.Statistics; s != nil {
			fmt.Fprintf(table, "\t%.4g to %.4g\tmean %.3g\t%d NaN\t%d Inf", s.Min, s.Max, s.Mean, s.NaN, s.Inf)
		}
		if t.SHA256 != "" {
			fmt.Fprintf(table, "\t%s", t.SHA256)
		}
		fmt.Fprintln(table)
	}
}

// describe says what an architecture is, in one line.
func describe(a arch.Config) string {
	name := a.Name
	if name == "" {
		name = "BEiT"
	}
	return fmt.Sprintf("%s: %d x %d pixels, patches of %d, width %d, %d blocks, %d heads, %s, epsilon %g, %s parameters",
		name, a.ImageHeight, a.ImageWidth, a.PatchSize, a.EmbedDim, a.Depth, a.Heads, headText(a), a.Epsilon, humanize.Comma(a.Parameters()))
}

func headText(a arch.Config) string {
	switch {
	case a.Classes == 0:
		return "no head"
	case a.MaskToken:
		return fmt.Sprintf("%d visual tokens", a.Classes)
	}
	return fmt.Sprintf("%d classes", a.Classes)
}
