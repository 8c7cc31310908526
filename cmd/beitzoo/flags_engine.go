package main

import (
	"fmt"
	"regexp"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/internal/text"
)

// engineFlags say which engine runs a model, and how.
type engineFlags struct {
	engine, device, dtype string
	threads               int
	// batch is not a flag of these: the command says how many images will go through the model at once, if that is known.
	batch int
}

// maxThreads is more than any machine has cores: each thread costs memory before it works.
const maxThreads = 4096

func (f *engineFlags) flags() []cli.Flag {
	return f.describedAs(
		"run the model with this `ENGINE`: torch (libtorch) or native (plain Go)",
		"run the model on this `DEVICE`: cpu, cuda or cuda:N",
		"the `DTYPE` of weights and activations: f32, f64, bf16 or f16",
	)
}

// lists is like flags, for a command that takes several values of each, separated by commas.
func (f *engineFlags) lists() []cli.Flag {
	return f.describedAs(
		"`ENGINES` to run the model with, separated by commas: torch (libtorch), native (plain Go)",
		"`DEVICES` to run the model on, separated by commas: cpu, cuda, cuda:N",
		"`DTYPES` of weights and activations, separated by commas: f32, f64, bf16, f16",
	)
}

func (f *engineFlags) describedAs(ofEngine, ofDevice, ofDType string) []cli.Flag {
	threads := countFlag("threads", &f.threads, "all cores", "use `N` threads in a forward pass")
	threads.Category, threads.Action = engineSection, between("--threads", 1, maxThreads)
	return []cli.Flag{
		&cli.StringFlag{
			Name: "engine", Destination: &f.engine, Category: engineSection, DefaultText: "torch if this build has it",
			Usage: ofEngine,
		},
		&cli.StringFlag{Name: "device", Destination: &f.device, Category: engineSection, DefaultText: "cpu", Usage: ofDevice},
		&cli.StringFlag{
			Name: "dtype", Destination: &f.dtype, Category: engineSection, DefaultText: "f32",
			Usage: ofDType,
		},
		threads,
	}
}

// choose returns the engine and the options that the flags say.
func (f engineFlags) choose() (engine.Engine, engine.Options, error) {
	options := engine.Options{Device: f.device, Threads: f.threads, Batch: f.batch}
	var err error
	if options.DType, err = parseDType(f.dtype); err != nil {
		return nil, options, err
	}
	if !deviceForm.MatchString(f.device) {
		return nil, options, &usageError{
			fmt.Sprintf("--device %s is not a device", text.Quote(f.device)), "devices are cpu, cuda and cuda:N, such as cuda:0; `beitzoo doctor` lists those of this machine",
		}
	}
	chosen, err := engineByName(f.engine)
	return chosen, options, err
}

// deviceForm is what the name of a device looks like; engines know which of them there are.
var deviceForm = regexp.MustCompile(`^(cpu|cuda(:[0-9]{1,6})?)?$`)
