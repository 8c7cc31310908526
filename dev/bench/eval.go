package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/internal/measure"
	"github.com/beitzoo/beitzoo/internal/parallel"
)

// The data of the section "eval": class folders with so many photographs of 500 x 375 pixels in all, and the same with fewer. What a picture more costs is the
// difference by the pictures that one has more, so that starting a program does not count.
const (
	allPictures, fewPictures = 2000, 400
	pictureClasses           = 10
	// distinct pictures are drawn; each has several names.
	distinct = 200
)

// benchEval measures what each further picture costs: of an evaluation with a model that takes no time, beside the usual program in Python, and of one with
// beit_base beside the rate of the engine alone.
func benchEval(ctx context.Context, b *bench) error {
	all, few := filepath.Join(b.folder, "all"), filepath.Join(b.folder, "few")
	if err := drawPictures(ctx, all, few); err != nil {
		return err
	}
	if b.python == "" {
		fmt.Println("the usual program in Python is left out")
	} else if err := evalBesidePython(ctx, b, all, few); err != nil {
		return err
	}
	return evalBesideEngine(ctx, b, few)
}

// evalRun is a command that evaluates, and what it says of the number of right answers.
type evalRun struct {
	contestant
	right func(output []byte) (int, error)
}

func beitzooEval(b *bench, model, data string, flags ...string) *evalRun {
	run := &evalRun{contestant: contestant{name: "beitzoo eval", command: append([]string{b.beitzoo, "eval", model, data, "--json", "--quiet", "--engine", "native"}, flags...)}}
	run.right = func(output []byte) (int, error) {
		var result struct {
			Right int `json:"top1_correct"`
		}
		err := json.Unmarshal(output, &result)
		return result.Right, err
	}
	return run
}

func evalBesidePython(ctx context.Context, b *bench, all, few string) error {
	model := filepath.Join(b.folder, "tiny224.safetensors")
	if output, err := exec.CommandContext(ctx, b.python, "dev/bench/eval_peer.py", model).CombinedOutput(); err != nil {
		return fmt.Errorf("making a model: %w\n%s", err, output)
	}
	python := func(data string) *evalRun {
		return &evalRun{
			contestant{name: "ImageFolder, DataLoader", command: []string{b.python, "-W", "ignore", "dev/bench/eval_peer.py", model, data}},
			func(output []byte) (int, error) { return strconv.Atoi(strings.TrimSpace(string(output))) },
		}
	}
	pairs := [][2]*evalRun{{beitzooEval(b, model, all, "--recipe", "timm"), beitzooEval(b, model, few, "--recipe", "timm")}, {python(all), python(few)}}
	var contestants []*contestant
	for _, pair := range pairs {
		contestants = append(contestants, &pair[0].contestant, &pair[1].contestant)
	}
	if err := b.compete(ctx, contestants); err != nil {
		return err
	}
	for i := range 2 {
		own, err1 := pairs[0][i].right(pairs[0][i].outputs[0])
		theirs, err2 := pairs[1][i].right(pairs[1][i].outputs[0])
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		if own != theirs {
			return fmt.Errorf("%d right answers, and %d in Python", own, theirs)
		}
	}
	fmt.Printf("%d pictures of 500 x 375 pixels, a model of 224 pixels, one block and width 16; both programs have the same number of right answers. A picture more is\n"+
		"the difference to %d pictures: what it costs beside starting the program.\n\n", allPictures, fewPictures)
	fmt.Println("| what | seconds | CPU seconds | a picture more: ms | CPU ms | pictures a second |")
	fmt.Println("|---|---|---|---|---|---|")
	var wall, processor [2]float64
	for i, pair := range pairs {
		wall[i], processor[i] = marginal(pair[0].seconds, pair[1].seconds), marginal(pair[0].processor, pair[1].processor)
		fmt.Printf("| %s | %.2f | %.2f | %.2f | %.2f | %.0f |\n", pair[0].name, pair[0].median(), measure.Median(pair[0].processor), 1000*wall[i], 1000*processor[i], 1/wall[i])
	}
	fmt.Printf("\nbeitzoo has %.2f times the rate; of CPU time it takes %.2f of the other's.\n\n", wall[1]/wall[0], processor[0]/processor[1])
	return nil
}

// marginal returns the median over the rounds of what each of the pictures costs that all have more than few.
func marginal(all, few []float64) float64 {
	var each []float64
	for i := range min(len(all), len(few)) {
		each = append(each, (all[i]-few[i])/(allPictures-fewPictures))
	}
	return measure.Median(each)
}

// evalBesideEngine compares the rate of an evaluation with that of the engine on tensors that are ready.
func evalBesideEngine(ctx context.Context, b *bench, data string) error {
	const model, pictures = "beit_base_p16_224", 64
	weights := filepath.Join(b.folder, "base.safetensors")
	if output, err := exec.CommandContext(ctx, b.beitzoo, "synth", model, "-o", weights, "--no-sync").CombinedOutput(); err != nil {
		return fmt.Errorf("beitzoo synth: %w\n%s", err, output)
	}
	of := fewPictures / pictures
	classes := filepath.Join(b.folder, "classes.txt")
	var lines strings.Builder
	for class := range pictureClasses {
		fmt.Fprintf(&lines, "%d %d\n", class, class)
	}
	if err := os.WriteFile(classes, []byte(lines.String()), 0o600); err != nil {
		return err
	}
	flags := []string{"--recipe", "timm", "--class-map", classes}
	many := beitzooEval(b, weights, data, append(flags, "--shard", fmt.Sprintf("1/%d", of))...)
	one := beitzooEval(b, weights, data, append(flags, "--shard", fmt.Sprintf("1/%d", fewPictures/8))...)
	alone := &contestant{name: "the engine alone", command: []string{b.beitzoo, "bench", weights, "--engine", "native", "--batch", "8", "--rounds", "7", "--json", "--quiet"}}
	if err := b.compete(ctx, []*contestant{&many.contestant, &one.contestant, alone}); err != nil {
		return err
	}
	var rates []float64
	for _, output := range alone.outputs {
		var result struct {
			Measurements []struct {
				Rate float64 `json:"images_per_second"`
			}
		}
		if err := json.Unmarshal(output, &result); err != nil || len(result.Measurements) != 1 {
			return fmt.Errorf("beitzoo bench: %w\n%s", err, output)
		}
		rates = append(rates, result.Measurements[0].Rate)
	}
	var each []float64
	more := fewPictures/of - 8
	for i := range many.seconds {
		each = append(each, (many.seconds[i]-one.seconds[i])/float64(more))
	}
	rate := 1 / measure.Median(each)
	fmt.Printf("%s, plain Go, float32: an evaluation does %.2f pictures a second, the engine alone on tensors that are ready %.2f: %.3f of its rate.\n",
		model, rate, measure.Median(rates), rate/measure.Median(rates))
	return nil
}

// drawPictures writes photographs by a seed, in class folders, under several names each, and some of them to a second place.
func drawPictures(ctx context.Context, all, few string) error {
	for class := range pictureClasses {
		for _, folder := range []string{all, few} {
			if err := os.MkdirAll(filepath.Join(folder, strconv.Itoa(class)), 0o700); err != nil {
				return err
			}
		}
	}
	name := func(folder string, i int) string {
		return filepath.Join(folder, strconv.Itoa(i%pictureClasses), fmt.Sprintf("%04d.jpg", i))
	}
	err := parallel.Each(ctx, distinct, func(_ context.Context, i int) error {
		var encoded bytes.Buffer
		if err := jpeg.Encode(&encoded, drawPicture(uint64(i)), &jpeg.Options{Quality: 90}); err != nil {
			return err
		}
		return os.WriteFile(name(all, i), encoded.Bytes(), 0o600)
	})
	for i := range allPictures {
		if i >= distinct {
			err = errors.Join(err, os.Link(name(all, i%distinct), name(all, i)))
		}
		if i < fewPictures {
			err = errors.Join(err, os.Link(name(all, i), name(few, i)))
		}
	}
	return err
}

// drawPicture draws what compresses about as a photograph does: 40 to 60 kB.
func drawPicture(seed uint64) image.Image {
	const width, height = 500, 375
	drawn := rand.New(rand.NewPCG(seed, 1))
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	var waves [12][5]float64
	for i := range waves {
		scale := math.Pow(2, -float64(i)/2)
		waves[i] = [5]float64{90 * scale, drawn.NormFloat64() * 0.02 / scale, drawn.NormFloat64() * 0.02 / scale, drawn.Float64() * 7, drawn.NormFloat64()}
	}
	for y := range height {
		for x := range width {
			grey, tint := 128.0, 0.0
			for _, w := range waves {
				v := w[0] * math.Sin(w[1]*float64(x)+w[2]*float64(y)+w[3])
				grey, tint = grey+v, tint+v*w[4]*0.3
			}
			grey += drawn.NormFloat64() * 5
			clamp := func(v float64) uint8 { return uint8(max(0, min(255, v))) }
			img.SetRGBA(x, y, color.RGBA{clamp(grey + tint), clamp(grey), clamp(grey - tint), 255})
		}
	}
	return img
}
