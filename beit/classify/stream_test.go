package classify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"io/fs"
	"iter"
	"math"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/manifests/embedded"
)

// onDisk yields files of the disk.
func onDisk(paths []string) iter.Seq2[classify.Image, error] {
	return func(yield func(classify.Image, error) bool) {
		for _, path := range paths {
			if !yield(classify.Image{Name: path, Open: func() (io.ReadCloser, error) { return os.Open(path) }}, nil) {
				return
			}
		}
	}
}

// TestStream_SameWhateverBatchAndWorkers compares with Images one by one: order, logits and failures are the same to the bit.
func TestStream_SameWhateverBatchAndWorkers(t *testing.T) {
	t.Parallel()
	classifier := digits(t)
	names, err := fs.Glob(embedded.Files, embedded.Images+"/[37]/*.png")
	if err != nil {
		t.Fatal(err)
	}
	var want []classify.Output
	var paths []string
	for i, name := range append(names[:40:40], "no such file.png", "7/nor this") {
		output := classify.Output{Index: i, Name: shipped + name}
		if file, err := embedded.Files.Open(name); err != nil {
			output.Failure = &preprocess.FileError{Path: output.Name, Err: fs.ErrNotExist}
		} else if img, err := preprocess.Decode(file); err != nil {
			t.Fatal(err)
		} else if rows, err := classifier.Images(t.Context(), img); err != nil {
			t.Fatal(err)
		} else {
			output.Logits = rows[0]
		}
		want, paths = append(want, output), append(paths, output.Name)
	}
	sameFailure := cmp.Comparer(func(a, b *preprocess.FileError) bool {
		return a == b || a != nil && b != nil && a.Path == b.Path && errors.Is(a.Err, fs.ErrNotExist) == errors.Is(b.Err, fs.ErrNotExist)
	})
	for _, size := range []int{1, 3, 7, 100} {
		for _, workers := range []int{0, 1, 2, 9} {
			classifier.BatchSize = size
			var got []classify.Output
			for output, err := range classifier.Stream(t.Context(), onDisk(paths), classify.StreamOptions{Workers: workers}) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, output)
			}
			if diff := cmp.Diff(want, got, sameFailure); diff != "" {
				t.Fatalf("batches of %d, %d workers: %s", size, workers, diff)
			}
		}
	}
}

// picture is a small PNG file.
func picture(t *testing.T) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := png.Encode(&file, image.NewGray(image.Rect(0, 0, 40, 40))); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// source yields pictures without end, and counts those that were opened and closed.
type source struct {
	file           []byte
	opened, closed atomic.Int32
}

func (s *source) images(yield func(classify.Image, error) bool) {
	for i := 0; yield(classify.Image{Name: fmt.Sprint(i), Open: s.open}, nil); i++ {
	}
}

func (s *source) open() (io.ReadCloser, error) {
	s.opened.Add(1)
	return &sourceFile{bytes.NewReader(s.file), s}, nil
}

type sourceFile struct {
	io.Reader
	source *source
}

func (f *sourceFile) Close() error {
	f.source.closed.Add(1)
	return nil
}

// slowModel computes until it is told to go on.
type slowModel struct {
	fakeModel
	running, goOn chan bool
}

func (m *slowModel) Forward(ctx context.Context, input engine.Input, tap engine.Tap) (engine.Activation, error) {
	select {
	case m.running <- true:
		<-m.goOn
	case <-ctx.Done():
		return engine.Activation{}, ctx.Err()
	}
	return m.fakeModel.Forward(ctx, input, tap)
}

// TestStream_ReadsAheadBounded: while the model computes the first batch, images are read: exactly as many as the queue holds.
func TestStream_ReadsAheadBounded(t *testing.T) {
	t.Parallel()
	config, recipe := small(t)
	for _, c := range []struct{ batch, workers int }{{1, 1}, {4, 2}, {2, 8}} {
		synctest.Test(t, func(t *testing.T) {
			model := &slowModel{fakeModel{logits: []float64{1, 2, 3}}, make(chan bool), make(chan bool)}
			classifier, err := classify.New(model, card.Card{Config: config, Facts: card.Facts{Recipe: &recipe}})
			if err != nil {
				t.Fatal(err)
			}
			classifier.BatchSize = c.batch
			from := &source{file: picture(t)}
			go func() {
				<-model.running
				synctest.Wait() // until all that can run has run
				if got, least, most := int(from.opened.Load()), c.batch*3, c.batch*3+c.workers; got < least || got > most {
					t.Errorf("%+v: %d images were read beside the first batch, want %d to %d", c, got, least, most)
				}
				close(model.goOn)
			}()
			for _, err := range classifier.Stream(context.WithoutCancel(t.Context()), from.images, classify.StreamOptions{Workers: c.workers}) {
				if err != nil {
					t.Error(err)
				}
				break
			}
			synctest.Wait()
			if from.opened.Load() != from.closed.Load() {
				t.Errorf("%d files were opened, %d closed", from.opened.Load(), from.closed.Load())
			}
		}) // which fails if a goroutine is left, since the context does not end
	}
}

// TestStream_Ends covers each reason to end: no goroutine and no file is left open.
func TestStream_Ends(t *testing.T) {
	t.Parallel()
	broken := errors.New("the list is broken")
	for _, c := range []struct {
		name    string
		strict  bool
		logits  []float64
		engine  error
		images  func(from *source, stop func()) iter.Seq2[classify.Image, error]
		outputs int
		want    func(error) bool
	}{
		{"the sequence fails", false, []float64{1, 2, 3}, nil, func(from *source, _ func()) iter.Seq2[classify.Image, error] {
			return func(yield func(classify.Image, error) bool) {
				for range 5 {
					yield(classify.Image{Open: from.open}, nil)
				}
				yield(classify.Image{}, broken)
			}
		}, 5, func(err error) bool { return errors.Is(err, broken) }},
		{"the context ends", false, []float64{1, 2, 3}, nil, func(from *source, stop func()) iter.Seq2[classify.Image, error] {
			return func(yield func(classify.Image, error) bool) {
				stop()
				from.images(yield)
			}
		}, 0, func(err error) bool { return errors.Is(err, context.Canceled) }},
		{
			"the engine fails", false, nil, engine.ErrClosed, func(from *source, _ func()) iter.Seq2[classify.Image, error] { return from.images },
			0, func(err error) bool { return errors.Is(err, engine.ErrClosed) },
		},
		{
			"too few logits", false,
			[]float64{1},
			nil, func(from *source, _ func()) iter.Seq2[classify.Image, error] { return from.images },
			0, func(err error) bool { return err != nil },
		},
		{"a damaged image, strictly", true, []float64{1, 2, 3}, nil, func(from *source, _ func()) iter.Seq2[classify.Image, error] {
			return func(yield func(classify.Image, error) bool) {
				yield(classify.Image{Open: from.open}, nil)
				yield(classify.Image{Name: "bad", Open: func() (io.ReadCloser, error) { return nil, &fs.PathError{Path: "x", Err: fs.ErrPermission} }}, nil)
				from.images(yield)
			}
		}, 1, func(err error) bool {
			file := (*preprocess.FileError)(nil)
			return errors.As(err, &file) && file.Path == "bad" && file.Error() == `image "bad": permission denied`
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			config, recipe := small(t)
			classifier, err := classify.New(&fakeModel{logits: c.logits, err: c.engine}, card.Card{Config: config, Facts: card.Facts{Recipe: &recipe}})
			if err != nil {
				t.Fatal(err)
			}
			classifier.Strict, classifier.BatchSize = c.strict, 4
			from := &source{file: picture(t)}
			ctx, stop := context.WithCancel(context.WithoutCancel(t.Context())) // so that nothing but the end of the sequence ends the goroutines
			outputs := 0
			var got error
			for output, err := range classifier.Stream(ctx, c.images(from, stop), classify.StreamOptions{Workers: 2}) {
				switch {
				case got != nil:
					t.Errorf("%s: something after the error: %+v, %v", c.name, output, err)
				case err != nil:
					got = err
				default:
					outputs++
				}
			}
			if outputs != c.outputs || !c.want(got) {
				t.Errorf("%s: %d outputs, then %v", c.name, outputs, got)
			}
			synctest.Wait()
			if from.opened.Load() != from.closed.Load() {
				t.Errorf("%s: %d files were opened, %d closed", c.name, from.opened.Load(), from.closed.Load())
			}
		})
	}
}

func TestStream_NotFinite(t *testing.T) {
	t.Parallel()
	classifier, model := withLogits(t, 1, 2, 3)
	from := &source{file: picture(t)}
	outputs := 0
	for _, err := range classifier.Stream(t.Context(), from.images, classify.StreamOptions{}) {
		if bad := (*classify.NotFiniteError)(nil); err != nil {
			if !errors.As(err, &bad) || bad.Image != classify.DefaultBatchSize || bad.Name != "8" || !errors.Is(err, errdef.ErrInput) {
				t.Errorf("%v", err)
			}
			continue
		}
		if outputs++; outputs == classify.DefaultBatchSize {
			model.logits = []float64{1, 2, math.NaN()}
		}
	}
	if outputs != classify.DefaultBatchSize {
		t.Errorf("%d outputs", outputs)
	}
}

// A file that hangs does not keep the program from ending.
func TestStream_EndsBesideAReadThatHangs(t *testing.T) {
	t.Parallel()
	classifier, _ := withLogits(t, 1, 2, 3)
	ctx, stop := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	defer writer.Close()
	images := func(yield func(classify.Image, error) bool) {
		yield(classify.Image{Name: "pipe", Open: func() (io.ReadCloser, error) { stop(); return reader, nil }}, nil)
	}
	for output, err := range classifier.Stream(ctx, images, classify.StreamOptions{}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%+v, %v", output, err)
		}
	}
}
