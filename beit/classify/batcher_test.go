package classify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/manifests/embedded"
)

// pictures returns the bytes of all pictures of a digit.
func pictures(t testing.TB, class int) [][]byte {
	t.Helper()
	names, err := filepath.Glob(fmt.Sprintf("%s%s/%d/*.png", shipped, embedded.Images, class))
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	var all [][]byte
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data)
	}
	return all
}

// heldModel counts batches; each forward waits until release is closed or its context ends. A picture whose first pixel is spoilt gives NaN.
type heldModel struct {
	release chan struct{}
	began   chan int // sizes of batches
	fail    error
}

func (m *heldModel) Forward(ctx context.Context, input engine.Input, _ engine.Tap) (engine.Activation, error) {
	images := len(input.Pixels) / (3 * 64 * 64)
	m.began <- images
	select {
	case <-m.release:
	case <-ctx.Done():
		return engine.Activation{}, ctx.Err()
	}
	result := engine.Activation{Name: "logits", Shape: []int{images, 10}, Values: make([]float64, 10*images)}
	for i := range images {
		result.Values[10*i] = float64(input.Pixels[i*3*64*64+64*32]) // nearly white in a white picture
		if input.Pixels[i*3*64*64] > 0.9 {
			result.Values[10*i] = math.NaN()
		}
	}
	return result, m.fail
}

func (*heldModel) Close() error { return nil }

// held returns a classifier with such a model.
func held(t *testing.T, batch int) (*classify.Classifier, *heldModel) {
	t.Helper()
	config := arch.Config{
		ImageHeight: 64, ImageWidth: 64, PatchSize: 16, Channels: 3, EmbedDim: 48, Depth: 1, Heads: 3, HiddenDim: 192, Classes: 10, Epsilon: 1e-6, Pooling: arch.MeanPooling,
	}
	recipe := card.Recipe{ResizeTo: 64, Resize: card.ShorterEdge, Crop: 64, Interpolation: card.Bicubic, Mean: [3]float64{0.5, 0.5, 0.5}, Std: [3]float64{0.5, 0.5, 0.5}}
	model := &heldModel{release: make(chan struct{}), began: make(chan int, 1000)}
	c, err := classify.New(model, card.Card{Config: config, Facts: card.Facts{Recipe: &recipe}})
	if err != nil {
		t.Fatal(err)
	}
	c.BatchSize = batch
	return c, model
}

// TestBatcher_EqualsPredict sends all pictures from many goroutines, with damaged ones between them, and compares each answer with that of the classifier.
func TestBatcher_EqualsPredict(t *testing.T) {
	t.Parallel()
	c := digits(t)
	b := classify.NewBatcher(c, classify.BatcherOptions{Queue: 12, Wait: time.Millisecond})
	var wait sync.WaitGroup
	var right atomic.Int64
	for class := range 10 {
		wait.Go(func() {
			for i, data := range pictures(t, class)[:8] {
				if i%4 == 3 {
					_, err := b.Classify(t.Context(), bytes.NewReader(data[:len(data)/2]), 1)
					if failed := (*preprocess.FileError)(nil); !errors.As(err, &failed) || !errors.Is(errdef.Kind(err), errdef.ErrInput) {
						t.Errorf("half a picture: %v", err)
					}
				}
				got, err := b.Classify(t.Context(), bytes.NewReader(data), 3)
				want, alone := c.Classify(t.Context(), bytes.NewReader(data), 3)
				if err != nil || alone != nil || cmp.Diff(want, got) != "" {
					t.Errorf("class %d: %v, %v: %s", class, err, alone, cmp.Diff(want, got))
					return
				}
				if got.Top[0].Index == class {
					right.Add(1)
				}
			}
		})
	}
	wait.Wait()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if right.Load() < 74 {
		t.Errorf("%d of 80 are right", right.Load())
	}
	if _, err := b.Classify(t.Context(), strings.NewReader(""), 1); !errors.Is(err, classify.ErrBatcherClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

// TestBatcher_Gathers makes sure that requests that come together go through the model together, and no more of them than a batch has.
func TestBatcher_Gathers(t *testing.T) {
	t.Parallel()
	c, model := held(t, 4)
	b := classify.NewBatcher(c, classify.BatcherOptions{Wait: 10 * time.Second})
	data := pictures(t, 0)[0]
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if _, err := b.Classify(t.Context(), bytes.NewReader(data), 1); err != nil {
				t.Error(err)
			}
		})
	}
	close(model.release)
	wait.Wait()
	if sizes := []int{<-model.began, <-model.began}; !slices.Equal(sizes, []int{4, 4}) {
		t.Errorf("batches of %d", sizes)
	}
	b.Close()
}

// TestBatcher_Waits makes sure that a batch that does not fill goes when its time is over.
func TestBatcher_Waits(t *testing.T) {
	t.Parallel()
	for _, wait := range []time.Duration{20 * time.Millisecond, -1} {
		c, model := held(t, 4)
		close(model.release)
		b := classify.NewBatcher(c, classify.BatcherOptions{Wait: wait})
		if _, err := b.Classify(t.Context(), bytes.NewReader(pictures(t, 0)[0]), 1); err != nil {
			t.Error(err)
		}
		if size := <-model.began; size != 1 {
			t.Errorf("a batch of %d", size)
		}
		b.Close()
	}
}

// TestBatcher_Bounds makes sure that requests beyond the queue are refused or wait, that one that gives up makes room, and that Close drains.
func TestBatcher_Bounds(t *testing.T) {
	t.Parallel()
	c, model := held(t, 1)
	data := pictures(t, 0)[0]
	b := classify.NewBatcher(c, classify.BatcherOptions{Queue: 2, Wait: -1, Refuse: true})
	answers := make(chan error, 10)
	ask := func(ctx context.Context) { _, err := b.Classify(ctx, bytes.NewReader(data), 1); answers <- err }
	go ask(t.Context())
	<-model.began // the first is in the model
	impatient, give := context.WithCancel(t.Context())
	entered := &notifyingReader{Reader: bytes.NewReader(data), read: make(chan struct{})}
	go func() { _, err := b.Classify(impatient, entered, 1); answers <- err }()
	<-entered.read
	if _, err := b.Classify(t.Context(), bytes.NewReader(data), 1); !errors.Is(err, classify.ErrBusy) || !errors.Is(err, errdef.ErrUnavailable) {
		t.Errorf("the third: %v", err)
	}
	give()
	if err := <-answers; !errors.Is(err, context.Canceled) {
		t.Errorf("one that gave up: %v", err)
	}
	next := &notifyingReader{Reader: bytes.NewReader(data), read: make(chan struct{})}
	go func() { _, err := b.Classify(t.Context(), next, 1); answers <- err }()
	<-next.read
	closed := make(chan struct{})
	go func() { b.Close(); close(closed) }()
	select {
	case <-closed:
		t.Error("Close did not wait for those inside")
	case <-time.After(20 * time.Millisecond):
	}
	close(model.release)
	for range 2 {
		if err := <-answers; err != nil {
			t.Errorf("one that was inside when the batcher was closed: %v", err)
		}
	}
	<-closed
}

// notifyingReader says when it is read for the first time.
type notifyingReader struct {
	io.Reader
	once sync.Once
	read chan struct{}
}

func (r *notifyingReader) Read(p []byte) (int, error) {
	r.once.Do(func() { close(r.read) })
	return r.Reader.Read(p)
}

// TestBatcher_StopsForNobody makes sure that the model stops when all callers of a batch are gone, and goes on for one that is not.
func TestBatcher_StopsForNobody(t *testing.T) {
	t.Parallel()
	c, model := held(t, 2)
	b := classify.NewBatcher(c, classify.BatcherOptions{Wait: 10 * time.Second})
	data := pictures(t, 0)[0]
	one, leaveOne := context.WithCancel(t.Context())
	other, leaveOther := context.WithCancel(t.Context())
	answers := make(chan error, 2)
	for _, ctx := range []context.Context{one, other} {
		go func() { _, err := b.Classify(ctx, bytes.NewReader(data), 1); answers <- err }()
	}
	if size := <-model.began; size != 2 {
		t.Fatalf("a batch of %d", size)
	}
	leaveOne()
	if err := <-answers; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	leaveOther() // the model is never released: Close returns only if it was stopped
	if err := <-answers; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	b.Close()
}

// TestBatcher_OneBadPicture makes sure that a picture that the model makes NaN of fails alone, and an error of the engine fails all of its batch.
func TestBatcher_OneBadPicture(t *testing.T) {
	t.Parallel()
	c, model := held(t, 2)
	close(model.release)
	b := classify.NewBatcher(c, classify.BatcherOptions{Wait: 10 * time.Second})
	white, black := plain(t, 255), plain(t, 0)
	ask := func() (ofWhite, ofBlack error) {
		var wait sync.WaitGroup
		wait.Go(func() { _, ofWhite = b.Classify(t.Context(), bytes.NewReader(white), 1) })
		wait.Go(func() { _, ofBlack = b.Classify(t.Context(), bytes.NewReader(black), 1) })
		wait.Wait()
		return ofWhite, ofBlack
	}
	ofWhite, ofBlack := ask()
	if bad := (*classify.NotFiniteError)(nil); !errors.As(ofWhite, &bad) || ofBlack != nil {
		t.Errorf("%v, %v", ofWhite, ofBlack)
	}
	model.fail = engine.ErrClosed
	if ofWhite, ofBlack = ask(); !errors.Is(ofWhite, engine.ErrClosed) || !errors.Is(ofBlack, engine.ErrClosed) {
		t.Errorf("%v, %v", ofWhite, ofBlack)
	}
	b.Close()
}

// plain returns a picture of one grey.
func plain(t *testing.T, grey byte) []byte {
	t.Helper()
	header := []byte("BM\x3a\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x18\x00" + strings.Repeat("\x00", 24))
	return append(header, grey, grey, grey, 0)
}

func TestClassify_ErrorOfTheReader(t *testing.T) {
	t.Parallel()
	c := digits(t)
	broken := errors.New("the line broke")
	_, err := c.Classify(t.Context(), io.MultiReader(strings.NewReader("\x89PNG\r\n\x1a\n...."), brokenReader{broken}), 1)
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := c.Classify(ended, bytes.NewReader(pictures(t, 1)[0]), 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

type brokenReader struct{ err error }

func (e brokenReader) Read([]byte) (int, error) { return 0, e.err }

// TestBatcher_GoesOnForOthers makes sure that a caller who goes takes no answer from another one, and that nothing is computed for one who went before.
func TestBatcher_GoesOnForOthers(t *testing.T) {
	t.Parallel()
	c, model := held(t, 2)
	b := classify.NewBatcher(c, classify.BatcherOptions{Wait: 10 * time.Second})
	data := pictures(t, 0)[0]
	answers := make(chan error, 2)
	ask := func(ctx context.Context) { _, err := b.Classify(ctx, bytes.NewReader(data), 1); answers <- err }
	goes, leave := context.WithCancel(t.Context())
	go ask(goes)
	go ask(t.Context())
	<-model.began
	leave()
	if err := <-answers; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(model.release)
	if err := <-answers; err != nil {
		t.Errorf("the one who stayed: %v", err)
	}
	early, leaveEarly := context.WithCancel(t.Context())
	go ask(early)
	time.Sleep(20 * time.Millisecond) // it waits for a second one, most probably
	leaveEarly()
	<-answers
	go ask(t.Context())
	if size := <-model.began; size != 1 {
		t.Errorf("a batch of %d for one who waits", size)
	}
	if err := <-answers; err != nil {
		t.Error(err)
	}
	b.Close()
}
