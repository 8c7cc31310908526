package mim

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/internal/parallel"
	"github.com/beitzoo/beitzoo/tensor"
)

// Diagnosis says which known mistake would explain that a model recovers little.
type Diagnosis struct {
	// Images is how many of them were tried, and Accuracy is the masked accuracy of these as it is.
	Images   int     `json:"images"`
	Accuracy float64 `json:"accuracy"`
	// Trials are the mistakes that were undone, in the order in which they were tried.
	Trials []Trial `json:"trials"`
	// Found is the one that repairs it; nil if none does.
	Found *Trial `json:"found,omitempty"`
}

// Trial is a mistake that was undone.
type Trial struct {
	// Mistake says what would be wrong, as a sentence without a full stop.
	Mistake string `json:"mistake"`
	// Accuracy is the masked accuracy without it.
	Accuracy float64 `json:"accuracy"`
	// Recipe is the recipe that was used instead, if it is about one, and Tokenizer says that it is that of the tokenizer.
	Recipe    *card.Recipe `json:"recipe,omitempty"`
	Tokenizer bool         `json:"of_tokenizer,omitempty"`
}

// Other is another tokenizer that the model may have been trained with.
type Other struct {
	Name string
	Side
}

// Doubts are what a diagnosis may try beside what it knows.
type Doubts struct {
	// Others are other tokenizers.
	Others []Other
	// Reload loads the masked model with other parameters; nil leaves out what needs it. The caller closes what it returns.
	Reload func(ctx context.Context, change func(tensor.Named) (tensor.Named, error)) (engine.Model, error)
	// Tried, if not nil, is called after each trial.
	Tried func(done int)
}

// diagnosing is a diagnosis that is made.
type diagnosing struct {
	*Pair
	samples []sample
	doubts  Doubts
	found   Diagnosis
	best    float64
}

// Diagnose undoes one known mistake after the other, with the first images of a result that Evaluate returned, whose files are read again. A mistake explains the
// result if the accuracy without it is better by four standard errors, also than that of the most frequent token: other numbers may
// bring that one alone to its place.
func (p *Pair) Diagnose(ctx context.Context, r *Result, doubts Doubts) (*Diagnosis, error) {
	d := &diagnosing{Pair: p, samples: r.kept, doubts: doubts}
	d.found.Images, d.found.Trials = len(r.kept), []Trial{}
	d.found.Accuracy, _ = d.measure(nil, nil, nil)
	d.best = d.found.Accuracy
	for _, doubt := range []func(context.Context) error{d.numbering, d.masks, d.views, d.tokenizerViews, d.crops, d.tables, d.others} {
		if err := doubt(ctx); err != nil {
			return nil, err
		}
	}
	return &d.found, nil
}

// measure returns the masked accuracy with other tokens, answers and masks, of which each may be nil, and that of always saying the most frequent token.
func (d *diagnosing) measure(ids, answers [][]int32, masks [][]bool) (accuracy, level float64) {
	var c counter
	counts := map[int32]int{}
	for i, s := range d.samples {
		if ids != nil {
			s.ids = ids[i]
		}
		if answers != nil {
			s.answers = answers[i]
		}
		if masks != nil {
			s.mask = masks[i]
		}
		c.add(s.ids, s.answers, s.mask, nil)
		for at, id := range s.ids {
			if s.mask[at] {
				counts[id]++
			}
		}
	}
	return c.result().Accuracy, levels(counts, d.Masked.Config.Classes).FrequentShare
}

// try takes a trial into account, which has these tokens, answers and masks; each may be nil.
func (d *diagnosing) try(t Trial, ids, answers [][]int32, masks [][]bool) {
	var level float64
	t.Accuracy, level = d.measure(ids, answers, masks)
	d.add(t)
	if t.Accuracy > d.best && d.clearly(t.Accuracy, d.found.Accuracy) && d.clearly(t.Accuracy, level) {
		d.best, d.found.Found = t.Accuracy, &t
	}
}

// add lists a trial.
func (d *diagnosing) add(t Trial) {
	d.found.Trials = append(d.found.Trials, t)
	if d.doubts.Tried != nil {
		d.doubts.Tried(len(d.found.Trials))
	}
}

// clearly reports whether an accuracy is better than another one by four standard errors.
func (d *diagnosing) clearly(better, than float64) bool {
	masked := 0
	for _, s := range d.samples {
		for _, m := range s.mask {
			if m {
				masked++
			}
		}
	}
	variance := func(p float64) float64 { // as if two more were right, and two more wrong: few patches are never certain
		n := float64(masked) + 4
		p = (p*float64(masked) + 2) / n
		return p * (1 - p) / n
	}
	return better-than > 4*math.Sqrt(variance(better)+variance(than))
}

// each makes something of each sample.
func each[T any](samples []sample, do func(s sample) T) []T {
	all := make([]T, len(samples))
	for i, s := range samples {
		all[i] = do(s)
	}
	return all
}

// transposed returns the cells of a square window with rows and columns exchanged.
func transposed[T any](cells []T, side int) []T {
	turned := make([]T, len(cells))
	for i := range cells {
		turned[i%side*side+i/side] = cells[i]
	}
	return turned
}

// numbering tries other numbers and places of the tokens.
func (d *diagnosing) numbering(context.Context) error {
	height, width := d.Masked.Config.Window()
	if height == width {
		ids := each(d.samples, func(s sample) []int32 { return transposed(s.ids, width) })
		d.try(Trial{Mistake: "the tokens of the tokenizer are numbered column by column"}, ids, nil, nil)
	}
	for _, by := range []int{1, -1} {
		ids := each(d.samples, func(s sample) []int32 {
			moved := make([]int32, len(s.ids))
			for i := range s.ids {
				moved[i] = s.ids[((i+by)%len(s.ids)+len(s.ids))%len(s.ids)]
			}
			return moved
		})
		d.try(Trial{Mistake: fmt.Sprintf("the tokens are shifted by one patch, %s", map[int]string{1: "to the right", -1: "to the left"}[by])}, ids, nil, nil)
	}
	if by := d.usualShift(); by != 0 {
		vocabulary := int32(d.Masked.Config.Classes)
		ids := each(d.samples, func(s sample) []int32 {
			moved := make([]int32, len(s.ids))
			for i, id := range s.ids {
				moved[i] = (id + by) % vocabulary
			}
			return moved
		})
		d.try(Trial{Mistake: fmt.Sprintf("the numbers of the tokens are shifted by %d of %d, as if the codebook were rolled", by, vocabulary)}, ids, nil, nil)
	}
	return nil
}

// usualShift returns by how much the answers at masked patches are most often above the tokens, modulo their number, but for 0.
func (d *diagnosing) usualShift() int32 {
	vocabulary := int32(d.Masked.Config.Classes)
	counts := map[int32]int{}
	for _, s := range d.samples {
		for i, id := range s.ids {
			if s.mask[i] {
				counts[(s.answers[i]-id+vocabulary)%vocabulary]++
			}
		}
	}
	delete(counts, 0)
	var most int32
	for by, count := range counts {
		if count > counts[most] || count == counts[most] && by < most {
			most = by
		}
	}
	return most
}

// masks tries other readings of the masks.
func (d *diagnosing) masks(ctx context.Context) error {
	inverse := each(d.samples, func(s sample) []bool {
		other := make([]bool, len(s.mask))
		for i, m := range s.mask {
			other[i] = !m
		}
		return other
	})
	answers, err := d.answers(ctx, d.Masked, inverse)
	if err != nil {
		return err
	}
	d.try(Trial{Mistake: "the masks say which patches are visible"}, nil, answers, inverse)
	height, width := d.Masked.Config.Window()
	if height != width {
		return nil
	}
	turned := each(d.samples, func(s sample) []bool { return transposed(s.mask, width) })
	if answers, err = d.answers(ctx, d.Masked, turned); err != nil {
		return err
	}
	d.try(Trial{Mistake: "the masks are transposed, and the scored patches are not"}, nil, answers, nil)
	return nil
}

// statistics are those that models of the family were trained with, and none.
var statistics = []struct {
	name      string
	mean, std [3]float64
}{
	{"mean and deviation 0.5", [3]float64{0.5, 0.5, 0.5}, [3]float64{0.5, 0.5, 0.5}},
	{"the mean and deviation of ImageNet", [3]float64{0.485, 0.456, 0.406}, [3]float64{0.229, 0.224, 0.225}},
	{"values from 0 to 1", [3]float64{}, [3]float64{1, 1, 1}},
}

// recipes calls try with each recipe that differs from one in its statistics or its filter, and says what is different.
func recipes(own card.Recipe, try func(is string, other card.Recipe) error) error {
	for _, s := range statistics {
		other := own
		other.Mean, other.Std = s.mean, s.std
		if other.Arithmetic == card.MapPixels {
			other.Arithmetic = card.Pillow
		}
		if other.Mean == own.Mean && other.Std == own.Std {
			continue
		}
		if err := try("wants "+s.name, other); err != nil {
			return err
		}
	}
	for _, filter := range card.Interpolations() {
		other := own
		if other.Interpolation = filter; other == own {
			continue
		}
		if err := try(fmt.Sprintf("wants pictures resized by %s", filter), other); err != nil {
			return err
		}
	}
	return nil
}

// views tries other statistics and filters of the masked model.
func (d *diagnosing) views(ctx context.Context) error {
	return recipes(d.Masked.Recipe, func(is string, other card.Recipe) error {
		side := d.Masked
		side.Recipe = other
		answers, err := d.answers(ctx, side, nil)
		if err != nil {
			return err
		}
		d.try(Trial{Mistake: "the masked model " + is, Recipe: &other}, nil, answers, nil)
		return nil
	})
}

// tokenizerViews tries other statistics and filters of the tokenizer.
func (d *diagnosing) tokenizerViews(ctx context.Context) error {
	try := func(is string, other card.Recipe) error {
		side := d.Tokenizer
		side.Recipe = other
		ids, err := d.ids(ctx, side)
		if err != nil {
			return err
		}
		d.try(Trial{Mistake: "the tokenizer " + is, Recipe: &other, Tokenizer: true}, ids, nil, nil)
		return nil
	}
	if err := recipes(d.Tokenizer.Recipe, try); err != nil {
		return err
	}
	known, err := card.RecipeFor(map[bool]string{true: "dvae", false: "vqkd"}[d.Tokenizer.Config.Kind == arch.DVAEEncoder], d.Tokenizer.Config.ImageHeight)
	if err != nil {
		return err
	}
	if known = View(known, d.Masked.Recipe); known == d.Tokenizer.Recipe {
		return nil
	}
	return try("wants the view of its pre-training", known)
}

// crops tries other parts of the pictures, for both models.
func (d *diagnosing) crops(ctx context.Context) error {
	own := d.Masked.Recipe
	for _, c := range []struct {
		is   string
		make func(*card.Recipe)
	}{
		{"the models want whole pictures, squashed to a square", func(r *card.Recipe) { r.Resize, r.ResizeTo = card.Squash, r.Crop }},
		{"the models want the largest square in the middle", func(r *card.Recipe) { r.Resize, r.ResizeTo = card.ShorterEdge, r.Crop }},
		{"the models want seven eighths of the square in the middle", func(r *card.Recipe) { r.Resize, r.ResizeTo = card.ShorterEdge, r.Crop*8/7 }},
	} {
		other := own
		if c.make(&other); other == own {
			continue
		}
		masked, tokenizer := d.Masked, d.Tokenizer
		masked.Recipe, tokenizer.Recipe = other, View(d.Tokenizer.Recipe, other)
		answers, err := d.answers(ctx, masked, nil)
		if err != nil {
			return err
		}
		ids, err := d.ids(ctx, tokenizer)
		if err != nil {
			return err
		}
		d.try(Trial{Mistake: c.is, Recipe: &other}, ids, answers, nil)
	}
	return nil
}

// others tries other tokenizers.
func (d *diagnosing) others(ctx context.Context) error {
	for _, other := range d.doubts.Others {
		if err := CheckPair(d.Masked.Config, other.Config); err != nil {
			d.add(Trial{Mistake: fmt.Sprintf("the tokenizer is %s, but %s", other.Name, err)})
			continue
		}
		ids, err := d.ids(ctx, other.Side)
		if err != nil {
			return err
		}
		d.try(Trial{Mistake: "the tokenizer is " + other.Name, Tokenizer: true}, ids, nil, nil)
	}
	return nil
}

// turn is a way in which the rows of a bias table are in another order than they should be.
type turn struct {
	name string
	// of returns the offsets down and across of which the values stand at those of the arguments.
	of func(down, across int) (int, int)
}

var turns = []turn{
	{"the relative position bias tables are rotated by 180 degrees", func(down, across int) (int, int) { return -down, -across }},
	{"the relative position bias tables are mirrored from top to bottom", func(down, across int) (int, int) { return -down, across }},
	{"the relative position bias tables are mirrored from left to right", func(down, across int) (int, int) { return down, -across }},
	{"the relative position bias tables are transposed", func(down, across int) (int, int) { return across, down }},
	{"the relative position bias tables are rotated by 90 degrees", func(down, across int) (int, int) { return across, -down }},
	{"the relative position bias tables are rotated by 270 degrees", func(down, across int) (int, int) { return -across, down }},
}

// tables tries bias tables in other orders.
func (d *diagnosing) tables(ctx context.Context) error {
	height, width := d.Masked.Config.Window()
	if d.doubts.Reload == nil || d.Masked.Config.Bias == arch.NoBias {
		return nil
	}
	for _, t := range turns {
		if down, _ := t.of(1, 0); height != width && down == 0 {
			continue
		}
		model, err := d.doubts.Reload(ctx, func(named tensor.Named) (tensor.Named, error) {
			if !strings.HasSuffix(named.Name, "relative_position_bias_table") {
				return named, nil
			}
			return t.apply(named, height, width)
		})
		if err != nil {
			return err
		}
		side := d.Masked
		side.Model = model
		answers, err := d.answers(ctx, side, nil)
		if closed := model.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return err
		}
		d.try(Trial{Mistake: t.name}, nil, answers, nil)
	}
	return nil
}

// apply returns a table of a window with its rows in the right order.
func (t turn) apply(table tensor.Named, height, width int) (tensor.Named, error) {
	values, err := tensor.Float32s(table.View)
	if err != nil {
		return table, err
	}
	heads := table.Shape[1]
	raw := make([]byte, 0, 4*len(values))
	row := func(at int) {
		for _, v := range values[at*heads : (at+1)*heads] {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
	}
	across := 2*width - 1
	for y := 1 - height; y < height; y++ {
		for x := 1 - width; x < width; x++ {
			down, right := t.of(y, x)
			row((down+height-1)*across + right + width - 1)
		}
	}
	for at := (2*height - 1) * across; at < table.Shape[0]; at++ {
		row(at) // those of the class token
	}
	table.View = tensor.View{DType: tensor.F32, Shape: table.Shape, Data: tensor.Memory(raw)}
	return table, nil
}

// answers returns those of a masked model for the samples. masks are other masks than those of the samples, or nil.
func (d *diagnosing) answers(ctx context.Context, side Side, masks [][]bool) ([][]int32, error) {
	return d.batches(ctx, side.Recipe, func(first int, batch []sample, pixels []float32) ([]int32, error) {
		var mask []bool
		for i, s := range batch {
			if masks != nil {
				s.mask = masks[first+i]
			}
			mask = append(mask, s.mask...)
		}
		logits, err := side.logits(ctx, pixels, mask, nil)
		if err != nil {
			return nil, err
		}
		return answersOf(logits, side.Config.Classes), nil
	})
}

// ids returns the tokens of a tokenizer for the samples.
func (d *diagnosing) ids(ctx context.Context, side Side) ([][]int32, error) {
	return d.batches(ctx, side.Recipe, func(_ int, batch []sample, pixels []float32) ([]int32, error) {
		return side.tokens(ctx, pixels, len(batch))
	})
}

// batches prepares the samples by a recipe, and runs them in batches. The result has an entry for each sample.
func (d *diagnosing) batches(ctx context.Context, recipe card.Recipe, run func(first int, batch []sample, pixels []float32) ([]int32, error)) ([][]int32, error) {
	var all [][]int32
	for first := 0; first < len(d.samples); first += d.batch() {
		batch := d.samples[first:min(first+d.batch(), len(d.samples))]
		pixels := make([]float32, len(batch)*recipe.Len())
		err := parallel.Each(ctx, len(batch), func(_ context.Context, i int) error {
			file, err := batch[i].image.Open()
			if err != nil {
				return &preprocess.FileError{Path: batch[i].image.Name, Err: err}
			}
			defer file.Close()
			if _, err := preprocess.PrepareInto(pixels[i*recipe.Len():(i+1)*recipe.Len()], recipe, file); err != nil {
				return &preprocess.FileError{Path: batch[i].image.Name, Err: err}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		found, err := run(first, batch, pixels)
		if err != nil {
			return nil, err
		}
		one := len(found) / len(batch)
		for i := range batch {
			all = append(all, found[i*one:(i+1)*one])
		}
	}
	return all, nil
}
