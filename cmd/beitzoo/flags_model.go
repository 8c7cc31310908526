package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/tensor"
)

// modelFlags say how a model is opened.
func modelFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "from", Usage: "the naming `SCHEME` of the checkpoint, where it can't be recognised"},
		&cli.StringFlag{Name: "arch", Usage: "the architecture: a `NAME`, or a PASSL yaml config"},
		&cli.StringFlag{Name: "select", Usage: "the `KEY` of the state dict to take, such as model_ema"},
		&cli.Float64Flag{Name: "epsilon", Usage: "the LayerNorm epsilon: 1e-6 in PASSL, unilm and timm, 1e-12 in Hugging Face's configs"},
	}
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

// recipeFlags say how images become inputs.
func recipeFlags() []cli.Flag {
	return []cli.Flag{&cli.StringFlag{Name: "recipe", Usage: "prepare images as `SOURCE` does: " + strings.Join(card.RecipeNames(), ", ")}}
}
