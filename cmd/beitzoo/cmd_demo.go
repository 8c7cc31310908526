package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/manifests/embedded"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/recording"
	"github.com/beitzoo/beitzoo/verify/report"
)

func demoCommand(c *console) *cli.Command {
	var keep string
	var second pretrainingFlags
	return &cli.Command{
		Name:  "demo",
		Usage: "convert, verify and run a trained model that ships with the program: no network, no libtorch",
		Description: about("Converts a small model through four formats and back, verifies it against what PaddlePaddle computed, and classifies 360 images. With --pretraining it\n"+
			"is about visual tokens: a tokenizer goes through three formats and back, and a masked model recovers what was masked of 360 images.",
			"beitzoo demo --keep demo/",
			"beitzoo demo --pretraining --report digits.html",
		),
		Flags: append(second.flags(), &cli.PathFlag{Name: "keep", Destination: &keep, Usage: "keep the files in this `FOLDER`"}, c.jsonFlag()),
		Action: action(func(ctx context.Context, _ []string) error {
			if err := second.check(); err != nil {
				return err
			}
			if second.asked {
				return demoPretraining(ctx, c, keep, second.report)
			}
			return demo(ctx, c, keep)
		}),
	}
}

// demoRun is the state of one demo.
type demoRun struct {
	// console gets the running text, which is discarded with --json.
	*console
	start              time.Time
	folder, checkpoint string
	result             demoResult
}

// demoResult is the JSON document of demo.
type demoResult struct {
	OK           bool                `json:"ok"`
	Checkpoint   *convert.Inspection `json:"checkpoint"`
	Conversions  []convert.Saved     `json:"conversions"`
	Difference   *convert.Difference `json:"difference"`
	Verification *report.Document    `json:"verification"`
	Evaluation   *demoEvaluation     `json:"evaluation"`
	Seconds      float64             `json:"seconds"`
}

func demo(ctx context.Context, c *console, keep string) error {
	return demonstrate(c, keep, func(teller *console, folder string) (any, error) {
		d := &demoRun{console: teller, start: time.Now(), folder: folder}
		err := d.tell(ctx)
		d.result.OK, d.result.Seconds = err == nil, time.Since(d.start).Seconds()
		return d.result, err
	})
}

// demonstrate tells a story in a folder for its files, or prints its JSON document in place of it.
func demonstrate(c *console, keep string, tell func(teller *console, folder string) (document any, err error)) error {
	folder, remove, err := demoFolder(keep)
	if err != nil {
		return err
	}
	defer remove()
	teller := *c
	if c.asJSON {
		teller.out = io.Discard
	}
	document, err := tell(&teller, folder)
	if c.asJSON && (err == nil || errors.Is(err, errDiffers)) {
		return errors.Join(c.json(document), err)
	}
	return err
}

// tell runs the steps, and then says what to type next.
func (d *demoRun) tell(ctx context.Context) error {
	for _, step := range []func(context.Context) error{d.unpack, d.convert, d.verify, d.classify} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	d.printf("\nDone in %.1f s. Now yours:", time.Since(d.start).Seconds())
	d.printf("  beitzoo convert beit_base_p16_224_ft.pdparams -o beit_base.pth --to timm --prove")
	d.printf("  beitzoo verify  beit_base.pth --recording yours.safetensors    (docs/recording.md says how to record)")
	d.printf("  beitzoo convert --help")
	return nil
}

// demoFolder returns the folder for the files, and a function that removes it: a temporary folder, unless the user wants to keep the files.
func demoFolder(keep string) (string, func(), error) {
	if keep != "" {
		return keep, func() {}, disk.AtTarget(keep, os.MkdirAll(keep, 0o777))
	}
	return disk.TempFolder("beitzoo-demo")
}

// unpack writes the checkpoint that PaddlePaddle saved, and says what it is.
func (d *demoRun) unpack(ctx context.Context) error {
	raw, err := fs.ReadFile(embedded.Files, embedded.Checkpoint)
	if err != nil {
		return err
	}
	d.checkpoint = filepath.Join(d.folder, embedded.Checkpoint)
	if err := os.WriteFile(d.checkpoint, raw, 0o666); err != nil {
		return err
	}
	found, err := convert.Inspect(ctx, d.checkpoint, convert.InspectOptions{})
	if err != nil {
		return err
	}
	d.result.Checkpoint = found
	d.printf("1. A BEiT that PaddlePaddle trained on hand-written digits, as paddle.save wrote it:")
	d.printf("   %s: %s, %d tensors, names as %s has them", embedded.Checkpoint, found.Container, found.Input.Tensors, found.Scheme)
	d.printf("   %s", describe(*found.Architecture))
	return nil
}

// station is a form on a round trip: the name of a file, or of a folder if it ends in a slash, the scheme, and whose form it is.
type station struct{ name, scheme, whose string }

// roundTrip converts a checkpoint to one station after the other, each of which is read back, and compares the last one with the first. told is called after each.
func roundTrip(ctx context.Context, first, folder string, stations []station, told func(station, *convert.Report)) (*convert.Difference, error) {
	from := first
	for _, s := range stations {
		to := filepath.Join(folder, s.name)
		if strings.HasSuffix(s.name, "/") {
			to += "/"
		}
		report, err := convert.Convert(ctx, from, to, convert.Options{SaveOptions: convert.SaveOptions{To: s.scheme, Prove: true}})
		if err != nil {
			return nil, err
		}
		told(s, report)
		from = to
	}
	return convert.Diff(ctx, first, from, convert.OpenOptions{}, convert.OpenOptions{})
}

// sayRoundTrip says what a round trip changed, and returns errDiffers if it changed something.
func (c *console) sayRoundTrip(difference *convert.Difference) error {
	if !difference.Equal {
		printDifference(c, difference)
		return errDiffers
	}
	c.printf("   After the round trip all %d parameters are what they were, bit for bit.", difference.Parameters)
	return nil
}

// conversions are the stations of the round trip; the last one is back where it began.
var conversions = []station{
	{"digits.unilm.pth", "unilm", "PyTorch, as microsoft/unilm has it"},
	{"digits.timm.safetensors", "timm", "safetensors, as timm has it"},
	{"digits-hf/", "hf", "a Hugging Face folder for from_pretrained"},
	{"digits.back.pdparams", "passl", "PaddlePaddle again"},
}

// convert takes the checkpoint through every framework and back.
func (d *demoRun) convert(ctx context.Context) error {
	d.printf("\n2. Converted from each format to the next; each file is read back before it gets its name:")
	difference, err := roundTrip(ctx, d.checkpoint, d.folder, conversions, func(s station, report *convert.Report) {
		d.result.Conversions = append(d.result.Conversions, report.Saved)
		turned := 0
		for _, p := range report.Parameters {
			if p.Read != "" {
				turned++
			}
		}
		d.printf("   -> %-24s %7d bytes  %-41s  %2d of %d changed layout", s.name, report.Saved.Bytes, s.whose, turned, len(report.Parameters))
	})
	if err != nil {
		return err
	}
	d.result.Difference = difference
	return d.sayRoundTrip(difference)
}

// verify runs the PyTorch file in plain Go and compares every block with what PaddlePaddle computed.
func (d *demoRun) verify(ctx context.Context) error {
	model, err := convert.Open(ctx, filepath.Join(d.folder, conversions[0].name), convert.OpenOptions{})
	if err != nil {
		return err
	}
	defer model.Close()
	recorded, err := embeddedRecording(ctx, d.folder, embedded.Recording)
	if err != nil {
		return err
	}
	subject := verify.Subject{Name: conversions[0].name, Config: model.Config, Weights: model.Tensors, Engine: native.Engine{}}
	result, err := verify.Verify(ctx, subject, verify.Recorded(embedded.Recording, recorded), verify.Options{})
	if err != nil {
		return err
	}
	document := report.New(result, report.Options{})
	d.result.Verification = &document
	d.printf("\n3. The PyTorch file, run in plain Go, compared with what PASSL computed from the original (%d images):", result.Images)
	d.printf("   %-10s %-14s %-14s %s", "", "largest value", "off by at most", "rounding allows")
	for _, tap := range result.Taps {
		d.printf("   %-10s %-14.3g %-14.2g %.2g", tap.Name, tap.Largest, tap.MaxAbs, tap.Tolerance)
	}
	if !result.OK {
		d.printf("   It differs: %s", result.Blame)
		return errDiffers
	}
	return nil
}

// embeddedRecording reads a recording that ships with the program.
func embeddedRecording(ctx context.Context, folder, name string) (*recording.Recording, error) {
	raw, err := fs.ReadFile(embedded.Files, name)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, raw, 0o666); err != nil {
		return nil, err
	}
	r, err := recording.Read(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("the recording inside the program: %w", err)
	}
	return r, nil
}
