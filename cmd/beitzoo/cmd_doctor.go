package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/internal/text"
)

func doctorCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "doctor",
		Usage:     "print what this machine has for running models, and what to type if something is missing",
		ArgsUsage: "[PROGRAM]",
		Description: about("Exits with 6 if the torch engine cannot run. If a build of beitzoo does not start because its libtorch has moved, name it as PROGRAM: the\n"+
			"libraries that it does not find are listed. In a checkout, `go run ./cmd/beitzoo doctor` needs nothing but Go.",
			"beitzoo doctor",
			"beitzoo doctor ~/bin/beitzoo",
		),
		Flags:  c.flags(),
		Action: action(func(ctx context.Context, args []string) error { return doctor(ctx, c, strings.Join(args, "")) }),
	}
}

func doctor(ctx context.Context, c *console, program string) error {
	d := diagnose(ctx, program)
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.result(d, func() { printDiagnosis(c, d) }); err != nil {
		return err
	}
	for _, r := range d.Problems {
		if r.Fatal {
			return &unfitError{r}
		}
	}
	return nil
}

func printDiagnosis(c *console, d *diagnosis) {
	for _, row := range []struct{ what, text string }{
		{"program", fmt.Sprintf("beitzoo %s, %s, %s, engines: %s", d.Version, d.Go, d.Platform, strings.Join(d.Engines, ", "))},
		{"go", d.Toolchain},
		{"compiler", d.compilerText()},
		{"libtorch", d.libtorchText()},
		{"running", d.Running},
		{"gotch", d.gotchText()},
		{"blas", d.blasText()},
		{"speed", d.speedText()},
		{"cuda", d.cudaText()},
	} {
		if row.text != "" {
			c.printf("%-9s %s", row.what, row.text)
		}
	}
	for _, r := range d.Problems {
		c.printf("%-9s %s", map[bool]string{true: "problem", false: "remark"}[r.Fatal], lines(strings.ReplaceAll(r.Problem, "\n", "\n          ")))
		if r.Hint != "" {
			c.printf("          %s", r.Hint)
		}
	}
	if len(d.Problems) == 0 {
		c.printf("all is well: the torch engine computes what plain Go does")
	}
}

func (d *diagnosis) compilerText() string {
	if d.Compiler == nil {
		return "none"
	}
	return d.Compiler.Command + ", " + d.Compiler.Version
}

func (d *diagnosis) libtorchText() string {
	if d.Libtorch == nil {
		return "none"
	}
	return fmt.Sprintf("%s in %s, found through %s", d.Libtorch.Version, d.Libtorch.Library, d.Libtorch.Origin)
}

func (d *diagnosis) gotchText() string {
	if d.Gotch == nil {
		return ""
	}
	line := fmt.Sprintf("%s in %s, fitted to libtorch %s; stubbed: %s", d.Gotch.Version, d.Gotch.Folder, d.Gotch.Libtorch, text.List(d.Gotch.Stubbed, 4, "nothing"))
	if d.Gotch.CUDA {
		line += "; with CUDA"
	}
	return line
}

func (d *diagnosis) blasText() string {
	switch {
	case d.BLAS == nil:
		return ""
	case d.BLAS.Name == "":
		return "a part of " + filepath.Base(d.BLAS.Library) + ", which does not say which BLAS it is"
	}
	return fmt.Sprintf("%s in %s", d.BLAS.Name, d.BLAS.Library)
}

func (d *diagnosis) speedText() string {
	if d.Rate == 0 {
		return fmt.Sprintf("not measured without the torch engine; %d threads", d.Threads)
	}
	return fmt.Sprintf("%.0f GFLOP/s in float32 matrix products on %d threads", d.Rate/1e9, d.Threads)
}

func (d *diagnosis) cudaText() string {
	if len(d.GPUs) == 0 {
		return "no NVIDIA GPU"
	}
	var texts []string
	for _, g := range d.GPUs {
		texts = append(texts, fmt.Sprintf("cuda:%d %s, %s of which %s are free, driver %s", g.Index, g.Name,
			humanize.IBytes(uint64(g.Memory)), humanize.IBytes(uint64(g.Free)), g.Driver))
	}
	return fmt.Sprintf("%s; libtorch uses %d", strings.Join(texts, "; "), d.CUDADevices)
}
