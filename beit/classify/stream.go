package classify

import (
	"context"
	"errors"
	"image"
	"io"
	"io/fs"
	"iter"
	"runtime"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/internal/disk"
)

// Image is one image to classify.
type Image struct {
	// Name is the path of the file, or what else names the image in messages.
	Name string
	// Open opens the image file. It is called once, from any goroutine; what it returns is closed after use.
	Open func() (io.ReadCloser, error)
}

// Output is what the model said of one image.
type Output struct {
	// Index is the place of the image in the sequence that was given, from 0, and Name its name.
	Index int
	Name  string
	// Logits has one finite value for each class, and belongs to the caller. It is nil if the image could not be read: then Failure says why.
	Logits  []float64
	Failure *preprocess.FileError
	// Unturned is the orientation that the file states, if the recipe did not turn the image; see [preprocess.Prepared].
	Unturned int
	// Activations are what an [Extractor] was asked for, by stage, each with one image: its first dimension is 1. They belong to the caller.
	Activations map[engine.Stage]engine.Activation
	// Pixels is the input tensor, [3, Crop, Crop], that an [Extractor] made of the image. [preprocess.Restore] makes a picture of it.
	Pixels []float32
}

// StreamOptions are the options of [Classifier.Stream].
type StreamOptions struct {
	// Workers is how many images are read, decoded and prepared at once; 0 means GOMAXPROCS. It changes the speed and the memory, never a result.
	Workers int
}

// Stream runs images through the model as they come and yields their outputs in the same order. Images are read and prepared on goroutines of their own,
// while the model computes: at most Workers + 3 BatchSize prepared images, [3, Crop, Crop] float32 each, are in memory, and as many opened files as Workers.
// The sequence images is run on a goroutine of its own, too, ahead of the outputs.
//
// An image that cannot be read has an Output with its Failure, or ends the sequence with that error if the classifier is Strict. The sequence ends with the first
// error of images, after the outputs for those before it; with a *[NotFiniteError]; with an error of the engine; or with that of ctx. When it ends early, also
// because the caller breaks off, the files that are being read are closed soon after, and images is stopped at its next element.
//
// The batches are runs of BatchSize images. The engine in plain Go computes the same bits in any batch; of libtorch that is not promised.
func (c *Classifier) Stream(ctx context.Context, images iter.Seq2[Image, error], o StreamOptions) iter.Seq2[Output, error] {
	return c.stream(ctx, func(yield func(item, error) bool) {
		for img, err := range images {
			if !yield(c.file(img), err) {
				return
			}
		}
	}, o)
}

// read prepares an image file, in memory for the tensor.
func (c *Classifier) read(ctx context.Context, img Image, tensor []float32) (preprocess.Prepared, error) {
	file, err := img.Open()
	if err != nil {
		if named := (*fs.PathError)(nil); errors.As(err, &named) {
			err = named.Err // the *FileError says the path already
		}
		return preprocess.Prepared{}, err
	}
	prepared, err := preprocess.PrepareInto(tensor, *c.card.Recipe, &untilDone{ctx, file})
	return prepared, errors.Join(err, file.Close())
}

// untilDone reads until ctx ends.
type untilDone struct {
	ctx context.Context //nolint:containedctx // a reader for one call
	r   io.Reader
}

func (u *untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

// item is an image with what makes its input tensor.
type item struct {
	name    string
	prepare func(ctx context.Context, m *memory) (preprocess.Prepared, error)
}

// slot is the place of an item in the queue. The other fields are set when ready is closed. err ends the queue.
type slot struct {
	item
	ready    chan struct{}
	prepared preprocess.Prepared
	failure  *preprocess.FileError
	err      error
}

// stream is [Classifier.Stream] for items.
func (c *Classifier) stream(ctx context.Context, items iter.Seq2[item, error], o StreamOptions) iter.Seq2[Output, error] {
	return func(yield func(Output, error) bool) {
		working, stop := context.WithCancel(ctx)
		defer stop()
		size := max(1, c.BatchSize)
		queue := newQueue(c.card.Recipe.Len(), o.Workers, size)
		b := batch{classifier: c, yield: yield, memory: &queue.memory}
		for index, s := range queue.slots(working, items) {
			switch {
			case s.err != nil:
				if b.run(ctx) {
					yield(Output{}, s.err)
				}
				return
			case s.failure != nil && c.Strict:
				if b.run(ctx) {
					yield(Output{}, s.failure)
				}
				return
			}
			b.add(index, s)
			if len(b.outputs) == size && !b.run(ctx) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(Output{}, err)
			return
		}
		b.run(ctx)
	}
}

// memory is input tensors that are used again.
type memory struct {
	size int // of one
	free chan []float32
}

func (m *memory) take() []float32 {
	select {
	case tensor := <-m.free:
		return tensor
	default:
		return make([]float32, m.size)
	}
}

func (m *memory) putBack(tensor []float32) {
	select {
	case m.free <- tensor:
	default:
	}
}

// queue prepares items ahead of the model.
type queue struct {
	workers, length int
	memory          memory
}

func newQueue(tensor, workers, batchSize int) *queue {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	length := workers + 2*batchSize
	return &queue{workers, length, memory{tensor, make(chan []float32, length)}}
}

// slots prepares items on goroutines that end with ctx, and yields them in their order, with their indices. It ends after a slot with an error, and when ctx
// ends.
func (q *queue) slots(ctx context.Context, items iter.Seq2[item, error]) iter.Seq2[int, *slot] {
	queue, work := make(chan *slot, q.length), make(chan *slot)
	for range q.workers {
		go func() {
			for s := range work {
				s.fill(ctx, &q.memory)
			}
		}()
	}
	go func() {
		defer close(queue)
		defer close(work)
		for item, err := range items {
			s := &slot{item: item, ready: make(chan struct{}), err: err}
			if !send(ctx, queue, s) {
				return
			}
			if err != nil {
				close(s.ready)
				return
			}
			if !send(ctx, work, s) {
				return
			}
		}
	}()
	return func(yield func(int, *slot) bool) {
		for index := 0; ; index++ {
			s, more := receive(ctx, queue)
			if !more {
				return
			}
			if _, closed := receive(ctx, s.ready); closed || ctx.Err() != nil || !yield(index, s) {
				return
			}
		}
	}
}

// fill prepares the image of a slot.
func (s *slot) fill(ctx context.Context, m *memory) {
	defer close(s.ready)
	prepared, err := s.prepare(ctx, m)
	if err != nil {
		s.failure = &preprocess.FileError{Path: s.name, Err: err}
		return
	}
	s.prepared = prepared
}

// send reports whether a value was taken from a channel before ctx ended.
func send[T any](ctx context.Context, to chan<- T, value T) bool {
	select {
	case to <- value:
		return true
	case <-ctx.Done():
		return false
	}
}

// receive returns the next value of a channel, and false if the channel is closed, or ctx ends first.
func receive[T any](ctx context.Context, from <-chan T) (T, bool) {
	select {
	case value, more := <-from:
		return value, more
	case <-ctx.Done():
		return *new(T), false
	}
}

// batch gathers images that go through the model at once. Its memory is used again.
type batch struct {
	classifier *Classifier
	yield      func(Output, error) bool
	memory     *memory
	outputs    []Output
	pixels     []float32 // of the outputs without a failure
	read       int       // their number
}

func (b *batch) add(index int, s *slot) {
	output := Output{Index: index, Name: s.name, Failure: s.failure, Unturned: s.prepared.Unturned}
	if s.failure == nil {
		b.pixels = append(b.pixels, s.prepared.Tensor...)
		b.read++
		if b.classifier.stages != nil {
			output.Pixels = s.prepared.Tensor
		} else {
			b.memory.putBack(s.prepared.Tensor)
		}
	}
	b.outputs = append(b.outputs, output)
}

// run runs the gathered images through the model, yields their outputs, and empties the batch. It reports whether the sequence goes on.
func (b *batch) run(ctx context.Context) bool {
	answers, err := b.classifier.forward(ctx, b.pixels, b.read)
	if err != nil {
		b.yield(Output{}, err)
		return false
	}
	for _, output := range b.outputs {
		if output.Failure == nil {
			output.Logits, output.Activations, answers = answers[0].logits, answers[0].activations, answers[1:]
			if err := checkFinite(output.Logits, output.Index, output.Name); err != nil {
				b.yield(Output{}, err)
				return false
			}
		}
		if !b.yield(output, nil) {
			return false
		}
	}
	b.outputs, b.pixels, b.read = b.outputs[:0], b.pixels[:0], 0
	return true
}

// itemsOf makes an item of each value.
func itemsOf[T any](values []T, itemOf func(T) item) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		for _, value := range values {
			if !yield(itemOf(value), nil) {
				return
			}
		}
	}
}

// decoded is an item for an image that is decoded already.
func (c *Classifier) decoded(img image.Image) item {
	return item{prepare: func(context.Context, *memory) (preprocess.Prepared, error) {
		tensor, err := preprocess.Apply(*c.card.Recipe, img)
		return preprocess.Prepared{Tensor: tensor}, err
	}}
}

// file is an item for a file.
func (c *Classifier) file(img Image) item {
	return item{img.Name, func(ctx context.Context, m *memory) (preprocess.Prepared, error) { return c.read(ctx, img, m.take()) }}
}

// Paths yields image files by their paths.
func Paths(paths []string) iter.Seq2[Image, error] {
	return func(yield func(Image, error) bool) {
		for _, path := range paths {
			if !yield(Image{path, func() (io.ReadCloser, error) { return disk.OpenRegular(path) }}, nil) {
				return
			}
		}
	}
}
