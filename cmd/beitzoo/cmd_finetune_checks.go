package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/finetune"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
)

// checkTargets returns an error if the model or the page can't be written when all is over: where they would be no file can be made, there is no space for it, or
// it is the place of the state. saved is what a trial said.
func (t *training) checkTargets(saved *convert.Saved) error {
	state := t.result.State
	for _, target := range []struct{ flag, path string }{{"-o", t.flags.save.output}, {"--report", t.flags.report}} {
		if target.path == "" {
			continue
		}
		if inside(state, target.path) || inside(target.path, state) && slices.Contains(finetune.FileNames(), filepath.Base(target.path)) {
			return &usageError{
				fmt.Sprintf("%s %s is where the state of the training is kept, %s", target.flag, text.Quote(target.path), text.Quote(state)),
				"give one of them another name; --state FOLDER says where the state is kept",
			}
		}
	}
	return t.flags.tryTargets(saved)
}

// tryTargets returns an error if the model or the page can't be written. saved is what a trial said, or nil if no model is to be written.
func (f *finetuneFlags) tryTargets(saved *convert.Saved) error {
	if f.report != "" {
		if err := disk.Try(f.report, 0); err != nil {
			return err
		}
	}
	if saved == nil {
		return nil
	}
	return disk.Try(filepath.Clean(cmp.Or(saved.Folder, saved.Path)), saved.Bytes)
}

// inside reports whether a path is another one, or a file or folder in it.
func inside(path, folder string) bool {
	for at := filepath.Clean(path); ; at = filepath.Dir(at) {
		if samePlace(at, folder) {
			return true
		}
		if at == filepath.Dir(at) {
			return false
		}
	}
}

// readContents reads all pictures once: what they hold is part of what the training is, and one that can't be read is known before the first step. Those of a
// training that goes on have been decoded before it began, and that they are the same is compared.
func (t *training) readContents(ctx context.Context) error {
	begun := finetune.Begun(ctx, t.result.State)
	read := func(set dataset.Set) (*finetune.Contents, error) {
		bar := t.newCount("reading", inImages)
		defer bar.finish()
		return finetune.ReadContents(ctx, set, finetune.ReadOptions{Decode: !begun, Progress: func(done, of int) { bar.set(int64(done), int64(of)) }})
	}
	learnt, err := read(t.gallery.List())
	tested := (*finetune.Contents)(nil)
	if t.data.test != nil && (err == nil || errors.As(err, new(*classify.UnreadError))) {
		var failed error
		if tested, failed = read(t.data.test); failed != nil {
			err = errors.Join(err, failed)
		}
	}
	switch {
	case errors.As(err, new(*classify.UnreadError)) && begun:
		t.remark("a training goes on with the pictures that it began with: put these back as they were; without them train anew, in another folder (--state)")
	case errors.As(err, new(*classify.UnreadError)):
		t.remark("nothing is trained while pictures can't be read: repair or replace them, or take them out of the data")
	}
	if err != nil {
		return err
	}
	d := &t.result.Data
	if d.Contents = learnt.Digest; tested == nil {
		return nil
	}
	d.TestContents, d.Twice, d.Tested = tested.Digest, tested.Shared(learnt), tested.Len()
	if d.Twice == tested.Len() && learnt.Shared(tested) == learnt.Len() {
		return sameData()
	}
	if d.Twice > 0 {
		t.remark(fmt.Sprintf("%d of %s to test on %s, byte for byte, among those to learn from: the accuracy is not that of new pictures",
			d.Twice, text.Count(tested.Len(), "picture", "pictures"), map[bool]string{true: "is", false: "are"}[d.Twice == 1]))
	}
	return nil
}

// identity says what else makes the training what it is, beside its settings and the architecture.
func (t *training) identity() map[string]string {
	recipe, _ := json.Marshal(t.recipe) // numbers and words
	d := &t.result.Data
	return map[string]string{
		"weights": t.result.Digest, "changes of the model": cmp.Or(stepsText(t.result.Changes), "none"), "problem type": cmp.Or(string(t.model.Problem), "none"),
		"list of the data": d.Digest, "contents of the data": d.Contents,
		"list of what is tested": cmp.Or(d.TestDigest, "none"), "contents of what is tested": cmp.Or(d.TestContents, "none"),
		"recipe": string(recipe), "classes": fmt.Sprintf("%q", t.data.labels), "dtype": t.result.Run.DType,
		"augment": fmt.Sprint(t.flags.train.augment), "mix": fmt.Sprint(t.flags.train.mix),
	}
}

// conditions say what the bits depend on beside.
func (t *training) conditions(ctx context.Context) map[string]string {
	all := map[string]string{"threads": strconv.Itoa(cmp.Or(t.options.Run.Threads, runtime.GOMAXPROCS(0)))}
	for _, fact := range machineFacts(ctx, t.result.Run.Engine, t.result.Run.Device) {
		all[strings.ToLower(fact.Name)] = fact.Value
	}
	return all
}
