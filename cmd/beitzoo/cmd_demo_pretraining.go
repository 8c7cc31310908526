package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/masking"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/evaluate/mim"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/webpage"
	"github.com/beitzoo/beitzoo/manifests/embedded"
)

// pretrainingFlags ask for the second story of the demo.
type pretrainingFlags struct {
	asked  bool
	report string
}

func (f *pretrainingFlags) flags() []cli.Flag {
	return []cli.Flag{
		boolFlag("pretraining", &f.asked, "tell the second story: visual tokens, and a model that recovers what was masked"),
		&cli.PathFlag{Name: "report", Destination: &f.report, Action: notStandardOutput, Usage: "with --pretraining: write an HTML page with the pictures to this `FILE`"},
	}
}

func (f *pretrainingFlags) check() error {
	if f.report == "" {
		return nil
	}
	if !f.asked {
		return &usageError{"--report has no effect without --pretraining", "add --pretraining, or leave it out"}
	}
	return webpage.CheckTarget(f.report)
}

// What unilm's and OpenAI's classes say of the 360 images: how many of the tokens of masked and of visible patches the model finds, with the masks that unilm's
// generator makes from this seed in blocks of at least so many patches (testdata/mim/digits_mim_p16_64.expected.json).
const (
	masksSeed, masksLeast = 11, 2
	maskedRight           = 1150
	unmaskedRight         = 378
)

// pretrainingRun is the state of the second story.
type pretrainingRun struct {
	// console gets the running text, which is discarded with --json.
	*console
	start          time.Time
	folder, report string
	pair           *beitzoo.MaskedPair
	decoder        *beitzoo.Decoder
	names          []string
	// shown are what became of the images that are shown, each with its pictures.
	shown  []shownDigit
	result pretrainingResult
}

// shownDigit is an image with its four pictures: as it is, masked, with the predicted tokens, with its own.
type shownDigit struct {
	name          string
	pictures      []*preprocess.RGB8
	right, masked int
}

// pretrainingResult is the JSON document of `beitzoo demo --pretraining`.
type pretrainingResult struct {
	OK          bool                `json:"ok"`
	Tokenizer   *convert.Inspection `json:"tokenizer"`
	Conversions []convert.Saved     `json:"conversions"`
	Difference  *convert.Difference `json:"difference"`
	Recovery    *mim.Result         `json:"recovery"`
	Report      string              `json:"report,omitempty"`
	Seconds     float64             `json:"seconds"`
}

// demoPretraining tells the second story.
func demoPretraining(ctx context.Context, c *console, keep, report string) error {
	return demonstrate(c, keep, func(teller *console, folder string) (any, error) {
		d := &pretrainingRun{console: teller, start: time.Now(), folder: folder, report: report}
		err := d.tell(ctx)
		d.result.OK, d.result.Seconds = err == nil, time.Since(d.start).Seconds()
		return d.result, err
	})
}

// tell runs the steps, and then says what to type next.
func (d *pretrainingRun) tell(ctx context.Context) error {
	for _, step := range []func(context.Context) error{d.unpack, d.convert, d.load, d.recover, d.show} {
		if err := step(ctx); err != nil {
			d.close()
			return err
		}
	}
	d.close()
	d.printf("\nDone in %.1f s. Now yours:", time.Since(d.start).Seconds())
	d.printf("  beitzoo tokenize encoder.pkl photos/ -o tokens.safetensors")
	d.printf("  beitzoo mim beit_base_patch16_224_pt22k.pth photos/ --tokenizer encoder.pkl    (docs/visual-tokens.md)")
	return nil
}

func (d *pretrainingRun) close() {
	if d.decoder != nil {
		d.decoder.Close()
	}
	if d.pair != nil {
		d.pair.Close()
	}
}

// file returns the path of an embedded file that was unpacked.
func (d *pretrainingRun) file(name string) string { return filepath.Join(d.folder, path.Base(name)) }

// unpack writes the files that ship with the program, and says what the tokenizer is.
func (d *pretrainingRun) unpack(ctx context.Context) error {
	for _, name := range []string{embedded.Encoder, embedded.Decoder, embedded.Masked} {
		raw, err := fs.ReadFile(embedded.Files, name)
		if err == nil {
			err = os.WriteFile(d.file(name), raw, 0o666)
		}
		if err != nil {
			return err
		}
	}
	found, err := convert.Inspect(ctx, d.file(embedded.Encoder), convert.InspectOptions{})
	if err != nil {
		return err
	}
	d.result.Tokenizer = found
	d.printf("1. The tokenizer of hand-written digits, a module that OpenAI's classes were pickled in. Nothing of it is run to read it:")
	d.printf("   %s: %s, %d tensors, names as %s has them", path.Base(embedded.Encoder), found.Container, found.Input.Tensors, found.Scheme)
	d.printf("   %s", describe(*found.Architecture))
	return nil
}

// tokenizerForms are the stations of the tokenizer; the last one is back where it began.
var tokenizerForms = []station{
	{"digits_dvae.pdparams", "passl", "PaddlePaddle, as PASSL has it"},
	{"digits_dvae-flava/", "flava", "transformers' FlavaImageCodebook"},
	{"digits_dvae.pth", "openai", "a state dict under OpenAI's names"},
}

// convert takes the tokenizer through every form and back.
func (d *pretrainingRun) convert(ctx context.Context) error {
	d.printf("\n2. Converted from each form to the next; each file is read back before it gets its name:")
	difference, err := roundTrip(ctx, d.file(embedded.Encoder), d.folder, tokenizerForms, func(s station, report *convert.Report) {
		d.result.Conversions = append(d.result.Conversions, report.Saved)
		d.printf("   -> %-22s %7d bytes  %s", s.name, report.Saved.Bytes, s.whose)
	})
	if err != nil {
		return err
	}
	d.result.Difference = difference
	return d.sayRoundTrip(difference)
}

// load loads the masked model with the tokenizer that transformers would load, and the decoder.
func (d *pretrainingRun) load(ctx context.Context) (err error) {
	weights := func(path string) beitzoo.Weights { return beitzoo.Weights{Path: path} }
	flava := filepath.Join(d.folder, tokenizerForms[1].name)
	if d.pair, err = beitzoo.LoadPair(ctx, weights(d.file(embedded.Masked)), weights(flava), beitzoo.PairOptions{}); err != nil {
		return err
	}
	if d.decoder, err = d.pair.LoadDecoder(ctx, weights(d.file(embedded.Decoder)), beitzoo.Options{}); err != nil {
		return err
	}
	d.names, err = digitImages()
	return err
}

// images yields the embedded images.
func (d *pretrainingRun) images(yield func(classify.Image, error) bool) {
	for _, name := range d.names {
		if !yield(classify.Image{Name: name, Open: func() (io.ReadCloser, error) { return embedded.Files.Open(name) }}, nil) {
			return
		}
	}
}

// masks returns the masks of the images: those that unilm's generator made.
func (d *pretrainingRun) masks() (iter.Seq[[]bool], error) {
	height, width := d.pair.Masked.Config.Window()
	g := masking.Usual(height, width, false)
	g.Least = masksLeast
	return g.Masks(masksSeed)
}

// recover masks patches of all images, and lets the model find their tokens.
func (d *pretrainingRun) recover(ctx context.Context) error {
	masks, err := d.masks()
	if err != nil {
		return err
	}
	r, err := d.pair.Evaluate(ctx, d.images, masks, nil)
	if err != nil {
		return err
	}
	d.result.Recovery = r
	d.printf("\n3. A BEiT that was pre-trained on its tokens sees %d images with 6 of 16 patches masked, and says which of %d tokens is missing:",
		r.Images, d.pair.Masked.Config.Classes)
	d.printf("   it is right about %d of %d = %.2f %%, loss %.3f", r.Right, r.Masked, 100*r.Accuracy, r.Loss)
	d.printf("   chance is %.1f %%, always saying the most frequent token %.1f %%; about patches that it sees, which it was not trained on, %.1f %%",
		100*r.Chance, 100*r.FrequentShare, 100*r.UnmaskedAccuracy)
	if r.Right != maskedRight || r.UnmaskedRight != unmaskedRight {
		d.printf("   unilm's and OpenAI's classes say %d and %d: it differs", maskedRight, unmaskedRight)
		return errDiffers
	}
	d.printf("   just as many as with unilm's and OpenAI's own classes")
	return nil
}

// The images that are shown: so many of them in the terminal, and on the page.
const (
	inTerminal = 3
	onPage     = 24
)

// show draws what the decoder makes of predicted tokens.
func (d *pretrainingRun) show(ctx context.Context) error {
	masks, err := d.masks()
	if err != nil {
		return err
	}
	for seen, err := range d.pair.Stream(ctx, d.images, masks) {
		if err != nil {
			return err
		}
		digit := shownDigit{name: seen.Name}
		digit.right, digit.masked = seen.Recovered()
		if digit.pictures, err = panels(ctx, d.pair, d.decoder, &seen); err != nil {
			return err
		}
		if d.shown = append(d.shown, digit); len(d.shown) == onPage {
			break
		}
	}
	d.printf("\n4. What was masked, what the tokenizer's decoder makes of the tokens that the model found, and of the true ones:")
	for _, digit := range d.shown[:inTerminal] {
		d.printf("")
		for _, line := range asText(digit.pictures[1:], 24, 12) {
			d.printf("   %s", line)
		}
		d.printf("   %-26s%-26s%s", "masked", fmt.Sprintf("%d of %d right", digit.right, digit.masked), "true")
	}
	if d.report == "" {
		return nil
	}
	page, err := d.page()
	if err != nil {
		return err
	}
	if err := disk.WriteFile(d.report, page, 0o644); err != nil {
		return err
	}
	d.result.Report = d.report
	d.printf("\n   %s has %d of them", d.report, len(d.shown))
	return nil
}

// shades are characters from dark to light.
const shades = " .:-=+*#%@"

// asText returns pictures beside each other as lines of characters, each of so many columns and rows.
func asText(pictures []*preprocess.RGB8, columns, rows int) []string {
	lines := make([]string, rows)
	for i, p := range pictures {
		for row := range rows {
			if i > 0 {
				lines[row] += "  "
			}
			var line strings.Builder
			for column := range columns {
				line.WriteByte(shades[brightness(p, column, row, columns, rows)*(len(shades)-1)/255])
			}
			lines[row] += line.String()
		}
	}
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return lines
}

// brightness returns the mean of the samples in a cell of a picture, 0 to 255.
func brightness(p *preprocess.RGB8, column, row, columns, rows int) int {
	sum, count := 0, 0
	for y := row * p.Height / rows; y < max((row+1)*p.Height/rows, row*p.Height/rows+1); y++ {
		for x := column * p.Width / columns; x < max((column+1)*p.Width/columns, column*p.Width/columns+1); x++ {
			for _, v := range p.Pix[3*(y*p.Width+x) : 3*(y*p.Width+x)+3] {
				sum, count = sum+int(v), count+1
			}
		}
	}
	return sum / count
}
