package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/configs"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/tensor"
)

// modelFlags say how a checkpoint is opened.
type modelFlags struct {
	from, arch, selected string
	epsilon              float64
}

func (f *modelFlags) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{
			Name: "from", Destination: &f.from, Category: modelSection, DefaultText: "recognised by the names",
			Usage: "the naming `SCHEME` of the checkpoint: " + strings.Join(naming.Names(), ", "),
		},
		&cli.StringFlag{
			Name: "arch", Destination: &f.arch, Category: modelSection, DefaultText: "recognised by the shapes",
			Usage: "the architecture `ARCH`: a name such as beit_base_p16_224, or a PASSL yaml config",
		},
		&cli.StringFlag{
			Name: "select", Destination: &f.selected, Category: modelSection,
			Usage: "the `KEY` of the state dict to take if a file holds several, such as model_ema",
		},
		&cli.Float64Flag{
			Name: "epsilon", Destination: &f.epsilon, Category: modelSection, DefaultText: "that of the scheme or config", Action: positive[float64]("--epsilon"),
			Usage: "the LayerNorm `EPSILON`: 1e-6 in PASSL, unilm and timm, 1e-12 in Hugging Face's configs",
		},
	}
}

// options returns what the flags say, checked.
func (f modelFlags) options() (convert.OpenOptions, error) {
	options := convert.OpenOptions{From: f.from, Select: f.selected, Epsilon: f.epsilon}
	if f.from != "" {
		if _, err := naming.ByName(f.from); err != nil {
			return options, err
		}
	}
	if f.arch != "" {
		config, err := readArchitecture(f.arch)
		if err != nil {
			return options, err
		}
		options.Arch = &config
	}
	return options, nil
}

// readArchitecture takes a name, or the path of a PASSL yaml config.
func readArchitecture(name string) (arch.Config, error) {
	if !strings.HasSuffix(name, ".yaml") && !strings.HasSuffix(name, ".yml") {
		return arch.ByName(name)
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return arch.Config{}, err
	}
	config, err := configs.ParsePASSL(raw)
	if file := (*configs.FileError)(nil); errors.As(err, &file) {
		return arch.Config{}, &configs.FileError{File: name, Err: file.Err}
	}
	return config, err
}

// parseDType reads the value of a --dtype flag. It returns tensor.Invalid if the flag is not given.
func parseDType(name string) (tensor.DType, error) {
	if name == "" {
		return tensor.Invalid, nil
	}
	dtype, err := tensor.ParseDType(name)
	if err != nil || !dtype.IsFloat() {
		return tensor.Invalid, &usageError{fmt.Sprintf("--dtype %q is not one of f32, f64, bf16, f16", name), "for half precision try: --dtype bf16"}
	}
	return dtype, nil
}
