package main

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/evaluate/mim"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
)

// reconstructFlags say what reconstruct draws, and where.
type reconstructFlags struct {
	pairFlags
	decoder, decoderSelected, output string
}

func reconstructCommand(c *console) *cli.Command {
	var f reconstructFlags
	return &cli.Command{
		Name:      "reconstruct",
		Usage:     "draw what a masked-image model makes of the masked part of a picture",
		ArgsUsage: "MODEL IMAGE --tokenizer TOKENIZER --decoder DECODER -o PNG",
		Description: about("Four pictures side by side: the picture as the model sees it, the same with its masked patches covered, what the decoder of the dVAE makes of the\n"+
			"tokens that the model predicts for masked patches and the tokenizer's own elsewhere, and what it makes of the tokenizer's own alone. Only BEiT v1 has a\n"+
			"decoder for pictures: that of VQ-KD makes features of a teacher (docs/visual-tokens.md).",
			"beitzoo reconstruct beit_pt22k.pth cat.jpg --tokenizer encoder.pkl --decoder decoder.pkl -o cat.reconstructed.png",
		),
		Flags: c.flags([]cli.Flag{
			outputFlag(&f.output, "write the pictures to this `PNG`"),
			&cli.StringFlag{
				Name: "decoder", Destination: &f.decoder, DefaultText: "beside the tokenizer, with decoder in place of encoder in its name", Category: tokenSection,
				Usage: "the `DECODER` of the dVAE",
			},
			&cli.StringFlag{
				Name: "decoder-select", Destination: &f.decoderSelected, Category: tokenSection,
				Usage: "the `KEY` of the decoder if its file holds several models, such as d_vae.decoder",
			},
		}, f.flags()),
		Action: action(func(ctx context.Context, args []string) error { return reconstruct(ctx, c, args[0], args[1], f) }),
	}
}

// reconstructResult is what `beitzoo reconstruct --json` prints.
type reconstructResult struct {
	classifierFacts
	Tokenizer classifierFacts `json:"tokenizer"`
	Decoder   string          `json:"decoder"`
	Masks     statedMasks     `json:"masks"`
	Image     string          `json:"image"`
	File      string          `json:"file"`
	// Window is the number of patches down and across; of the lists each has an entry for a patch, row by row.
	Window    [2]int  `json:"window"`
	Mask      []int   `json:"mask"`
	Tokens    []int32 `json:"tokens"`
	Predicted []int32 `json:"predicted"`
	// Masked is the number of masked patches, and Right of how many the token was predicted.
	Masked int `json:"masked_patches"`
	Right  int `json:"masked_right"`
}

// decoderBeside returns the decoder that belongs to a tokenizer by its name, or an error that asks for it.
func (f *reconstructFlags) decoderBeside(c *console) (string, error) {
	if f.decoder != "" {
		return f.decoder, nil
	}
	if f.decoderSelected != "" {
		return f.tokenizer, nil
	}
	folder, base := filepath.Split(f.tokenizer)
	if path := folder + strings.Replace(base, "encoder", "decoder", 1); strings.Contains(base, "encoder") {
		if _, err := os.Stat(path); err == nil {
			c.remark(fmt.Sprintf("the decoder %s is taken, which lies beside the tokenizer", text.Name(path)))
			return path, nil
		}
	}
	return "", &usageError{"--decoder DECODER is missing", "name the decoder of the dVAE, such as OpenAI's decoder.pkl; VQ-KD has none for pictures"}
}

func reconstruct(ctx context.Context, c *console, argument, image string, f reconstructFlags) error {
	if err := requireOutput(f.output); err != nil {
		return err
	}
	if f.tokenizer != "" {
		var err error
		if f.decoder, err = f.decoderBeside(c); err != nil {
			return err
		}
	}
	read := &inputs{paths: []string{argument, image, f.tokenizer, f.decoder, f.masks.file}}
	if err := read.check(f.output, "a picture of `beitzoo reconstruct`", mim.IsStrip); err != nil {
		return err
	}
	pair, err := f.openPair(ctx, c, argument)
	if err != nil {
		return err
	}
	defer pair.Close()
	decoder, err := f.openDecoder(ctx, c, pair)
	if err != nil {
		return err
	}
	defer decoder.Close()
	masks, stated, err := f.masks.masksFor(ctx, pair.Masked.Config, pair.Tokenizer.Config, 1)
	if err != nil {
		return err
	}
	seen, err := lookAt(ctx, pair, image, masks)
	if err != nil {
		return err
	}
	if err := f.draw(ctx, pair, decoder, &seen); err != nil {
		return err
	}
	result := reconstructResult{
		classifierFacts: statedFacts(argument, pair.Model, ""), Tokenizer: statedFacts(f.tokenizer, pair.Tokens, ""), Decoder: f.decoder, Masks: stated,
		Image: text.Valid(image), File: f.output,
	}
	result.fill(pair, &seen)
	return c.result(result, func() {
		c.printf("%s: %s", argument, result.line(nil))
		c.printf("%s: %s", f.tokenizer, result.Tokenizer.line(nil))
		c.printf("%s", stated)
		c.printf("%s: the picture, masked, with the predicted tokens, with the tokenizer's own; %d of %d masked tokens are right (%.1f %%)",
			text.Name(f.output), result.Right, result.Masked, 100*float64(result.Right)/float64(max(1, result.Masked)))
	})
}

// lookAt masks one image and predicts its tokens.
func lookAt(ctx context.Context, pair *beitzoo.MaskedPair, image string, masks iter.Seq[[]bool]) (seen mim.Seen, err error) {
	for found, err := range pair.Stream(ctx, classify.Paths([]string{image}), masks) {
		if err != nil {
			return seen, err
		}
		seen = found
	}
	if seen.Failure != nil {
		return seen, seen.Failure
	}
	return seen, nil
}

// fill says what was predicted of the image.
func (r *reconstructResult) fill(pair *beitzoo.MaskedPair, seen *mim.Seen) {
	height, width := pair.Masked.Config.Window()
	r.Window, r.Tokens, r.Predicted, r.Mask = [2]int{height, width}, seen.Tokens, seen.Answers, make([]int, len(seen.Mask))
	r.Right, r.Masked = seen.Recovered()
	for i, masked := range seen.Mask {
		if masked {
			r.Mask[i] = 1
		}
	}
}

// openDecoder opens the decoder of the flags.
func (f *reconstructFlags) openDecoder(ctx context.Context, c *console, pair *beitzoo.MaskedPair) (*beitzoo.Decoder, error) {
	weights, err := f.zoo.locate(ctx, c, f.decoder)
	if err != nil {
		return nil, err
	}
	options, err := f.tokenizerOptions(f.decoderSelected, "")
	if err != nil {
		return nil, err
	}
	decoder, err := pair.LoadDecoder(ctx, weights, options)
	if err != nil {
		return nil, err
	}
	remarkSide(c, decoder.Source, "--decoder-select")
	return decoder, nil
}

// draw writes the pictures.
func (f *reconstructFlags) draw(ctx context.Context, pair *beitzoo.MaskedPair, decoder *beitzoo.Decoder, seen *mim.Seen) error {
	pictures, err := panels(ctx, pair, decoder, seen)
	if err != nil {
		return err
	}
	file, err := mim.Encode(mim.Strip(pictures...))
	if err != nil {
		return err
	}
	return disk.WriteFile(f.output, file, 0o644)
}

// panels returns the picture as the masked model sees it, the same with its masked patches covered, and what the decoder makes of the mixed tokens and of those of
// the tokenizer.
func panels(ctx context.Context, pair *beitzoo.MaskedPair, decoder *beitzoo.Decoder, seen *mim.Seen) ([]*preprocess.RGB8, error) {
	height, width := pair.Masked.Config.Window()
	view := preprocess.Restore(pair.Masked.Recipe, seen.View)
	pictures := []*preprocess.RGB8{view, mim.Cover(view, seen.Mask, height, width)}
	for _, tokens := range [][]int32{seen.Mixed(), seen.Tokens} {
		samples, err := decoder.Picture(ctx, tokens)
		if err != nil {
			return nil, err
		}
		pictures = append(pictures, mim.FromPlanes(samples, decoder.Card.Config.ImageHeight, decoder.Card.Config.ImageWidth))
	}
	return pictures, nil
}
