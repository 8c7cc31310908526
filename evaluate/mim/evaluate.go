package mim

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"runtime"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/preprocess"
)

// Result is how well a masked model recovers tokens.
type Result struct {
	// Images is the number of those that could be read.
	Images int `json:"images"`
	Score
	Levels
	// Branch is the score of the branch for the class token; nil if it was not computed.
	Branch *Score `json:"class_branch,omitempty"`
	// Unread are the images that could not be read.
	Unread []*preprocess.FileError `json:"-"`
	// Unturned is the number of images that are to be turned by their EXIF data, and were not.
	Unturned int `json:"unturned,omitempty"`

	kept []sample
}

// fewest is how many masked patches tell something.
const fewest = 50

// Tells reports whether there are enough masked patches to tell a model near chance from a good one.
func (r *Result) Tells() bool { return r.Masked >= fewest && r.Images > 1 }

// NearChance reports whether the model did no better than one that always says the most frequent token, within three standard errors. Of few patches it is false.
func (r *Result) NearChance() bool {
	return r.Tells() && r.Accuracy <= max(r.FrequentShare, 2*r.Chance)+3*r.StandardError
}

// sample is what is kept of an image for [Pair.Diagnose].
type sample struct {
	image classify.Image
	mask  []bool
	// ids are the tokens of the tokenizer, and answers those of the masked model.
	ids, answers []int32
}

// mostKept is how many images are kept for a diagnosis.
const mostKept = 48

// Seen is what became of one image.
type Seen struct {
	// Index is its place among the images, and Name its name.
	Index int
	Name  string
	// View is what the masked model saw of it, [3, Crop, Crop], before masking.
	View []float32
	Mask []bool
	// Tokens are those of the tokenizer, and Answers those of the masked model, row by row. Logits are [Patches, Classes].
	Tokens, Answers []int32
	Logits          []float64
	// Branch are the logits of the branch for the class token; nil without one.
	Branch []float64
	// Unturned is as in [classify.Output]. Failure says why the image could not be read; then nothing else is there.
	Unturned int
	Failure  *preprocess.FileError

	image classify.Image
}

// Recovered returns of how many masked patches the model found the token, and how many there are.
func (s *Seen) Recovered() (right, masked int) {
	for i, hidden := range s.Mask {
		if !hidden {
			continue
		}
		masked++
		if s.Tokens[i] == s.Answers[i] {
			right++
		}
	}
	return right, masked
}

// prepared is an image with both views.
type prepared struct {
	Seen
	tokens []float32 // the view of the tokenizer
	err    error     // of the sequence
	ready  chan struct{}
}

// Stream yields what becomes of images, in their order. Each takes the next of the masks, also one that cannot be read. Images are read and prepared while the
// models compute; an image is read once, and its views are made from the same bytes. The errors are those of the pair, of images, of the engines, and of ctx.
func (p *Pair) Stream(ctx context.Context, images iter.Seq2[classify.Image, error], masks iter.Seq[[]bool]) iter.Seq2[Seen, error] {
	return func(yield func(Seen, error) bool) {
		if err := p.check(); err != nil {
			yield(Seen{}, err)
			return
		}
		working, stop := context.WithCancel(ctx)
		defer stop()
		var batch []*prepared
		run := func() bool {
			err := p.run(ctx, batch)
			for _, one := range batch {
				if err != nil {
					yield(Seen{}, err)
					return false
				}
				if !yield(one.Seen, nil) {
					return false
				}
			}
			batch = nil
			return true
		}
		for one := range p.prepare(working, images, masks) {
			if one.err != nil {
				if run() {
					yield(Seen{}, one.err)
				}
				return
			}
			if batch = append(batch, one); len(batch) == p.batch() && !run() {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(Seen{}, err)
			return
		}
		run()
	}
}

func (p *Pair) batch() int {
	if p.Batch > 0 {
		return p.Batch
	}
	return classify.DefaultBatchSize
}

// prepare reads and prepares images ahead, and yields them in their order.
func (p *Pair) prepare(ctx context.Context, images iter.Seq2[classify.Image, error], masks iter.Seq[[]bool]) iter.Seq[*prepared] {
	workers := p.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	queue, room := make(chan *prepared, workers+2*p.batch()), make(chan struct{}, workers)
	go func() {
		defer close(queue)
		nextMask, end := iter.Pull(masks)
		defer end()
		index := 0
		for image, err := range images {
			one := &prepared{err: err, ready: make(chan struct{})}
			mask, more := nextMask()
			if err == nil && !more {
				one.err = errNoMask
			}
			one.Index, one.Name, one.Mask, one.image = index, image.Name, mask, image
			index++
			select {
			case queue <- one:
			case <-ctx.Done():
				return
			}
			if one.err != nil {
				close(one.ready)
				return
			}
			select {
			case room <- struct{}{}:
			case <-ctx.Done():
				return
			}
			go func() {
				defer func() { <-room; close(one.ready) }()
				one.fill(p)
			}()
		}
	}()
	return func(yield func(*prepared) bool) {
		for one := range queue {
			select {
			case <-one.ready:
			case <-ctx.Done():
				return
			}
			if !yield(one) {
				return
			}
		}
	}
}

// errNoMask says that there are fewer masks than images.
var errNoMask = &MasksError{Reason: "there are fewer masks than images"}

// fill reads the image and makes both views.
func (one *prepared) fill(p *Pair) {
	raw, err := readAll(one.image)
	if err == nil {
		var own preprocess.Prepared
		own, err = preprocess.Prepare(p.Masked.Recipe, bytes.NewReader(raw))
		one.View, one.Unturned = own.Tensor, own.Unturned
	}
	if err == nil {
		var own preprocess.Prepared
		own, err = preprocess.Prepare(p.Tokenizer.Recipe, bytes.NewReader(raw))
		one.tokens = own.Tensor
	}
	if err != nil {
		one.Failure = &preprocess.FileError{Path: one.Name, Err: err}
	}
}

// readAll returns the bytes of an image file; one more than a picture may have at most.
func readAll(image classify.Image) ([]byte, error) {
	file, err := image.Open()
	if err != nil {
		if named := (*fs.PathError)(nil); errors.As(err, &named) {
			err = named.Err // the *FileError says the path already
		}
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(file, preprocess.MaxFileBytes+1))
	return raw, errors.Join(err, file.Close())
}

// run runs the images of a batch that could be read through both models.
func (p *Pair) run(ctx context.Context, batch []*prepared) error {
	var pixels, views []float32
	var mask []bool
	var live []*prepared
	for _, one := range batch {
		if one.Failure == nil {
			live, pixels, views, mask = append(live, one), append(pixels, one.View...), append(views, one.tokens...), append(mask, one.Mask...)
		}
	}
	if len(live) == 0 {
		return ctx.Err()
	}
	ids, err := p.Tokenizer.tokens(ctx, views, len(live))
	if err != nil {
		return err
	}
	logits, branch, err := p.predict(ctx, pixels, mask, len(live))
	if err != nil {
		return err
	}
	patches, classes := p.Masked.Config.Patches(), p.Masked.Config.Classes
	for i, one := range live {
		one.Tokens, one.Logits = ids[i*patches:(i+1)*patches], logits[i*patches*classes:(i+1)*patches*classes]
		if branch != nil {
			one.Branch = branch[i*patches*classes : (i+1)*patches*classes]
		}
		one.Answers = answersOf(one.Logits, classes)
	}
	return nil
}

// predict returns the logits of the model, and those of the branch for the class token, or nil.
func (p *Pair) predict(ctx context.Context, pixels []float32, mask []bool, images int) (logits, branch []float64, err error) {
	if p.Branch == nil {
		logits, err = p.Masked.logits(ctx, pixels, mask, nil)
		return logits, nil, err
	}
	from := p.Branch.collector(p.Masked.Config.Depth)
	if logits, err = p.Masked.logits(ctx, pixels, mask, from.tap); err != nil {
		return nil, nil, err
	}
	branch, err = p.Branch.logits(ctx, from, images)
	return logits, branch, err
}

func answersOf(logits []float64, classes int) []int32 {
	answers := make([]int32, 0, len(logits)/classes)
	for at := 0; at < len(logits); at += classes {
		answers = append(answers, best(logits[at:at+classes]))
	}
	return answers
}

// Evaluate counts how many tokens of masked patches the model recovers. progress, if not nil, is called after each image. If images could not be read, the result
// is about the others; see Result.Unread.
func (p *Pair) Evaluate(ctx context.Context, images iter.Seq2[classify.Image, error], masks iter.Seq[[]bool], progress func(done int)) (*Result, error) {
	r := &Result{}
	var own, branch counter
	counts := map[int32]int{}
	for seen, err := range p.Stream(ctx, images, masks) {
		if err != nil {
			return nil, err
		}
		if progress != nil {
			progress(seen.Index + 1)
		}
		if seen.Failure != nil {
			r.Unread = append(r.Unread, seen.Failure)
			continue
		}
		if seen.Unturned != 0 {
			r.Unturned++
		}
		r.Images++
		if len(r.kept) < mostKept {
			r.kept = append(r.kept, sample{seen.image, seen.Mask, seen.Tokens, seen.Answers})
		}
		own.add(seen.Tokens, seen.Answers, seen.Mask, seen.Logits)
		if seen.Branch != nil {
			branch.add(seen.Tokens, answersOf(seen.Branch, p.Masked.Config.Classes), seen.Mask, seen.Branch)
		}
		for i, id := range seen.Tokens {
			if seen.Mask[i] {
				counts[id]++
			}
		}
	}
	r.Score, r.Levels = own.result(), levels(counts, p.Masked.Config.Classes)
	if p.Branch != nil {
		score := branch.result()
		r.Branch = &score
	}
	return r, nil
}
