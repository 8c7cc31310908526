package main

import (
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
const engine = "zoo/engine/torch"

// settings are the flags.
type settings struct {
	from    string
	cuda    string
	version string
	json    bool
}

func parse(arguments []string, output io.Writer) (settings, bool, error) {
	s := settings{}
	fetch := len(arguments) > 0 && arguments[0] == "fetch"
	if fetch {
		arguments = arguments[1:]
	}
	flags := flag.NewFlagSet("gotchfit", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.StringVar(&s.from, "from", "", fmt.Sprintf("look for libtorch only in these places, separated by commas: %v", libtorch.Origins()))
	flags.StringVar(&s.cuda, "cuda", "auto", "link libtorch's CUDA part: on, off, or auto: where all that it needs is there")
	flags.StringVar(&s.version, "version", "2.11.0", "the libtorch that fetch gets")
	flags.BoolVar(&s.json, "json", false, "print the result as JSON")
	if err := flags.Parse(arguments); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return s, fetch, err
		}
		return s, fetch, fmt.Errorf("%w: %w", errUsage, err)
	}
	if s.cuda != "on" && s.cuda != "off" && s.cuda != "auto" || flags.NArg() > 0 {
		return s, fetch, fmt.Errorf("%w: -cuda takes on, off or auto, and there are no other arguments", errUsage)
	}
	return s, fetch, nil
}

// run is the program: results go to stdout, progress to stderr.
func run(ctx context.Context, arguments []string, stdout, stderr io.Writer) error {
	settings, fetch, err := parse(arguments, stderr)
	if err != nil {
		return err
	}
	progress := func(step string) { fmt.Fprintln(stderr, "gotchfit:", step) }
	plan, root, err := settings.plan(ctx, progress, fetch, stderr)
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
	workspace := os.Getenv("GOWORK")
	if workspace == "" {
		workspace = filepath.Join(root, "go.work")
	}
	if !filepath.IsAbs(workspace) {
		return fmt.Errorf("GOWORK is %q: unset it, gotch is replaced by means of a go.work", workspace)
	}
	if err := fit.UseCopy(workspace, root, report.Folder); err != nil {
		return err
	}
	return settings.print(stdout, report, workspace)
}

// plan finds out what there is to fit.
func (s settings) plan(ctx context.Context, progress func(string), fetch bool, stderr io.Writer) (fit.Plan, string, error) {
	plan := fit.Plan{Progress: progress}
	root, err := moduleRoot(ctx)
	if err != nil {
		return plan, "", err
	}
	if plan.Compiler, err = fit.FindCompiler(ctx); err != nil {
		return plan, "", err
	}
	if plan.Libtorch, err = s.find(ctx, plan.Compiler.Command, progress, fetch, stderr); err != nil {
		return plan, "", err
	}
	if s.cuda == "on" && !plan.Libtorch.CUDA {
		return plan, "", fmt.Errorf("libtorch in %s cannot be linked with CUDA: missing %v", plan.Libtorch.Library, plan.Libtorch.CUDAMissing)
	}
	plan.CUDA = plan.Libtorch.CUDA && s.cuda != "off"
	if plan.Gotch, err = fit.FindModule(ctx, root); err != nil {
		return plan, "", err
	}
	plan.Cache, err = fit.CacheFolder()
	return plan, root, err
}

// find looks for libtorch and fetches one where there is none and the user asked for it.
func (s settings) find(ctx context.Context, compiler string, progress func(string), fetch bool, stderr io.Writer) (libtorch.Installation, error) {
	search := libtorch.Search{Compiler: compiler}
	for _, origin := range strings.FieldsFunc(s.from, func(r rune) bool { return r == ',' }) {
		search.Origins = append(search.Origins, libtorch.Origin(origin))
	}
	found, err := libtorch.Find(ctx, search)
	var absent *libtorch.NotFoundError
	enough := err == nil && (s.cuda != "on" || found.CUDA)
	if !fetch || enough || err != nil && !errors.As(err, &absent) {
		return found, err
	}
	cache, err := libtorch.CacheFolder()
	if err != nil {
		return found, err
	}
	options := wheel.Options{Version: s.version, CUDA: s.cuda == "on", Folder: cache, Output: stderr, Progress: progress}
	if _, err := wheel.Fetch(ctx, options); err != nil {
		return found, err
	}
	return libtorch.Find(ctx, libtorch.Search{Origins: []libtorch.Origin{libtorch.Cache}, Compiler: compiler})
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
