package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/tensor"
)

// Flags that several commands share are made for each: the library writes into them.
func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "print one JSON document, and progress as JSON events"}
}

func quietFlag() cli.Flag {
	return &cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "no progress, no remarks"}
}

// modelFlags say how a model is opened.
func modelFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "from", Usage: "the naming `SCHEME` of the checkpoint, where it can't be recognised"},
		&cli.StringFlag{Name: "arch", Usage: "the architecture: a `NAME`, or a PASSL yaml config"},
		&cli.StringFlag{Name: "select", Usage: "the `KEY` of the state dict to take, such as model_ema"},
		&cli.Float64Flag{Name: "epsilon", Usage: "the LayerNorm epsilon: 1e-6 in PASSL, unilm and timm, 1e-12 in Hugging Face's configs"},
	}
}

// engineFlags say what runs a model.
func engineFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "engine", Usage: "`torch` (libtorch) or native (plain Go); the best that this build has where not given"},
		&cli.StringFlag{Name: "device", Usage: "`cpu`, cuda or cuda:N"},
		&cli.StringFlag{Name: "dtype", Usage: "weights and activations in `f32`, f64, bf16 or f16"},
		&cli.IntFlag{Name: "threads", Usage: "threads of one forward pass; all cores where not given"},
	}
}

func flags(groups ...[]cli.Flag) []cli.Flag {
	var all []cli.Flag
	for _, group := range groups {
		all = append(all, group...)
	}
	return append(all, jsonFlag(), quietFlag())
}

// parseDType reads the value of a --dtype flag; empty gives Invalid, which stands for no choice.
func parseDType(name string) (tensor.DType, error) {
	if name == "" {
		return tensor.Invalid, nil
	}
	dtype, err := tensor.ParseDType(name)
	if err != nil || !dtype.IsFloat() {
		return tensor.Invalid, &usageError{fmt.Sprintf("--dtype %q is none of f32, f64, bf16, f16", name), "for half precision try: --dtype bf16"}
	}
	return dtype, nil
}

// exactArgs checks the number of arguments.
func exactArgs(ctx *cli.Context, names ...string) error {
	if ctx.NArg() == len(names) {
		return nil
	}
	wanted := strings.Join(names, " ")
	if ctx.NArg() > len(names) {
		return &usageError{fmt.Sprintf("unexpected argument %q", ctx.Args().Get(len(names))), fmt.Sprintf("usage: beitzoo %s %s", ctx.Command.Name, wanted)}
	}
	return &usageError{fmt.Sprintf("%s is missing", names[ctx.NArg()]), fmt.Sprintf("usage: beitzoo %s %s", ctx.Command.Name, wanted)}
}
