package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/masking"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/evaluate/mim"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// pairFlags say which tokenizer belongs to a masked model, and which patches are masked.
type pairFlags struct {
	classifierFlags
	tokenizer, selected, recipe string
	early                       int
	masks                       maskFlags
}

// maskFlags say which patches are masked.
type maskFlags struct {
	file           string
	seed           uint
	patches, least int
	exact          bool
}

const tokenSection = "The tokenizer and the masks"

func (f *pairFlags) flags() []cli.Flag {
	early := countFlag("early-block", &f.early, "9 of 12, 21 of 24",
		"the branch for the class token takes the patch tokens after `N` blocks, in a pre-training checkpoint of BEiT v2 that has it")
	patches := countFlag("mask-patches", &f.masks.patches, "75 of 14 x 14, and as many of other windows", "mask `N` patches of a picture")
	least := countFlag("mask-least", &f.masks.least, "16 of 14 x 14, and as many of other windows", "mask blocks of at least `N` patches, as long as so many are left")
	all := []cli.Flag{
		&cli.StringFlag{
			Name: "tokenizer", Destination: &f.tokenizer, DefaultText: "the one that the manifest of the model names",
			Usage: "the `TOKENIZER` that made the tokens which the model was trained to predict",
		},
		&cli.StringFlag{Name: "tokenizer-select", Destination: &f.selected, Usage: "the `KEY` of the tokenizer if its file holds several models, such as d_vae.encoder"},
		&cli.StringFlag{
			Name: "tokenizer-recipe", Destination: &f.recipe, DefaultText: "its own, of the part that the model sees",
			Usage: "prepare pictures for the tokenizer by this `RECIPE`, as it is",
		},
		&cli.PathFlag{
			Name: "mask", Destination: &f.masks.file, DefaultText: "made from --seed as unilm makes them",
			Usage: "take the masks from this `FILE`, in the order of the pictures: safetensors with a tensor mask [N, patches], or JSON lines; 1 stands for a masked patch",
		},
		&cli.UintFlag{Name: "seed", Destination: &f.masks.seed, DefaultText: "0", Usage: "make the masks that unilm's generator makes after random.seed(`N`) and numpy.random.seed(N)"},
		patches, least,
		boolFlag("mask-exact", &f.masks.exact, "fill masks up with single patches, as BEiT v2 does; that is the default with VQ-KD"),
		early,
	}
	for _, flag := range all {
		setCategory(flag, tokenSection)
	}
	return append(all, f.classifierFlags.flags()...)
}

// openPair opens a masked model and its tokenizer.
func (f *pairFlags) openPair(ctx context.Context, c *console, argument string) (*beitzoo.MaskedPair, error) {
	options, err := f.options()
	if err != nil {
		return nil, err
	}
	tokens, err := f.tokenizerOptions(f.selected, f.recipe)
	if err != nil {
		return nil, err
	}
	model, err := f.zoo.locate(ctx, c, argument)
	if err != nil {
		return nil, err
	}
	if f.tokenizer == "" && model.Entry != nil {
		f.tokenizer = model.Entry.Tokenizer
	}
	if f.tokenizer == "" {
		return nil, &usageError{
			"--tokenizer TOKENIZER is missing",
			"name the tokenizer whose tokens the model was trained to predict: the encoder of OpenAI's dVAE for BEiT, VQ-KD for BEiT v2",
		}
	}
	encoder, err := f.zoo.locate(ctx, c, f.tokenizer)
	if err != nil {
		return nil, err
	}
	pair, err := beitzoo.LoadPair(ctx, model, encoder, beitzoo.PairOptions{Model: options, Tokenizer: tokens, Early: f.early})
	if err != nil {
		return nil, err
	}
	remarkGuesses(c, pair.Model.Source)
	remarkSide(c, pair.Tokens.Source, "--tokenizer-select")
	return pair, nil
}

// tokenizerOptions returns the options of a tokenizer or of a decoder beside a model: those of the engine, and what is stated of it alone.
func (f *pairFlags) tokenizerOptions(selected, recipe string) (beitzoo.Options, error) {
	own := classifierFlags{model: modelFlags{selected: selected, recipe: recipe}, engine: f.engine, exif: f.exif, digest: f.digest}
	return own.options()
}

// masksFor returns the masks for a pair, and what is said of them. images is the number of pictures, or -1.
func (f *maskFlags) masksFor(ctx context.Context, config, tokenizer arch.Config, images int) (iter.Seq[[]bool], statedMasks, error) {
	if f.file != "" {
		if f.seed != 0 || f.patches != 0 || f.least != 0 || f.exact {
			return nil, statedMasks{}, &usageError{
				"--mask excludes --seed, --mask-patches, --mask-least and --mask-exact", "leave out --mask, or the others: the file says which patches are masked",
			}
		}
		values, err := readMasks(ctx, f.file)
		if err != nil {
			return nil, statedMasks{}, err
		}
		masks, err := mim.Masks(values, config.Patches())
		if err != nil {
			return nil, statedMasks{}, fmt.Errorf("%s: %w", text.Name(f.file), err)
		}
		stated := statedMasks{File: f.file, count: len(values) / config.Patches()}
		if images >= 0 {
			err = stated.check(images)
		}
		return masks, stated, err
	}
	height, width := config.Window()
	g := masking.Usual(height, width, f.exact || tokenizer.Kind == arch.VQKD)
	if f.patches != 0 {
		g.Patches = f.patches
	}
	if f.least != 0 {
		g.Least = f.least
	}
	if uint64(f.seed) > 1<<32-1 {
		return nil, statedMasks{}, &usageError{fmt.Sprintf("--seed %d is above %d", f.seed, uint32(1<<32-1)), "NumPy takes seeds of 32 bits"}
	}
	masks, err := g.Masks(uint32(f.seed))
	return masks, statedMasks{Generator: &g, Seed: f.seed}, err
}

// statedMasks say where masks are from, with --json.
type statedMasks struct {
	File      string             `json:"file,omitempty"`
	Generator *masking.Generator `json:"generator,omitempty"`
	Seed      uint               `json:"seed"`

	count int // of those in the file
}

// check returns an error if the file has another number of masks than there are pictures.
func (s statedMasks) check(images int) error {
	if s.File == "" || s.count == images {
		return nil
	}
	reason := fmt.Sprintf("it has %s for %s", text.Count(s.count, "mask", "masks"), text.Count(images, "picture", "pictures"))
	return fmt.Errorf("%s: %w", text.Name(s.File), &mim.MasksError{Reason: reason})
}

func (s statedMasks) String() string {
	if s.File != "" {
		return "masks: those in " + text.Name(s.File)
	}
	g := s.Generator
	filled := ""
	if g.Exact {
		filled = ", filled up to just as many"
	}
	return fmt.Sprintf("masks: %d of %d x %d patches, in blocks of at least %d%s, as unilm makes them with seed %d", g.Patches, g.Height, g.Width, g.Least, filled, s.Seed)
}

// readMasks reads a file of masks: 0 and 1, one mask after the other.
func readMasks(ctx context.Context, path string) ([]float64, error) {
	if strings.EqualFold(filepath.Ext(path), linesEnding) {
		return readMaskLines(path)
	}
	file, err := checkpoint.Open(ctx, path, checkpoint.Options{}, safetensors.Format)
	if missing := (*fs.PathError)(nil); errors.As(err, &missing) && errors.Is(err, fs.ErrNotExist) {
		return nil, &missingError{listFile, err}
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	for _, named := range file.Tensors {
		if named.Name != "mask" {
			continue
		}
		if len(named.Shape) < 2 {
			return nil, fmt.Errorf("%s: %w", text.Name(path), &mim.MasksError{Reason: fmt.Sprintf("the tensor mask has the shape %s, not [N, patches]", named.Shape)})
		}
		var values []float64
		err := tensor.Guard(func() (err error) { values, err = tensor.Float64s(named.View); return err })
		return values, err
	}
	return nil, fmt.Errorf("%s: %w", text.Name(path), &mim.MasksError{Reason: "there is no tensor mask in the file"})
}

// readMaskLines reads masks from JSON lines.
func readMaskLines(path string) ([]float64, error) {
	file, err := disk.OpenRegular(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &missingError{listFile, err}
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	values, err := mim.ReadMasks(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", text.Name(path), err)
	}
	return values, nil
}
