package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/internal/text"
)

// diffFlags are the flags of diff.
type diffFlags struct {
	model modelFlags
	zoo   zooFlags
	// selectA and selectB are what is selected in one of the files alone.
	selectA, selectB string
}

func diffCommand(c *console) *cli.Command {
	var f diffFlags
	return &cli.Command{
		Name:      "diff",
		Usage:     "compare two models parameter by parameter, whatever their formats",
		ArgsUsage: "A B",
		Description: about("Exits with 0 if all parameters are equal bit for bit, and with 1 if they differ.\n"+
			"--map is for whichever of the two has its names, --drop for whichever has such tensors, --select for whichever has that state dict;\n"+
			"--select-a and --select-b are for one of them, also of a file that is given twice.",
			"beitzoo diff beit.pdparams beit.pth",
			"beitzoo diff my_port.pth beit.pth --map my_port.yaml",
			"beitzoo diff checkpoint.pth checkpoint.pth --select-a model --select-b model_ema",
		),
		Flags: c.flags([]cli.Flag{
			stringFlag("select-a", &f.selectA, "like --select, for A alone: the `KEY` of its state dict"),
			stringFlag("select-b", &f.selectB, "like --select, for B alone: the `KEY` of its state dict"),
		}, f.model.flags(), f.zoo.flags()),
		Action: action(func(ctx context.Context, args []string) error { return diff(ctx, c, args[0], args[1], f) }),
	}
}

func diff(ctx context.Context, c *console, a, b string, f diffFlags) error {
	options, err := f.model.options()
	if err != nil {
		return err
	}
	options.MayNotFit = true
	atA, err := f.zoo.locate(ctx, c, a)
	if err != nil {
		return err
	}
	atB, err := f.zoo.locate(ctx, c, b)
	if err != nil {
		return err
	}
	forA, forB := options, options
	forA.Select, forB.Select = cmp.Or(f.selectA, options.Select), cmp.Or(f.selectB, options.Select)
	optionsA, err := atA.Options(forA)
	if err != nil {
		return err
	}
	optionsB, err := atB.Options(forB)
	if err != nil {
		return err
	}
	found, err := convert.Diff(ctx, atA.Path, atB.Path, optionsA, optionsB)
	if err != nil {
		return ofSide(err, "--select-a", "--select-b")
	}
	remarkSide(c, found.A, "--select-a")
	remarkSide(c, found.B, "--select-b")
	err = c.result(found, func() { printDifference(c, found) })
	if err == nil && !found.Equal {
		return errDiffers
	}
	return err
}

// maxDifferences is how many differing tensors are listed without --json.
const maxDifferences = 20

func printDifference(c *console, d *convert.Difference) {
	if d.Equal {
		c.printf("equal: all %d parameters, bit for bit", d.Parameters)
	} else {
		c.printf("%d of %d common parameters differ", len(d.Tensors), d.Parameters)
	}
	for i, t := range d.Tensors {
		if i == maxDifferences {
			c.printf("  and %d more; --json lists all", len(d.Tensors)-i)
			break
		}
		c.printf("  %s: %s", t.Name, difference(t))
	}
	for _, only := range []struct {
		names []string
		path  string
	}{{d.OnlyA, d.A.Path}, {d.OnlyB, d.B.Path}} {
		if n := len(only.names); n > 0 {
			c.printf("  only in %s: %s, such as %s", only.path, text.Count(n, "parameter", "parameters"), only.names[0])
		}
	}
	if d.EpsilonA != d.EpsilonB {
		c.printf("  run with different epsilons: %g and %g", d.EpsilonA, d.EpsilonB)
	}
}

func difference(t convert.TensorDifference) string {
	switch {
	case !t.ShapeA.Equal(t.ShapeB):
		return fmt.Sprintf("shape %s and %s", t.ShapeA, t.ShapeB)
	case t.DTypeA != t.DTypeB && t.Count == 0:
		return fmt.Sprintf("%s and %s, the same values", t.DTypeA, t.DTypeB)
	}
	kinds := ""
	if t.DTypeA != t.DTypeB {
		kinds = fmt.Sprintf("%s and %s, ", t.DTypeA, t.DTypeB)
	}
	return fmt.Sprintf("%s%d of %d elements, most at %v: %v and %v", kinds, t.Count, t.Elements, t.At, t.A, t.B)
}
