package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/beitzoo/beitzoo/cmd/internal/fit"
	"github.com/beitzoo/beitzoo/cmd/internal/libtorch"
	"github.com/beitzoo/beitzoo/cmd/internal/wheel"
)

var errUsage = errors.New("wrong usage")

// engine is the folder, below the module's root, of the only package that calls gotch.
const engine = "beit/engine/torch"

// settings are the flags.
type settings struct {
	// fetch says that the first word was "fetch".
	fetch   bool
	from    string
	cuda    string
	version string
	folder  string
	work    string
	json    bool
}

// defaultVersion is the libtorch that is fetched where the machine has none.
const defaultVersion = "2.11.0"

func parse(arguments []string, output io.Writer) (settings, error) {
	s := settings{fetch: len(arguments) > 0 && arguments[0] == "fetch"}
	if s.fetch {
		arguments = arguments[1:]
	}
	flags := flag.NewFlagSet("gotchfit", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.StringVar(&s.from, "from", "", fmt.Sprintf("look for libtorch only in these places, separated by commas: %v", libtorch.Origins()))
	flags.StringVar(&s.cuda, "cuda", "auto", "link libtorch's CUDA part: on, off, or auto: where all that it needs is there")
	flags.StringVar(&s.version, "version", "", "with fetch: take this version whatever the machine has (default "+defaultVersion+", where it has none)")
	flags.StringVar(&s.folder, "folder", "", "with fetch: keep libtorch there (default the user's cache folder)")
	flags.StringVar(&s.work, "work", "", "the workspace file to write (default go.work beside go.mod)")
	flags.BoolVar(&s.json, "json", false, "print the result as JSON")
	if err := flags.Parse(arguments); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return s, err
		}
		return s, fmt.Errorf("%w: %w", errUsage, err)
	}
	if s.cuda != "on" && s.cuda != "off" && s.cuda != "auto" || flags.NArg() > 0 {
		return s, fmt.Errorf("%w: -cuda takes on, off or auto, and there are no other arguments than fetch", errUsage)
	}
	return s, nil
}

// run is the program: results go to stdout, progress to stderr.
func run(ctx context.Context, arguments []string, stdout, stderr io.Writer) error {
	settings, err := parse(arguments, stderr)
	if err != nil {
		return err
	}
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	plan, err := settings.plan(ctx, root, stderr)
	if err != nil {
		return err
	}
	report, err := plan.Run(ctx)
	if err != nil {
		return err
	}
	if err := report.CheckUsed(filepath.Join(root, engine)); err != nil {
		return err
	}
	workspace := settings.work
	if workspace == "" {
		workspace = filepath.Join(root, "go.work")
	}
	if workspace, err = filepath.Abs(workspace); err != nil {
		return err
	}
	if err := fit.UseCopy(workspace, root, report.Folder); err != nil {
		return err
	}
	return settings.print(stdout, report, workspace)
}

// plan finds out what there is to fit.
func (s settings) plan(ctx context.Context, root string, stderr io.Writer) (plan fit.Plan, err error) {
	plan.Progress = func(step string) { fmt.Fprintln(stderr, "gotchfit:", step) }
	if plan.Compiler, err = fit.FindCompiler(ctx); err != nil {
		return plan, err
	}
	if plan.Libtorch, err = s.find(ctx, plan.Compiler.Command, plan.Progress, stderr); err != nil {
		return plan, err
	}
	if s.cuda == "on" && !plan.Libtorch.CUDA {
		return plan, fmt.Errorf("libtorch in %s cannot be linked with CUDA: missing %v", plan.Libtorch.Library, plan.Libtorch.CUDAMissing)
	}
	plan.CUDA = plan.Libtorch.CUDA && s.cuda != "off"
	if plan.Gotch, err = fit.FindModule(ctx, root); err != nil {
		return plan, err
	}
	plan.Cache, err = fit.CacheFolder()
	return plan, err
}

// find looks for libtorch, or fetches one when the user asked for it and the machine has none that will do.
func (s settings) find(ctx context.Context, compiler string, progress func(string), stderr io.Writer) (libtorch.Installation, error) {
	search := libtorch.Search{Compiler: compiler}
	for _, origin := range strings.FieldsFunc(s.from, func(r rune) bool { return r == ',' }) {
		search.Origins = append(search.Origins, libtorch.Origin(origin))
	}
	if !s.fetch {
		return libtorch.Find(ctx, search)
	}
	if s.version == "" {
		found, err := libtorch.Find(ctx, search)
		var absent *libtorch.NotFoundError
		if err != nil && !errors.As(err, &absent) || err == nil && (s.cuda != "on" || found.CUDA) {
			return found, err
		}
	}
	options := wheel.Options{Version: cmp.Or(s.version, defaultVersion), CUDA: s.cuda == "on", Folder: s.folder, Output: stderr, Progress: progress}
	if options.Folder == "" {
		var err error
		if options.Folder, err = libtorch.CacheFolder(); err != nil {
			return libtorch.Installation{}, err
		}
	}
	folder, err := wheel.Fetch(ctx, options)
	if err != nil {
		return libtorch.Installation{}, err
	}
	return libtorch.At(ctx, libtorch.Cache, filepath.Join(folder, "torch"))
}

// moduleRoot is the folder of the go.mod that the current folder belongs to.
func moduleRoot(ctx context.Context) (string, error) {
	output, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	path := strings.TrimSpace(string(output))
	if err != nil || path == "" || path == os.DevNull {
		return "", fmt.Errorf("run gotchfit in a checkout of beitzoo: no go.mod here (%w)", errors.Join(err, os.ErrNotExist))
	}
	return filepath.Dir(path), nil
}

// print tells the result to a person, or with -json to a program.
func (s settings) print(w io.Writer, report fit.Report, workspace string) error {
	if s.json {
		return json.NewEncoder(w).Encode(map[string]any{"workspace": workspace, "copy": report.Folder, "fit": report})
	}
	part := "CPU"
	if report.CUDA {
		part = "CPU and CUDA"
	}
	fmt.Fprintf(w, "libtorch %s (%s) of %s in %s, C++ ABI %s\n", report.Libtorch.Version, part, report.Libtorch.Origin, report.Libtorch.Library,
		map[bool]string{true: "new", false: "old"}[report.Libtorch.CXX11ABI])
	fmt.Fprintf(w, "gotch %s in %s, %d functions stubbed\n", report.Gotch, report.Folder, len(report.Stubbed))
	_, err := fmt.Fprintf(w, "%s uses it: go build -tags libtorch ./...\n", workspace)
	return err
}
