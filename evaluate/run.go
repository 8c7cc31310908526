package evaluate

import (
	"context"
	"iter"
	"sync"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Options are the options of an evaluation.
type Options struct {
	// Header says what is evaluated. The zero value is that of [HeaderFor] and the whole data set. Its Data.Shard is the part that is run.
	Header Header
	// Log, if not nil, gets a record for each image. It was opened with the same Header, and may hold records of an evaluation that was interrupted.
	Log *Log
	// Workers is how many images are read, decoded and prepared at once; 0 means GOMAXPROCS.
	Workers int
	// Progress, if not nil, is called after each image. Calls never overlap.
	Progress func(Progress)
	// Record, if not nil, is called with the record of each image, in the order in which they are classified. Calls never overlap.
	Record func(Record)
}

// Progress says how far an evaluation is.
type Progress struct {
	// Done is the number of images that have a record, Taken that of those that this evaluation did, and Total that of all; -1 if it is not known.
	Done, Taken, Total int
	// Accuracy is that of the images read so far.
	Accuracy Accuracy
}

// HeaderFor returns the header for an evaluation of a part of a data set. The caller adds what the classifier does not know: name and digest of the weights,
// the engine, the version of the program, and what was published.
func HeaderFor(classifier *classify.Classifier, data dataset.Set, part Shard) Header {
	return Header{
		Format: Format, Data: DataOf(data, part), Recipe: Recipe{Recipe: classifier.Recipe()},
		Model: Model{Config: classifier.Config(), Function: classifier.Function(), Labels: classifier.Labels()},
	}
}

// Classification runs the images of a data set through a classifier and returns how good the answers are. Reading and computing overlap, as
// [classify.Classifier.Stream] says, and of the answers only what the figures need is kept.
//
// If some images cannot be read, the summary is about the others, and the error a *[classify.UnreadError], unless the classifier is Strict. With any other
// error, also that of ctx, the summary is about the images until then, and says so.
func Classification(ctx context.Context, classifier *classify.Classifier, data dataset.Set, o Options) (*Summary, error) {
	if o.Header.Format == "" {
		o.Header = HeaderFor(classifier, data, Shard{1, 1})
	}
	part := o.Header.Data.Shard
	run := &run{header: o.Header, log: o.Log, tally: NewTally(o.Header), data: data, progress: o.Progress, record: o.Record, total: data.Len()}
	if part.Of > 1 {
		run.data = data.Shard(part.Index-1, part.Of)
		run.total = run.data.Len()
	}
	if o.Log != nil {
		run.tally = o.Log.tally
	}
	for output, err := range classifier.Stream(ctx, run.images(ctx), classify.StreamOptions{Workers: o.Workers}) {
		if err == nil {
			err = run.take(output)
		}
		if err != nil {
			return summarise(run.tally, false), err
		}
	}
	if o.Log != nil && (!o.Log.finished || run.taken > 0) {
		if err := o.Log.end(); err != nil {
			return summarise(run.tally, true), err
		}
	}
	return summarise(run.tally, true), run.unread()
}

// run is an evaluation that runs.
type run struct {
	header   Header
	log      *Log
	tally    *Tally
	data     dataset.Set
	progress func(Progress)
	record   func(Record)
	// taken counts outputs, and total is the number of images.
	taken, total int
	// failures are those of this run, for the error at its end.
	failures []*preprocess.FileError

	mu      sync.Mutex
	waiting []dataset.Example // of which the outputs are still to come, in order
}

// images yields the images that have no record yet, or could not be read before.
func (r *run) images(ctx context.Context) iter.Seq2[classify.Image, error] {
	done := r.tally.done.clone() // the tally goes on while images are listed
	var before *ledger
	if r.log != nil {
		before = r.log.ledger
	}
	return func(yield func(classify.Image, error) bool) {
		for example, err := range r.data.Examples(ctx) {
			was := done.has(failed(example, nil).place())
			if err == nil && before != nil {
				err = before.compare(example, was)
			}
			if err != nil {
				yield(classify.Image{}, err)
				return
			}
			if was {
				continue
			}
			r.mu.Lock()
			r.waiting = append(r.waiting, example)
			r.mu.Unlock()
			if !yield(example.Image, nil) {
				return
			}
		}
		if before == nil {
			return
		}
		if err := before.finish(); err != nil {
			yield(classify.Image{}, err)
		}
	}
}

// take records an output.
func (r *run) take(output classify.Output) error {
	r.mu.Lock()
	example := r.waiting[0]
	r.waiting = r.waiting[1:]
	r.mu.Unlock()
	r.taken++
	var record Record
	if output.Failure != nil {
		r.failures = append(r.failures, output.Failure)
		record = failed(example, output.Failure.Err)
	} else {
		record = RecordOf(r.header, example, output.Logits)
		record.Unturned = output.Unturned
	}
	add := r.tally.Add
	if r.log != nil {
		add = r.log.add
	}
	if err := add(record); err != nil {
		return err
	}
	if r.record != nil {
		r.record(record)
	}
	if r.progress != nil {
		r.progress(Progress{Done: r.tally.Done(), Taken: r.taken, Total: r.total, Accuracy: r.tally.Accuracy()})
	}
	return nil
}

// unread returns the error about the images that could not be read, or nil.
func (r *run) unread() error {
	if len(r.failures) == 0 {
		return nil
	}
	return &classify.UnreadError{Total: r.tally.Done(), Failures: r.failures}
}

// summarise returns the figures of a tally, and whether they are about all images.
func summarise(t *Tally, finished bool) *Summary {
	s := t.Summary()
	part := t.header.Data.Shard
	switch {
	case !finished && s.Total >= 0:
		s.Partial = text.Count(s.All, "image", "images") + " of " + text.Count(part.Count(s.Total), "image", "images")
	case !finished:
		s.Partial = text.Count(s.All, "image", "images") + " so far"
	case part.Of > 1:
		s.Partial = "part " + part.String() + " of the data set"
	}
	s.Comparisons = compare(s, t.header)
	return s
}
