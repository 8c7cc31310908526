package checkpointtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/tensor"
)

// kinds are what an Error may wrap.
var kinds = []error{checkpoint.ErrFormat, checkpoint.ErrMalformed, checkpoint.ErrUnsafe, checkpoint.ErrUnsupported, checkpoint.ErrNoModel}

// maxText is how long the text of an error may be, in bytes.
const maxText = 4 << 10

// Whole reads content and all its tensors. The error says what is wrong with the reader; opened is nil if the reader refuses content with a
// proper error. Content of more than 16 MB of tensors is opened, but not read.
func Whole(format checkpoint.Format, content []byte) (opened *checkpoint.Checkpoint, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v", fault)
		}
	}()
	opened, refusal := format.Read(context.Background(), content, checkpoint.Options{})
	if refusal != nil {
		if opened != nil {
			return nil, fmt.Errorf("both a checkpoint and an error: %w", refusal)
		}
		return nil, properError(refusal)
	}
	return opened, deliversAll(opened.Tensors)
}

// properError returns an error unless err is what package checkpoint promises, and its text is safe to print.
func properError(err error) error {
	var problem *checkpoint.Error
	if !errors.As(err, &problem) {
		return fmt.Errorf("not a checkpoint.Error but %T: %w", err, err)
	}
	if !slices.Contains(kinds, problem.Kind) {
		return fmt.Errorf("an error of unknown kind: %w", err)
	}
	for _, text := range []string{problem.Error(), problem.Hint()} {
		if len(text) > maxText || !utf8.ValidString(text) || bytes.ContainsFunc([]byte(text), unicode.IsControl) {
			return fmt.Errorf("an error that cannot be printed: %.200q", text)
		}
	}
	return nil
}

// deliversAll reads every tensor with Bytes and with WriteTo.
func deliversAll(tensors []tensor.Named) error {
	names := map[string]bool{}
	budget := int64(16 << 20)
	for _, t := range tensors {
		if names[t.Name] || !utf8.ValidString(t.Name) {
			return fmt.Errorf("the name %.200q comes twice or is not UTF-8", t.Name)
		}
		names[t.Name] = true
		size, err := t.Size()
		if err != nil {
			return fmt.Errorf("tensor %.200q: %w", t.Name, err)
		}
		if budget -= size; budget < 0 {
			return nil
		}
		if err := delivers(t.View, size); err != nil {
			return fmt.Errorf("tensor %.200q: %w", t.Name, err)
		}
	}
	return nil
}

// delivers reads a tensor with Bytes and with WriteTo. Both must deliver the same size bytes, or both a proper error.
func delivers(view tensor.View, size int64) error {
	raw, err := view.Data.Bytes()
	var out bytes.Buffer
	n, errWrite := view.Data.WriteTo(&out)
	if (err == nil) != (errWrite == nil) {
		return fmt.Errorf("reading at once returns %w, and in pieces %w", err, errWrite)
	}
	if err != nil {
		return errors.Join(properError(err), properError(errWrite))
	}
	if int64(len(raw)) != size || n != size || !bytes.Equal(raw, out.Bytes()) {
		return fmt.Errorf("%d bytes, %d of them written, for a tensor of %d; the same: %v", len(raw), n, size, bytes.Equal(raw, out.Bytes()))
	}
	return nil
}
