package main

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/cmd/internal/fit"
	"github.com/beitzoo/beitzoo/cmd/internal/libtorch"
)

// diagnosis is what `beitzoo doctor --json` prints.
type diagnosis struct {
	Go       string                 `json:"go"`
	Platform string                 `json:"platform"`
	Threads  int                    `json:"threads"`
	Engines  []string               `json:"engines"`
	Compiler *fit.Compiler          `json:"compiler,omitempty"`
	Libtorch *libtorch.Installation `json:"libtorch,omitempty"`
	// Gotch is the copy that is fitted to that libtorch.
	Gotch       string   `json:"gotch,omitempty"`
	Stubbed     []string `json:"stubbed,omitempty"`
	CUDADevices int      `json:"cuda_devices"`
	Problems    []remedy `json:"problems,omitempty"`
}

// remedy is a problem and what mends it.
type remedy struct {
	Problem string `json:"problem"`
	Hint    string `json:"hint,omitempty"`
	// Fatal ones keep the torch engine from running.
	Fatal bool `json:"fatal"`
}

func doctorCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:        "doctor",
		Usage:       "say what this machine has for running models, and what to type where something is missing",
		Description: "Exits with 6 where the torch engine can't run.",
		Flags:       flags(),
		Action:      func(ctx *cli.Context) error { return doctor(c, ctx) },
	}
}

func doctor(c *console, ctx *cli.Context) error {
	if err := exactArgs(ctx); err != nil {
		return err
	}
	d := diagnose(ctx.Context)
	if ctx.Bool("json") {
		if err := c.json(d); err != nil {
			return err
		}
	} else {
		printDiagnosis(c, d)
	}
	for _, r := range d.Problems {
		if r.Fatal {
			return &unfitError{r}
		}
	}
	return nil
}

// unfitError says why the torch engine can't run. It was said already.
type unfitError struct{ remedy }

func (e *unfitError) Error() string { return e.Problem }
func (e *unfitError) Hint() string  { return e.remedy.Hint }

// diagnose looks at everything; what is wrong is noted, not returned.
func diagnose(ctx context.Context) diagnosis {
	info := version()
	d := diagnosis{Go: info.Go, Platform: info.Platform, Threads: runtime.GOMAXPROCS(0), Engines: info.Engines, CUDADevices: cudaDevices()}
	if compiler, err := fit.FindCompiler(ctx); err != nil {
		d.note(err, false)
	} else {
		d.Compiler = &compiler
	}
	found, err := libtorch.Find(ctx, libtorch.Search{})
	if err != nil {
		d.note(err, true)
		return d
	}
	d.Libtorch = &found
	d.fitted(found)
	d.blas(found)
	if len(libtorchEngines()) == 0 {
		d.Problems = append(d.Problems, remedy{(&noLibtorchError{}).Error(), "in a checkout: make libtorch && go build -tags libtorch ./cmd/beitzoo", true})
	}
	return d
}

func (d *diagnosis) note(err error, fatal bool) {
	d.Problems = append(d.Problems, remedy{err.Error(), hintOf(err), fatal})
}

// fitted looks for the copy of gotch that goes with a libtorch.
func (d *diagnosis) fitted(found libtorch.Installation) {
	folder, err := fit.CacheFolder()
	if err != nil {
		d.note(err, false)
		return
	}
	reports, err := fit.Reports(folder)
	if err != nil {
		d.note(err, false)
	}
	for _, report := range reports {
		if report.Libtorch.Library == found.Library && report.Libtorch.Version == found.Version {
			d.Gotch, d.Stubbed = report.Folder, report.Stubbed
		}
	}
	if d.Gotch == "" {
		d.Problems = append(d.Problems, remedy{"gotch is not fitted to this libtorch", "in a checkout: make libtorch", false})
	}
}

// blas warns of Debian's libtorch with the reference BLAS, which is some fifty times slower than OpenBLAS.
func (d *diagnosis) blas(found libtorch.Installation) {
	if found.Origin != libtorch.System {
		return
	}
	links, _ := filepath.Glob("/usr/lib/*/libblas.so.3")
	for _, link := range links {
		if target, err := filepath.EvalSymlinks(link); err == nil && filepath.Base(filepath.Dir(target)) == "blas" {
			d.Problems = append(d.Problems, remedy{"libtorch computes with the reference BLAS (" + target + "), which is very slow", "apt-get install libopenblas0-pthread", false})
		}
	}
}

func printDiagnosis(c *console, d diagnosis) {
	c.printf("go        %s, %s, %d threads", d.Go, d.Platform, d.Threads)
	c.printf("engines   %s", strings.Join(d.Engines, ", "))
	if d.Compiler != nil {
		c.printf("compiler  %s: %s", d.Compiler.Command, d.Compiler.Version)
	}
	if l := d.Libtorch; l != nil {
		c.printf("libtorch  %s in %s, found by way of %s; CUDA %s", l.Version, l.Library, l.Origin, cudaState(d))
	}
	if d.Gotch != "" {
		c.printf("gotch     %s, %d functions stubbed", d.Gotch, len(d.Stubbed))
	}
	for _, r := range d.Problems {
		c.printf("problem   %s", r.Problem)
		if r.Hint != "" {
			c.printf("          %s", r.Hint)
		}
	}
	if len(d.Problems) == 0 {
		c.printf("all is well")
	}
}

func cudaState(d diagnosis) string {
	switch {
	case d.CUDADevices > 0:
		return fmt.Sprintf("with %d devices", d.CUDADevices)
	case d.Libtorch.CUDA:
		return "linked, no device in use"
	case len(d.Libtorch.CUDAMissing) > 0:
		return "not linked, since the machine lacks " + strings.Join(d.Libtorch.CUDAMissing, ", ")
	}
	return "not in it"
}
