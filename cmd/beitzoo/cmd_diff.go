package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/internal/text"
)

// diffFlags are the flags of diff.
type diffFlags struct {
	model modelFlags
	zoo   zooFlags
	// a and b are for one of the files alone.
	a, b sideFlags
}

// sideFlags say how one of two checkpoints is opened, where that differs from the other.
type sideFlags struct {
	from, arch, selected, window, taps string
	heads                              int
	epsilon                            float64
	pooling                            string
}

func (f *sideFlags) flags(letter string) []cli.Flag {
	suffix, alone := "-"+strings.ToLower(letter), ", for "+letter+" alone"
	epsilon := &cli.Float64Flag{
		Name: "epsilon" + suffix, Destination: &f.epsilon, DefaultText: "--epsilon", Action: checkEpsilon,
		Usage: "like --epsilon" + alone + ": the LayerNorm `EPSILON`",
	}
	return []cli.Flag{
		stringFlag("select"+suffix, &f.selected, "like --select"+alone+": the `KEY` of its state dict"),
		stringFlag("from"+suffix, &f.from, "like --from"+alone+": the naming `SCHEME`, "+strings.Join(naming.Names(), ", ")),
		stringFlag("arch"+suffix, &f.arch, "like --arch"+alone+": the architecture `ARCH`"),
		countFlag("heads"+suffix, &f.heads, "--heads", "like --heads"+alone+": the `NUMBER` of attention heads"),
		stringFlag("window"+suffix, &f.window, "like --window"+alone+": the `WINDOW` in patches"),
		epsilon,
		&cli.StringFlag{
			Name: "taps" + suffix, Destination: &f.taps, DefaultText: "--taps", Usage: "like --taps" + alone + ": the `BLOCKS` whose results it is made of",
		},
		&cli.StringFlag{
			Name: "pooling" + suffix, Destination: &f.pooling, DefaultText: "--pooling", Action: checkPooling, Usage: "like --pooling" + alone + ": the `TOKENS` that its head sees",
		},
	}
}

// over returns the flags of both files with those of one put over them. A file whose scheme is stated does not have the names of a map.
func (f sideFlags) over(both modelFlags) modelFlags {
	if f.from != "" {
		both.ownMap = ""
	}
	both.from, both.arch, both.selected = cmp.Or(f.from, both.from), cmp.Or(f.arch, both.arch), cmp.Or(f.selected, both.selected)
	both.window, both.heads, both.epsilon = cmp.Or(f.window, both.window), cmp.Or(f.heads, both.heads), cmp.Or(f.epsilon, both.epsilon)
	both.taps = cmp.Or(f.taps, both.taps)
	both.pooling = cmp.Or(f.pooling, both.pooling)
	return both
}

func diffCommand(c *console) *cli.Command {
	var f diffFlags
	return &cli.Command{
		Name:      "diff",
		Usage:     "compare two models parameter by parameter, whatever their formats, and say how one follows from the other",
		ArgsUsage: "A B",
		Description: about("Exits with 0 if all parameters are equal bit for bit, and with 1 if they differ. For each parameter that differs, how B follows from A is said\n"+
			"if that is known: rounded, transposed, rows or heads in another order, scaled, zero, a part or a value that differs.\n"+
			"--map is for whichever of the two has its names, --drop for whichever has such tensors, --select for whichever has that state dict;\n"+
			"flags that end in -a and -b are for one of them, also of a file that is given twice.",
			"beitzoo diff beit.pdparams beit.pth",
			"beitzoo diff my_port.pth beit.pth --map my_port.yaml",
			"beitzoo diff checkpoint.pth checkpoint.pth --select-a model --select-b model_ema",
		),
		Flags:  c.flags(f.a.flags("A"), f.b.flags("B"), f.model.flags(), f.zoo.flags()),
		Action: action(func(ctx context.Context, args []string) error { return diff(ctx, c, args[0], args[1], f) }),
	}
}

// options returns how both files are opened.
func (f diffFlags) options() (a, b convert.OpenOptions, err error) {
	if _, err = f.model.options(); err != nil { // what is said about both must make sense together
		return a, b, err
	}
	if a, err = f.a.over(f.model).options(); err != nil {
		return a, b, err
	}
	if b, err = f.b.over(f.model).options(); err != nil {
		return a, b, err
	}
	if a.Map != nil && b.Map != nil {
		b.Map = a.Map // one map, not two that are alike
	}
	a.MayNotFit, b.MayNotFit = true, true
	return a, b, nil
}

func diff(ctx context.Context, c *console, a, b string, f diffFlags) error {
	forA, forB, err := f.options()
	if err != nil {
		return err
	}
	atA, err := f.zoo.locate(ctx, c, a)
	if err != nil {
		return err
	}
	atB, err := f.zoo.locate(ctx, c, b)
	if err != nil {
		return err
	}
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

// leastCommon is how many tensors have a relation that is said once for all of them.
const leastCommon = 3

func printDifference(c *console, d *convert.Difference) {
	if d.Equal {
		c.printf("equal: all %d parameters, bit for bit", d.Parameters)
	} else {
		c.printf("%d of %d common parameters differ", len(d.Tensors), d.Parameters)
	}
	said := ""
	if len(d.Relations) > 0 && d.Relations[0].Count >= leastCommon {
		said = d.Relations[0].Sentence
		switch count := d.Relations[0].Count; count {
		case d.Parameters:
			c.printf("  %s in all %d parameters", said, count)
		case len(d.Tensors):
			c.printf("  %s in all of them", said)
		default:
			c.printf("  %s in %d of them", said, count)
		}
	}
	listed := 0
	for _, t := range d.Tensors {
		if said != "" && t.Sentence() == said {
			continue
		}
		if listed++; listed <= maxDifferences {
			c.printf("  %s: %s", t.Name, difference(t))
		}
	}
	if more := listed - maxDifferences; more > 0 {
		c.printf("  and %d more; --json lists all", more)
	}
	for _, only := range []struct {
		names []string
		path  string
	}{{d.OnlyA, d.A.Path}, {d.OnlyB, d.B.Path}} {
		if n := len(only.names); n > 0 {
			c.printf("  only in %s: %s, such as %s", only.path, text.Count(n, "parameter", "parameters"), only.names[0])
		}
	}
	for _, left := range []struct {
		tensors []convert.Dropped
		path    string
	}{{d.LeftOutA, d.A.Path}, {d.LeftOutB, d.B.Path}} {
		if len(left.tensors) > 0 {
			c.printf("  left out of %s, and not compared: %s", left.path, text.List(leftOutText(left.tensors), mostLeftOut, ""))
		}
	}
	if d.EpsilonA != d.EpsilonB {
		c.printf("  run with different epsilons: %g and %g", d.EpsilonA, d.EpsilonB)
	}
	for _, run := range d.Runs {
		c.printf("  run with different %s: %s and %s, so that they compute other results", run.What, run.A, run.B)
	}
}

// mostLeftOut is how many tensors that were not compared are named without --json.
const mostLeftOut = 4

func leftOutText(tensors []convert.Dropped) []string {
	words := make([]string, len(tensors))
	for i, t := range tensors {
		words[i] = fmt.Sprintf("%s (%s)", text.Quote(t.Name), t.Reason)
	}
	return words
}

func difference(t convert.TensorDifference) string {
	how := t.Sentence()
	if how != "" {
		how += "; "
	}
	switch {
	case !t.ShapeA.Equal(t.ShapeB):
		return fmt.Sprintf("%sshape %s and %s", how, t.ShapeA, t.ShapeB)
	case t.DTypeA != t.DTypeB && t.Count == 0:
		return fmt.Sprintf("%s and %s, the same values", t.DTypeA, t.DTypeB)
	}
	kinds := ""
	if t.DTypeA != t.DTypeB {
		kinds = fmt.Sprintf("%s and %s, ", t.DTypeA, t.DTypeB)
	}
	return fmt.Sprintf("%s%s%d of %d elements, most at %v: %v and %v", how, kinds, t.Count, t.Elements, t.At, t.A, t.B)
}
