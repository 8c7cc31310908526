package evaluate

import (
	"fmt"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Format is the format of files of predictions, which [Header] names.
const Format = "beitzoo.predictions.v1"

// Header is the first line of a file of predictions: what ran on what.
type Header struct {
	Format string `json:"format"`
	// Model, Data, Recipe and Run say what the figures depend on, and Version which version of the program computed them.
	Model   Model  `json:"model"`
	Data    Data   `json:"data"`
	Recipe  Recipe `json:"recipe"`
	Run     Run    `json:"run"`
	Version string `json:"version"`
	// Published are the accuracies that were published of the model, if any are known.
	Published []Published `json:"published,omitempty"`
}

// Model says which model it is.
type Model struct {
	// Name is how the user named it.
	Name string `json:"name"`
	// Digest is "sha256:" and the digest of its parameters, which [convert.Digest] returns, or empty if it is not known.
	Digest string `json:"digest"`
	// Config is its architecture, with epsilon, and Function what turns its logits into probabilities.
	Config   arch.Config       `json:"config"`
	Function classify.Function `json:"function"`
	// Problem is what the logits mean, if that is stated; no figure follows from it but by Function.
	Problem card.Problem `json:"problem_type,omitempty"`
	// Labels are the names of the classes, in the order of the logits; nil if they are not known.
	Labels []string `json:"labels,omitempty"`
}

// Recipe is how images are prepared, with its name, if it has one.
type Recipe struct {
	card.Recipe
	Name string `json:"name,omitempty"`
}

// Run says what the model ran on.
type Run struct {
	Engine string `json:"engine"`
	DType  string `json:"dtype"`
	Device string `json:"device"`
}

// Data says which images it ran on, and which of its classes are which.
type Data struct {
	// Source is the folder, file or pattern that was named.
	Source string `json:"source"`
	// Digest identifies the whole list of images, and Images is their number; -1 if only the end tells.
	Digest string `json:"digest"`
	Images int    `json:"images"`
	// Grounds are the files on which the right classes rest, beside the data.
	dataset.Grounds
	// Shard is the part that the file is about.
	Shard Shard `json:"shard"`
	// Way is by what the classes of the data were matched with those of the model; Names are the former, and Logits the index of the right logit of each.
	Way    dataset.Way `json:"classes_by"`
	Names  []string    `json:"names"`
	Logits []int       `json:"logits"`
	// Candidates are the logits among which the answers were sought, in ascending order; nil for all.
	Candidates []int `json:"candidates,omitempty"`
}

// Shard is a part of a data set: the Index-th, from 1, of Of parts. A whole one is 1 of 1.
type Shard struct {
	Index int `json:"index"`
	Of    int `json:"of"`
}

// MaxShards is the largest number of parts.
const MaxShards = 1_000_000

// String returns the form "2/8".
func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Index, s.Of) }

// Count returns how many of a number of images are in the part.
func (s Shard) Count(images int) int { return (images - s.Index + s.Of) / s.Of }

// Valid reports whether there is such a part.
func (s Shard) Valid() bool { return s.Index >= 1 && s.Index <= s.Of && s.Of <= MaxShards }

// DataOf describes a data set, and the part of it that is used.
func DataOf(set dataset.Set, part Shard) Data {
	classes := set.Classes()
	names := make([]string, len(classes.Names))
	for i, name := range classes.Names {
		names[i] = text.Valid(name)
	}
	return Data{
		Source: text.Valid(set.Source()), Digest: set.Digest(), Images: set.Len(), Grounds: set.Grounds(), Shard: part,
		Way: classes.Way, Names: names, Logits: classes.Logits, Candidates: classes.Candidates,
	}
}

// Published is an accuracy that somebody published of a model.
type Published struct {
	// Origin says who published it and where, and Dataset of which data set it is.
	Origin  string `json:"origin"`
	Dataset string `json:"dataset"`
	// Top1 and Top5 are percentages; Top5 is 0 if only top-1 was published.
	Top1 float64 `json:"top1"`
	Top5 float64 `json:"top5,omitempty"`
	// Recipe is how the publisher prepared the images; nil if that is not known.
	Recipe *card.Recipe `json:"recipe,omitempty"`
}

// Record is a line of a file of predictions: what the model said of one image.
type Record struct {
	// Index is the place of the image in the whole data set; if it is in a tar file, its place among the images of that. Tar is then the name of the tar.
	Index int    `json:"index"`
	Tar   string `json:"tar,omitempty"`
	// Image is its name. In names, also of Tar, a byte that is no UTF-8 is written as \xff, and a backslash that begins such a form as \x5c.
	Image string `json:"image"`
	// Content is the CRC-32C of the bytes of an image in a tar file, as 8 hexadecimal digits.
	Content string `json:"crc32c,omitempty"`
	// Class is the index of the right logit, and Real are those of all right ones by labels that were collected again: nil without such labels, empty if none.
	Class int   `json:"class"`
	Real  []int `json:"real,omitzero"`
	// Top are the five most probable classes, fewer if there are not so many, the most probable first; of equal ones the first.
	Top []Guess `json:"top,omitempty"`
	// Rank is the place of the right class by its probability, from 1; of equal ones the first counts as more probable. It is 0 if the right class is not among
	// the candidates, so that no answer could be right.
	Rank int `json:"rank,omitempty"`
	// Loss is the cross entropy of the right class: minus the natural logarithm of its softmax among the candidates. It is 0 if Rank is.
	Loss float64 `json:"loss,omitempty"`
	// Unturned is the orientation that the file states if the recipe did not turn the image; see [classify.Output].
	Unturned int `json:"unturned,omitempty"`
	// Error says why the image could not be read; empty if it was. Then there are no Top, Rank and Loss.
	Error string `json:"error,omitempty"`
}

// Guess is a class with its probability.
type Guess struct {
	Class       int     `json:"class"`
	Probability float64 `json:"probability"`
}

// place identifies an image of a data set.
type place struct {
	tar   string
	index int
}

func (r Record) place() place { return place{r.Tar, r.Index} }

// shown is how many classes a Record has.
const shown = 5

// RecordOf returns the record, for files with that header, of an example that could be read, and of its logits.
func RecordOf(h Header, e dataset.Example, logits []float64) Record {
	record, candidates := failed(e, nil), h.Data.Candidates
	if candidates != nil {
		some := make([]float64, len(candidates))
		for i, class := range candidates {
			some[i] = logits[class]
		}
		logits = some
	}
	answers := answersOf(logits, h.Model.Function)
	record.Top = answers.top(candidates)
	at := e.Class
	if candidates != nil {
		found := false
		if at, found = slices.BinarySearch(candidates, e.Class); !found {
			return record
		}
	}
	record.Rank, record.Loss = rank(logits, at), answers.loss(at)
	return record
}

// failed returns the record of an example that could not be read.
func failed(e dataset.Example, failure error) Record {
	record := Record{Index: e.Index, Tar: text.Valid(e.Tar), Image: text.Valid(e.Name), Content: e.Content, Class: e.Class, Real: e.Real}
	if failure != nil {
		record.Error = failure.Error()
	}
	return record
}
