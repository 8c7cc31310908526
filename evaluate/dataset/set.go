package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Example is an image with its right classes.
type Example struct {
	classify.Image
	// Index is the place of the image in the whole list, also in a shard of it. Of an image in a tar file it is the place among the images of that tar.
	Index int
	// Tar is the tar file that the image is in, or empty.
	Tar string
	// Class is the index of the right logit.
	Class int
	// Real are the indices of all logits that are right by labels that were collected again, if these were asked for; nil if they were not. If people found no
	// class right for the image, the slice is empty.
	Real []int
	// Content is the CRC-32C of the bytes of an image in a tar file, of a hard link those that it leads to, as 8 hexadecimal digits; empty of others, and of those that
	// can't be read.
	Content string
}

// Set is a data set whose classes are those of a model. Its methods may be called from several goroutines.
type Set interface {
	// Examples yields the examples, each list from the start. An image that cannot be read is an example all the same: its Open fails. An error ends the
	// sequence: the end of ctx, a tar that is damaged, or a class in a tar that the model does not have.
	Examples(ctx context.Context) iter.Seq2[Example, error]
	// Len returns the number of examples; -1 if only the end tells.
	Len() int
	// Digest identifies the whole list, also of a shard: places, names and right classes of all images, as [Inventory] has them, or names and sizes of all
	// tar files. It is "sha256:" and 64 hexadecimal digits.
	Digest() string
	// Grounds identifies the files that say the classes, as far as they are not in the Digest.
	Grounds() Grounds
	// Source returns the folder, file or pattern that the caller named.
	Source() string
	// Classes says which logit stands for which class of the data. The caller must not change it.
	Classes() Mapping
	// Notes returns what else has to be known about the list: what was left out, and why. Each is a sentence without a full stop.
	Notes() []string
	// LeftOut returns what was left out of tar files, as far as they have been read: only their end tells. It has the form of Notes.
	LeftOut() []string
	// Shard returns part i, from 0, of n parts: every n-th example of a list, every n-th tar file. It panics unless 0 <= i < n.
	Shard(i, n int) Set
}

// Grounds are the digests of files on which the right classes rest, each "sha256:" and 64 hexadecimal digits of the bytes of the file, or empty without one.
type Grounds struct {
	// Truth is the file of right classes, and Map the class map. They are empty for a list, whose digest has the class of each image.
	Truth string `json:"truth,omitempty"`
	Map   string `json:"class_map,omitempty"`
	// Real is the file of labels that were collected again.
	Real string `json:"real_labels,omitempty"`
}

// List is a [Set] of examples that are known from the start.
type List struct {
	examples []Example
	source   string
	digest   string
	classes  Mapping
	notes    []string
	grounds  Grounds
}

// NewList returns a set of these examples, each of which gets its place as its Index.
func NewList(source string, examples []Example, classes Mapping, notes ...string) *List {
	var all Inventory
	for i := range examples {
		examples[i].Index = i
		all.Add(i, text.Valid(examples[i].Name), examples[i].Class, examples[i].Real)
	}
	return &List{examples: examples, source: source, digest: all.Digest(), classes: classes, notes: notes}
}

// digestOf returns the digest of some bytes.
func digestOf(raw []byte) string {
	sum := sha256.Sum256(raw)
	return digestText(sum[:])
}

// digestText returns the text form of a digest.
func digestText(sum []byte) string { return "sha256:" + hex.EncodeToString(sum) }

// Examples implements [Set].
func (l *List) Examples(ctx context.Context) iter.Seq2[Example, error] {
	return func(yield func(Example, error) bool) {
		for _, e := range l.examples {
			if err := ctx.Err(); err != nil {
				yield(Example{}, err)
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// Len implements [Set].
func (l *List) Len() int { return len(l.examples) }

// Digest implements [Set].
func (l *List) Digest() string { return l.digest }

// Grounds implements [Set].
func (l *List) Grounds() Grounds { return l.grounds }

// Source implements [Set].
func (l *List) Source() string { return l.source }

// Classes implements [Set].
func (l *List) Classes() Mapping { return l.classes }

// Notes implements [Set].
func (l *List) Notes() []string { return l.notes }

// LeftOut implements [Set]: what is left out of a list is among its Notes.
func (l *List) LeftOut() []string { return nil }

// Shard implements [Set].
func (l *List) Shard(i, n int) Set {
	checkShard(i, n)
	part := *l
	part.examples = make([]Example, 0, len(l.examples)/n+1)
	for at := i; at < len(l.examples); at += n {
		part.examples = append(part.examples, l.examples[at])
	}
	return &part
}

func checkShard(i, n int) {
	if i < 0 || i >= n {
		panic(fmt.Sprintf("dataset: there is no part %d of %d", i, n))
	}
}
