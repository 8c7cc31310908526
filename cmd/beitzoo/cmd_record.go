package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/recording"
)

// recordFlags are the flags of record.
type recordFlags struct {
	model  modelFlags
	engine engineFlags
	zoo    zooFlags
	// output is the file to write. script names a framework whose recording script is wanted, instead of a recording.
	output, script string
	// stages are words of recording.ParseStages, mask are those of parseMask; empty means the default.
	stages, mask string
	images       int
}

func recordCommand(c *console) *cli.Command {
	var f recordFlags
	return &cli.Command{
		Name:      "record",
		Usage:     "record what a model computes at every stage, or print the script that records in PyTorch or PaddlePaddle",
		ArgsUsage: "[MODEL] [IMAGE...]",
		Description: about("The recording is a safetensors file with the inputs, every stage of the forward pass and the logits, for `beitzoo verify --recording`. Images are\n"+
			"prepared by the recipe of the model; without images it runs on generated ones. An existing recording is replaced, nothing else is.\n"+
			"--script prints a program for your own environment: it records models of timm, transformers, unilm, OpenMMLab, PASSL, and ports by hand.",
			"beitzoo record beit.pth cat.jpg dog.jpg -o beit.recording.safetensors",
			"beitzoo record beit.pth -o exact.safetensors --dtype f64 --stages no-attn",
			"beitzoo record --script torch -o record_torch.py",
		),
		Flags: c.flags([]cli.Flag{
			outputFlag(&f.output, "the `FILE` to write; with --script it may be left out"),
			stringFlag("script", &f.script, "print the recording script for this `FRAMEWORK`: "+strings.Join(recording.Frameworks(), ", ")),
			stringFlag("stages", &f.stages, "record these `STAGES`, separated by commas: names such as blocks.3.attn, or attn, blocks, all; no-attn is all but these"),
			stringFlag("mask", &f.mask, "for masked models: mask these `PATCHES` of each image, numbers from 0 such as 0,5,9, or none; every third without the flag"),
			countFlag("images", &f.images, "2", "without images: record `N` generated ones", "samples"),
		}, f.model.flags(), f.engine.flags(), f.zoo.flags()),
		Action: action(func(ctx context.Context, args []string) error {
			switch {
			case f.script != "":
				return writeScript(c, args, f)
			case len(args) == 0:
				return &usageError{"MODEL is missing", "name a checkpoint, or print a script with: beitzoo record --script torch"}
			}
			return recordModel(ctx, c, args[0], args[1:], f)
		}),
	}
}

// scriptResult is what `beitzoo record --script --json` prints.
type scriptResult struct {
	Framework string `json:"framework"`
	// Path is the file that was written; if none was, Script is the text.
	Path   string `json:"path,omitempty"`
	Script string `json:"script,omitempty"`
}

// writeScript prints the recording script of a framework, or writes it to the output.
func writeScript(c *console, args []string, f recordFlags) error {
	if len(args) > 0 {
		return &usageError{"--script prints a program, and " + text.Quote(args[0]) + " is given to that program", "leave it out: beitzoo record --script " + f.script + " -o record.py"}
	}
	script, err := recording.Script(f.script)
	if err != nil {
		return err
	}
	if f.output == "" {
		return c.result(scriptResult{Framework: f.script, Script: script}, func() { c.printf("%s", lines(strings.TrimSuffix(script, "\n"))) })
	}
	if err := checkScriptTarget(f.output, script); err != nil {
		return err
	}
	if err := disk.WriteFile(f.output, []byte(script), 0o666); err != nil {
		return err
	}
	return c.result(scriptResult{Framework: f.script, Path: f.output}, func() { c.printf("wrote  %s: run it with the Python that has %s", f.output, f.script) })
}

// checkScriptTarget returns an error if another file than a recording script, of whatever version, would be replaced.
func checkScriptTarget(output, script string) error {
	there, err := disk.ReadFile(output, maxConfig)
	first, _, _ := strings.Cut(script, ",")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !strings.HasPrefix(string(there), first):
		return &usageError{text.Quote(output) + " is there already, and is no recording script", "name another file, or remove that one"}
	}
	return nil
}

// recordResult is what `beitzoo record --json` prints.
type recordResult struct {
	Path   string   `json:"path"`
	Bytes  int64    `json:"bytes"`
	Images int      `json:"images"`
	Names  []string `json:"image_names,omitempty"`
	Stages []string `json:"stages"`
	// Masked is the number of masked patches of all images.
	Masked       int    `json:"masked_patches,omitempty"`
	Architecture string `json:"architecture,omitempty"`
	Engine       string `json:"engine"`
	Device       string `json:"device"`
	DType        string `json:"dtype"`
	verifiedFacts
}

func recordModel(ctx context.Context, c *console, argument string, images []string, f recordFlags) error {
	if err := requireOutput(f.output); err != nil {
		return err
	}
	if len(images) > 0 && f.images > 0 {
		return &usageError{"--images counts generated images, and image files are given", "leave out --images, or the files"}
	}
	model, err := openModel(ctx, c, argument, f.model, f.zoo)
	if err != nil {
		return err
	}
	defer model.Close()
	if err := checkRecordTarget(ctx, f.output, append([]string{model.File.Path}, images...)); err != nil {
		return err
	}
	made, err := f.run(ctx, c, model, images)
	if err != nil {
		return err
	}
	if err := recording.Write(ctx, f.output, made.Recording); err != nil {
		return err
	}
	return printRecording(c, f.output, made, verifiedFactsOf(model))
}

// madeRecording is a recording, and what ran.
type madeRecording struct {
	*recording.Recording
	engine, device string
}

// run makes the recording.
func (f recordFlags) run(ctx context.Context, c *console, model *convert.Model, images []string) (*madeRecording, error) {
	stages, err := recording.ParseStages(model.Config, splitWords(f.stages))
	if err != nil {
		return nil, err
	}
	e, options, err := f.engine.choose()
	if err != nil {
		return nil, err
	}
	if options.DType == tensor.Invalid {
		options.DType = tensor.F32
	}
	input, note, err := f.input(ctx, model, images)
	if err != nil {
		return nil, err
	}
	loaded, err := e.Load(ctx, model.Config, model.Tensors, options)
	if err != nil {
		return nil, err
	}
	defer loaded.Close()
	bar := c.newCount("recording", inTaps)
	made, err := recording.Make(ctx, loaded, model.Config, input, recording.MakeOptions{
		Stages: stages, Progress: func(done, total int) { bar.set(int64(done), int64(total)) },
	})
	bar.finish()
	if err != nil {
		return nil, err
	}
	device := cmp.Or(options.Device, "cpu")
	made.DType, made.Note = options.DType, note
	if len(images) > 0 {
		made.ImageNames = images
	}
	made.Framework, made.FrameworkVersion = "beitzoo", version().Version
	made.Implementation = fmt.Sprintf("beitzoo %s, %s engine on %s", version().Version, e.Name(), device)
	return &madeRecording{made, e.Name(), device}, nil
}

// input returns the images and the mask to record, and says how the images were made.
func (f recordFlags) input(ctx context.Context, model *convert.Model, images []string) (engine.Input, string, error) {
	count := cmp.Or(len(images), f.images, drawnImages)
	input := verify.Draw(model.Config, 0, count)
	note := fmt.Sprintf("images 0..%d of docs/recipe.md, seed 0", count-1)
	if model.Config.Kind == arch.DVAEDecoder {
		if len(images) > 0 {
			return input, "", &usageError{"the decoder of a dVAE reads visual tokens, not images", "leave out the images, or record its encoder"}
		}
		note = fmt.Sprintf("generated visual tokens of %s", text.Count(count, "picture", "pictures"))
	}
	var err error
	if f.mask != "" {
		if input.Mask, err = parseMask(f.mask, model.Config, count); err != nil {
			return input, "", err
		}
	}
	if len(images) == 0 {
		return input, note, nil
	}
	choice, err := model.Recipe()
	if err != nil {
		return input, "", err
	}
	if !choice.Recipe.Fits(model.Config) {
		return input, "", &classify.RecipeSizeError{
			Recipe: choice.Recipe.Crop, RecipeFrom: choice.From, Model: model.Config.ImageHeight, ModelFrom: model.From[card.Window],
		}
	}
	name := choice.Name
	if name == "" {
		name = "of its own"
	}
	input.Pixels, err = preprocess.Files(ctx, choice.Recipe, images)
	return input, fmt.Sprintf("images prepared by the recipe %s%s", name, originText(choice.From)), err
}

// drawnImages is the number of generated images without --images.
const drawnImages = 2

// parseMask returns the mask of that many images, [images, patches], that the value of --mask says.
func parseMask(value string, config arch.Config, images int) ([]bool, error) {
	if !config.MaskToken {
		return nil, &usageError{"the model has no mask token, so no patch can be masked", "leave out --mask"}
	}
	patches := config.Patches()
	mask := make([]bool, images*patches)
	if value == none {
		return mask, nil
	}
	for _, word := range splitWords(value) {
		patch, err := strconv.Atoi(word)
		if err != nil || patch < 0 || patch >= patches {
			return nil, &usageError{
				fmt.Sprintf("--mask %s: %s is no patch of the model", text.Quote(value), text.Quote(word)),
				fmt.Sprintf("its patches have the numbers 0 to %d, row by row; write them with commas: --mask 0,%d", patches-1, patches-1),
			}
		}
		for image := range images {
			mask[image*patches+patch] = true
		}
	}
	return mask, nil
}

// splitWords returns the words between commas, without the empty ones.
func splitWords(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
}

// checkRecordTarget returns an error if the output is one of the inputs, or another file that is no recording: replacing that is never meant.
func checkRecordTarget(ctx context.Context, output string, inputs []string) error {
	there, err := os.Stat(output)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, input := range inputs {
		if here, err := os.Stat(input); err == nil && os.SameFile(here, there) {
			return &convert.SameFileError{Source: input, Target: output}
		}
	}
	if there.IsDir() {
		return &usageError{"the output " + text.Quote(output) + " is a folder", "name a file: -o recording.safetensors"}
	}
	if !recording.Is(ctx, output) {
		return &usageError{text.Quote(output) + " is there already, and is no recording", "only a recording is replaced: name another file, or remove that one"}
	}
	return nil
}

func printRecording(c *console, path string, made *madeRecording, facts verifiedFacts) error {
	result := recordResult{
		Path: path, Images: made.Images, Names: made.ImageNames, Architecture: made.Architecture, Engine: made.engine, Device: made.device,
		DType: made.DType.String(), verifiedFacts: facts,
	}
	if info, err := os.Stat(path); err == nil {
		result.Bytes = info.Size()
	}
	for _, a := range made.Activations {
		result.Stages = append(result.Stages, a.Name)
	}
	for _, masked := range made.Mask {
		if masked {
			result.Masked++
		}
	}
	return c.result(result, func() {
		c.printf("wrote  %s: %s, %s, %s", path, text.Count(made.Images, "image", "images"), text.Count(len(result.Stages), "stage", "stages"), humanize.Bytes(uint64(result.Bytes)))
		c.printf("model  %s", facts.line())
		c.printf("ran    %s engine on %s in %s", made.engine, made.device, made.DType)
		c.printf("input  %s", made.Note)
		if made.Mask != nil {
			c.printf("mask   %d of %s masked", result.Masked, text.Count(len(made.Mask), "patch", "patches"))
		}
		c.printf("stages %s", text.List(result.Stages, mostStages, ""))
	})
}

// mostStages is how many stages are named; --json has all.
const mostStages = 8
