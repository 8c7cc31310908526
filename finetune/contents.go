package finetune

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"runtime"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/internal/parallel"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Contents are what the files of pictures hold.
type Contents struct {
	// Digest identifies names, classes and bytes of all pictures, in their order: "sha256:" and 64 hexadecimal digits.
	Digest string

	files []contentSum
}

// contentSum are the first bytes of the SHA-256 of a file: files that have the same are the same.
type contentSum [16]byte

// ReadOptions say how pictures are read before a training.
type ReadOptions struct {
	// Decode decodes each picture, so that one that can't be read is known before the first step.
	Decode bool
	// Progress, if not nil, is called now and then. of is -1 if only the end tells.
	Progress func(done, of int)
}

// readAtOnce is how many pictures of a list are read before the next progress.
const readAtOnce = 256

// ReadContents reads all pictures of a set once. If some can't be read, the error is a *[classify.UnreadError] about all of them; else it is one of
// [dataset.Set.Examples].
func ReadContents(ctx context.Context, set dataset.Set, options ReadOptions) (*Contents, error) {
	r := &contentReader{options: options, of: set.Len(), hash: sha256.New()}
	var waiting []dataset.Example
	for example, err := range set.Examples(ctx) {
		if err != nil {
			return nil, err
		}
		waiting = append(waiting, example)
		if set.Len() < 0 || len(waiting) == readAtOnce { // a picture in a tar file can be read only now
			if err := r.read(ctx, waiting); err != nil {
				return nil, err
			}
			waiting = waiting[:0]
		}
	}
	if err := r.read(ctx, waiting); err != nil {
		return nil, err
	}
	if len(r.failures) > 0 {
		return nil, &classify.UnreadError{Total: len(r.found.files), Failures: r.failures}
	}
	r.found.Digest = "sha256:" + hex.EncodeToString(r.hash.Sum(nil))
	return &r.found, nil
}

// contentReader reads pictures.
type contentReader struct {
	options  ReadOptions
	of       int
	hash     hash.Hash
	found    Contents
	failures []*preprocess.FileError
}

// read reads some pictures, several at a time.
func (r *contentReader) read(ctx context.Context, examples []dataset.Example) error {
	sums, errs := make([]contentSum, len(examples)), make([]error, len(examples))
	if err := parallel.Until(ctx, runtime.GOMAXPROCS(0), len(examples), func(_, i int) {
		sums[i], errs[i] = readContent(examples[i], r.options.Decode)
	}); err != nil {
		return err
	}
	for i, example := range examples {
		if errs[i] != nil {
			r.failures = append(r.failures, &preprocess.FileError{Path: example.Name, Err: errs[i]})
		}
		fmt.Fprintf(r.hash, "%q %d %x\n", text.Valid(example.Name), example.Class, sums[i])
	}
	r.found.files = append(r.found.files, sums...)
	if r.options.Progress != nil {
		r.options.Progress(len(r.found.files), r.of)
	}
	return nil
}

// readContent reads a picture.
func readContent(example dataset.Example, decode bool) (contentSum, error) {
	file, err := example.Open()
	if err != nil {
		return contentSum{}, err
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, preprocess.MaxFileBytes+1))
	if err == nil && decode {
		_, err = preprocess.Decode(bytes.NewReader(raw))
	}
	sum := sha256.Sum256(raw)
	return contentSum(sum[:len(contentSum{})]), err
}

// Shared returns how many pictures have a file that one of the others has, byte for byte.
func (c *Contents) Shared(others *Contents) int {
	known := make(map[contentSum]bool, len(others.files))
	for _, sum := range others.files {
		known[sum] = true
	}
	count := 0
	for _, sum := range c.files {
		if known[sum] {
			count++
		}
	}
	return count
}

// Len returns the number of pictures.
func (c *Contents) Len() int { return len(c.files) }
