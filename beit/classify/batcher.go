package classify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/errdef"
)

// Classify reads one image file of any kind that [preprocess.Decode] knows, and returns its n most probable classes. It may be called from many goroutines at
// once; each call then runs the model by itself, which a [Batcher] does for several at once. An image that cannot be read is a *[preprocess.FileError] without
// a path, which wraps the error of r if that is the cause; other errors are those of [Classifier.Stream].
func (c *Classifier) Classify(ctx context.Context, r io.Reader, n int) (Prediction, error) {
	prepared, err := c.prepare(ctx, r)
	if err != nil {
		return Prediction{}, err
	}
	answers, err := c.forward(ctx, prepared.Tensor, 1)
	if err != nil {
		return Prediction{}, err
	}
	return c.predict(answers[0].logits, n, prepared.Unturned)
}

// prepare reads and prepares an image file.
func (c *Classifier) prepare(ctx context.Context, r io.Reader) (preprocess.Prepared, error) {
	prepared, err := c.read(ctx, Image{Open: func() (io.ReadCloser, error) { return io.NopCloser(r), nil }}, make([]float32, c.card.Recipe.Len()))
	if ended := ctx.Err(); ended != nil {
		return preprocess.Prepared{}, ended
	}
	if err != nil {
		return preprocess.Prepared{}, &preprocess.FileError{Err: err}
	}
	return prepared, nil
}

// predict returns the n most probable classes, or a *NotFiniteError.
func (c *Classifier) predict(logits []float64, n, unturned int) (Prediction, error) {
	if err := checkFinite(logits, 0, ""); err != nil {
		return Prediction{}, err
	}
	return Prediction{Top: c.Top(logits, n), Unturned: unturned}, nil
}

var (
	// ErrBusy says that a Batcher has as many requests as it takes, and was told to refuse more.
	ErrBusy = errdef.New(errdef.ErrUnavailable, "too many images are waiting to be classified")
	// ErrBatcherClosed says that a Batcher was closed.
	ErrBatcherClosed = errdef.New(errdef.ErrUnavailable, "the batcher was closed")
)

// BatcherOptions are the options of [NewBatcher]. The zero value is good for a service on a CPU.
type BatcherOptions struct {
	// Wait is how long the first image of a batch waits for others; 0 means 5 ms. With a negative Wait a batch has what is there.
	Wait time.Duration
	// Queue is how many requests are in the batcher at once, from reading to the answer; 0 means eight batches. As many files, or in their place prepared
	// images, [3, Crop, Crop] float32 each, are in memory at most, and GOMAXPROCS decoded ones. The caller limits how long a file may be and how long it may
	// take to read.
	Queue int
	// Refuse answers requests beyond Queue with [ErrBusy]. Otherwise they wait until there is room or their context ends.
	Refuse bool
}

// usualWait is the default of BatcherOptions.Wait.
const usualWait = 5 * time.Millisecond

// Batcher classifies images for many callers at once: it gathers those that come within a short time and runs the model for all of them. It is safe for
// concurrent use.
type Batcher struct {
	classifier *Classifier
	wait       time.Duration
	refuse     bool
	// room has a value for each request inside, decoding for each picture that is being decoded.
	room, decoding chan struct{}
	// waiting are requests that are prepared. There is always room for those inside.
	waiting chan *request
	// closing is closed by Close, done when the last batch was answered.
	closing, done chan struct{}
	// lock guards closed: who has counted itself into inside before it was set is answered.
	lock   sync.Mutex
	closed bool
	inside sync.WaitGroup
}

// request is an image on its way through a Batcher.
type request struct {
	pixels []float32
	// gone reports whether the context of the caller, who waits, has ended; afterwards calls a function when it ends, until stop is called. values has its values
	// and does not end.
	gone       func() bool
	afterwards func(func()) (stop func() bool)
	values     func() context.Context
	// answered gets one reply; it has room for it, so that nobody waits for a caller who has gone.
	answered chan reply
}

type reply struct {
	logits []float64
	err    error
}

// NewBatcher returns a batcher for a classifier, whose BatchSize is the largest batch. The caller closes it, and then the model.
func NewBatcher(c *Classifier, o BatcherOptions) *Batcher {
	if o.Queue <= 0 {
		o.Queue = 8 * max(1, c.BatchSize)
	}
	if o.Wait == 0 {
		o.Wait = usualWait
	}
	b := &Batcher{
		classifier: c, wait: o.Wait, refuse: o.Refuse,
		room: make(chan struct{}, o.Queue), decoding: make(chan struct{}, runtime.GOMAXPROCS(0)), waiting: make(chan *request, o.Queue),
		closing: make(chan struct{}), done: make(chan struct{}),
	}
	go b.serve()
	return b
}

// Classify is [Classifier.Classify], and returns the same classes. An image that cannot be read, one that the model makes NaN of, and a context that ends do no
// harm to the other images of the batch. More errors are [ErrBusy] and [ErrBatcherClosed].
func (b *Batcher) Classify(ctx context.Context, r io.Reader, n int) (Prediction, error) {
	if err := b.enter(ctx); err != nil {
		return Prediction{}, err
	}
	defer b.inside.Done()
	defer func() { <-b.room }()
	prepared, err := b.prepare(ctx, r)
	if err != nil {
		return Prediction{}, err
	}
	own := &request{
		pixels: prepared.Tensor, answered: make(chan reply, 1),
		gone:       func() bool { return ctx.Err() != nil },
		afterwards: func(do func()) func() bool { return context.AfterFunc(ctx, do) },
		values:     func() context.Context { return context.WithoutCancel(ctx) },
	}
	b.waiting <- own
	select {
	case reply := <-own.answered:
		if reply.err != nil {
			return Prediction{}, reply.err
		}
		return b.classifier.predict(reply.logits, n, prepared.Unturned)
	case <-ctx.Done():
		return Prediction{}, ctx.Err()
	}
}

// enter waits for room. The caller calls inside.Done, and makes room again.
func (b *Batcher) enter(ctx context.Context) error {
	b.lock.Lock()
	if b.closed {
		b.lock.Unlock()
		return ErrBatcherClosed
	}
	b.inside.Add(1)
	b.lock.Unlock()
	err := b.takeRoom(ctx)
	if err != nil {
		b.inside.Done()
	}
	return err
}

func (b *Batcher) takeRoom(ctx context.Context) error {
	select {
	case b.room <- struct{}{}:
		return nil
	default:
		if b.refuse {
			return ErrBusy
		}
	}
	select {
	case b.room <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// prepare prepares an image. The file is read first, so that a slow caller keeps nobody from decoding.
func (b *Batcher) prepare(ctx context.Context, r io.Reader) (preprocess.Prepared, error) {
	data, err := io.ReadAll(io.LimitReader(&untilDone{ctx, r}, preprocess.MaxFileBytes+1)) // one more, which Decode refuses
	if ended := ctx.Err(); ended != nil {
		return preprocess.Prepared{}, ended
	}
	if err != nil {
		return preprocess.Prepared{}, &preprocess.FileError{Err: fmt.Errorf("read image: %w", err)}
	}
	select {
	case b.decoding <- struct{}{}:
	case <-ctx.Done():
		return preprocess.Prepared{}, ctx.Err()
	}
	defer func() { <-b.decoding }()
	return b.classifier.prepare(ctx, bytes.NewReader(data))
}

// Close takes no more images, waits until all that were taken are answered, and returns. It does not close the model. Closing twice is not an error.
func (b *Batcher) Close() error {
	b.lock.Lock()
	first := !b.closed
	b.closed = true
	b.lock.Unlock()
	b.inside.Wait()
	if first {
		close(b.closing)
	}
	<-b.done
	return nil
}

// serve answers requests, a batch at a time, until the batcher is closed.
func (b *Batcher) serve() {
	defer close(b.done)
	for {
		select {
		case first := <-b.waiting:
			b.answer(b.gather(first))
		case <-b.closing:
			return
		}
	}
}

// gather returns a batch: first, and what comes until it is full or the time is over.
func (b *Batcher) gather(first *request) []*request {
	batch := []*request{first}
	var late <-chan time.Time
	if b.wait > 0 {
		timer := time.NewTimer(b.wait)
		defer timer.Stop()
		late = timer.C
	}
	for len(batch) < max(1, b.classifier.BatchSize) {
		select {
		case next := <-b.waiting:
			batch = append(batch, next)
			continue
		default:
		}
		if late == nil {
			break
		}
		select {
		case next := <-b.waiting:
			batch = append(batch, next)
		case <-late:
			return batch
		}
	}
	return batch
}

// answer runs the model for those requests of a batch whose callers still wait, and ends early if all of them go.
func (b *Batcher) answer(batch []*request) {
	var pixels []float32
	var live []*request
	var left atomic.Int64
	for _, r := range batch {
		if !r.gone() {
			live, pixels = append(live, r), append(pixels, r.pixels...)
		}
	}
	if len(live) == 0 {
		return
	}
	ctx, stop := context.WithCancel(live[0].values())
	defer stop()
	left.Store(int64(len(live)))
	for _, r := range live {
		unwatch := r.afterwards(func() {
			if left.Add(-1) == 0 {
				stop()
			}
		})
		defer unwatch()
	}
	answers, err := b.classifier.forward(ctx, pixels, len(live))
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return // nobody waits
	}
	for i, r := range live {
		if err != nil {
			r.answered <- reply{err: err}
			continue
		}
		r.answered <- reply{logits: answers[i].logits}
	}
}
