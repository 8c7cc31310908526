package segmentation

import (
	"cmp"
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/beit/segment"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
)

// RunOptions are the options of an evaluation.
type RunOptions struct {
	// Labelling says what the samples of labels mean. It is used if there is no Header.
	Labelling Labelling
	// Header says what is evaluated. The zero value is that of [HeaderFor] and the whole data set. Its Data.Shard is the part that is run.
	Header Header
	// Log, if not nil, gets a record for each picture. It was opened with the same Header, and may hold records of an evaluation that was interrupted.
	Log *Log
	// Contents are what [Data.Check] returned; nil checks the data first.
	Contents Contents
	// Strict stops at the first picture that cannot be read.
	Strict bool
	// Progress, if not nil, is called after each picture.
	Progress func(Progress)
}

// Progress says how far an evaluation is.
type Progress struct {
	// Done is the number of pictures that have a record, Taken that of those that this evaluation did, and Total that of the part.
	Done, Taken, Total int
	// Figures are those of the pictures so far.
	Figures Figures
}

// Evaluate segments the pictures of a data set, and returns how good the maps are. A map and its labels have the size of the picture.
//
// If some pictures, or their labels, cannot be read, the summary is about the others, and the error a *[classify.UnreadError], unless the options are strict. With any other
// error, also that of ctx, the summary is about the pictures until then, and says so. The other errors are those of [Data.Check], before anything is computed, of
// [segment.Segmenter.Picture] and of the log; a picture of a record that is another one now is an *[evaluate.ChangedError].
func Evaluate(ctx context.Context, s *segment.Segmenter, d *Data, o RunOptions) (*Summary, error) {
	if o.Header.Format == "" {
		o.Header = HeaderFor(s, d, o.Labelling, evaluate.Shard{Index: 1, Of: 1})
	}
	h := &o.Header
	run := &run{segmenter: s, header: h, log: o.Log, tally: NewTally(*h), table: h.Data.classes(), strict: o.Strict}
	if o.Log != nil {
		run.tally = o.Log.tally
	}
	if o.Contents == nil {
		var err error
		if o.Contents, err = d.Check(ctx, h.Data.Shard, h.Model.Config.Classes, h.Data.Labelling, h.View.Upright(), nil); err != nil {
			return run.tally.Summary(false), err
		}
	}
	if err := run.tally.compare(d, o.Contents); err != nil {
		return run.tally.Summary(false), run.ofLog(err)
	}
	for _, pair := range d.part(h.Data.Shard) {
		if _, done := run.tally.done[pair.Index]; done {
			continue
		}
		if err := run.one(ctx, pair); err != nil {
			return run.tally.Summary(false), err
		}
		if o.Progress != nil {
			o.Progress(Progress{Done: run.tally.Done(), Taken: run.taken, Total: h.inPart(), Figures: run.tally.Figures()})
		}
	}
	if o.Log != nil && (!o.Log.finished || run.taken > 0) {
		if err := o.Log.end(); err != nil {
			return run.tally.Summary(true), err
		}
	}
	return run.tally.Summary(true), run.unread()
}

// run is an evaluation that runs.
type run struct {
	segmenter *segment.Segmenter
	header    *Header
	log       *Log
	tally     *Tally
	table     [256]int
	strict    bool
	// taken counts pictures, and failures are those of this run, for the error at its end.
	taken    int
	failures []*preprocess.FileError
}

// ofLog says of an error that it is about the file of predictions.
func (r *run) ofLog(err error) error {
	if r.log == nil {
		return err
	}
	return &evaluate.FileError{Path: r.log.path, Err: err}
}

// one evaluates a picture and records it. One that cannot be read is recorded as such.
func (r *run) one(ctx context.Context, pair Pair) error {
	record := recordOf(pair)
	failure, err := r.evaluate(ctx, pair, &record)
	if err != nil {
		return err
	}
	if failure != nil {
		if r.strict {
			return failure
		}
		r.failures = append(r.failures, failure)
		record.Error = cmp.Or(text.Valid(text.Line(failure.Err.Error())), "unreadable")
	}
	r.taken++
	if r.log != nil {
		return r.log.add(record)
	}
	return r.tally.Add(record)
}

// evaluate counts the pixels of a picture. failure says that it, or its labels, cannot be read.
func (r *run) evaluate(ctx context.Context, pair Pair, record *Record) (failure *preprocess.FileError, err error) {
	labels, content, err := ReadLabels(pair.labelsPath)
	classes := r.header.Model.Config.Classes
	if err == nil {
		record.Content = content
		if low, high := beyond(labels.Values, r.table, classes); low >= 0 {
			err = errdef.New(errdef.ErrInput, "has "+spanText(low, high)+" by now")
		}
	}
	if err != nil {
		return &preprocess.FileError{Path: pair.Image, Err: fmt.Errorf("its labels %s: %w", text.Name(pair.Labels), err)}, nil
	}
	file, err := disk.OpenRegular(pair.imagePath)
	if err != nil {
		return &preprocess.FileError{Path: pair.Image, Err: err}, nil
	}
	defer file.Close()
	picture, err := r.segmenter.Decode(file)
	if err == nil && (picture.Width != labels.Width || picture.Height != labels.Height) {
		err = errdef.New(errdef.ErrInput, "other labels by now: "+sizesText(pair.Labels, labels, picture.Width, picture.Height))
	}
	if err != nil {
		return &preprocess.FileError{Path: pair.Image, Err: err}, nil
	}
	m, err := r.segmenter.Picture(ctx, picture)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, &preprocess.FileError{Path: pair.Image, Err: err}
	}
	return nil, record.fill(m, labels, r.table, classes)
}

// unread returns the error about the pictures that could not be read, or nil.
func (r *run) unread() error {
	if len(r.failures) == 0 {
		return nil
	}
	return &classify.UnreadError{Total: r.tally.Done(), Failures: r.failures}
}
