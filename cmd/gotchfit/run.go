package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/beitzoo/beitzoo/cmd/internal/fit"
	"github.com/beitzoo/beitzoo/cmd/internal/libtorch"
	"github.com/beitzoo/beitzoo/cmd/internal/wheel"
	"github.com/beitzoo/beitzoo/errdef"
)

// engine is the folder, from the module's root, of the only package that calls gotch.
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

// usage is the help, before the flags.
const usage = `gotchfit sets a checkout of beitzoo up for libtorch.

  gotchfit [FLAGS]          fit gotch to the libtorch of this machine, and write a go.work that uses it
  gotchfit fetch [FLAGS]    the same, after downloading a libtorch if there is none
  gotchfit versions         list the versions of libtorch that beitzoo is tested with
  gotchfit versions NAME    print the number of one of them

Example: gotchfit fetch -cuda on

`

func parse(arguments []string, output io.Writer) (settings, error) {
	s := settings{fetch: len(arguments) > 0 && arguments[0] == "fetch"}
	if s.fetch {
		arguments = arguments[1:]
	}
	flags := flag.NewFlagSet("gotchfit", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.Usage = func() {
		fmt.Fprint(output, usage)
		flags.PrintDefaults()
	}
	var places []string
	for _, origin := range libtorch.Origins() {
		places = append(places, string(origin))
	}
	flags.StringVar(&s.from, "from", "", "look for libtorch only in these `PLACES`, separated by commas, of "+strings.Join(places, ", "))
	flags.StringVar(&s.cuda, "cuda", "auto", "`WHEN` to link libtorch's CUDA part: on, off, or auto (if everything that it needs is there)")
	flags.StringVar(&s.version, "version", "", "with fetch: download this `VERSION`, whatever the machine has (if not given: "+libtorch.Default+", and only if it has none)")
	flags.StringVar(&s.folder, "folder", "", "with fetch: keep libtorch in this `FOLDER` (if not given: the user's cache folder)")
	flags.StringVar(&s.work, "work", "", "the workspace `FILE` to write (if not given: go.work beside go.mod)")
	flags.BoolVar(&s.json, "json", false, "print the result as JSON")
	if err := flags.Parse(arguments); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return s, err
		}
		return s, fmt.Errorf("%w: %w", errdef.ErrUsage, err)
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("%w: unexpected argument %q: fetch and versions come first, and flags after them", errdef.ErrUsage, flags.Arg(0))
	}
	if s.cuda != "on" && s.cuda != "off" && s.cuda != "auto" {
		return s, fmt.Errorf("%w: -cuda takes on, off or auto", errdef.ErrUsage)
	}
	return s, nil
}

// printVersions lists the versions of libtorch that beitzoo is tested with, or prints the number of the named one.
func printVersions(w io.Writer, names []string) error {
	if len(names) == 0 {
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, v := range libtorch.Versions() {
			fmt.Fprintf(table, "%s\t%s\t%s\n", v.Name, v.Number, v.Use)
		}
		return table.Flush()
	}
	version, known := libtorch.VersionByName(names[0])
	if !known || len(names) > 1 {
		return fmt.Errorf("%w: versions takes one name of those that it lists", errdef.ErrUsage)
	}
	_, err := fmt.Fprintln(w, version.Number)
	return err
}

// run is the program: results go to stdout, progress to stderr.
func run(ctx context.Context, arguments []string, stdout, stderr io.Writer) error {
	if len(arguments) > 0 && arguments[0] == "versions" {
		return printVersions(stdout, arguments[1:])
	}
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

// plan finds the compiler, libtorch and gotch.
func (s settings) plan(ctx context.Context, root string, stderr io.Writer) (plan fit.Plan, err error) {
	plan.Progress = func(step string) { fmt.Fprintln(stderr, "gotchfit:", step) }
	if plan.Compiler, err = fit.FindCompiler(ctx); err != nil {
		return plan, err
	}
	if plan.Libtorch, err = s.find(ctx, plan.Compiler.Command, plan.Progress, stderr); err != nil {
		return plan, err
	}
	if s.cuda == "on" && !plan.Libtorch.CUDA {
		return plan, fmt.Errorf("libtorch in %s cannot be linked with CUDA: it lacks %v", plan.Libtorch.Library, plan.Libtorch.CUDAMissing)
	}
	plan.CUDA = plan.Libtorch.CUDA && s.cuda != "off"
	if plan.Gotch, err = fit.FindModule(ctx, root); err != nil {
		return plan, err
	}
	plan.Cache, err = fit.CacheFolder()
	return plan, err
}

// find returns the libtorch of this machine. With fetch, it downloads one if the machine has none, or not the one that was asked for.
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
	options := wheel.Options{Version: cmp.Or(s.version, libtorch.Default), CUDA: s.cuda == "on", Folder: s.folder, Output: stderr, Progress: progress}
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

// moduleRoot returns the folder of the go.mod that the current folder belongs to.
func moduleRoot(ctx context.Context) (string, error) {
	output, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	path := strings.TrimSpace(string(output))
	if err != nil || path == "" || path == os.DevNull {
		return "", fmt.Errorf("run gotchfit in a checkout of beitzoo: no go.mod here (%w)", errors.Join(err, fs.ErrNotExist))
	}
	return filepath.Dir(path), nil
}

// print writes the result as text, or with -json as JSON.
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
