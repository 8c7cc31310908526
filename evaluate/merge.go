package evaluate

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Merged are files of predictions that are all parts of a data set.
type Merged struct {
	// Header is that of the first part, but for Data.Shard, which is the whole.
	Header Header
	// Parts are in the order of their shards.
	Parts []*Predictions

	tally *Tally
}

// Merge reads the files of predictions of all parts of a data set, in any order, and adds them up: exactly, so that the figures are those of an evaluation of
// the whole. What cannot be read is a *[FileError] each. Files that are not about the same are a *[MismatchError] each. Parts that are missing, not finished,
// or there twice, are a *[PartsError].
func Merge(paths ...string) (*Merged, error) {
	parts, err := GatherParts(paths, ReadPredictions,
		func(part, first *Predictions) []Difference { return part.Header.differences(first.Header, false) }, partFile)
	if err != nil {
		return nil, err
	}
	m := &Merged{Parts: parts}
	m.Header = m.Parts[0].Header
	m.Header.Data.Shard = Shard{1, 1}
	m.tally = NewTally(m.Header)
	for _, part := range m.Parts {
		if at, twice := m.tally.merge(part.Tally); twice {
			return nil, &FileError{Path: part.Path, Err: &TwiceError{Record{Index: at.index, Tar: at.tar}}}
		}
	}
	if !m.tally.listed() {
		return nil, &PartsError{[]string{
			"the images of the records are not those of the data: their names, right classes or real labels have another digest than the headers say, " +
				"so a part was changed, or is a copy of another",
		}}
	}
	return m, nil
}

// Summary returns the figures of all parts together.
func (m *Merged) Summary() *Summary { return summarise(m.tally, true) }

// PartsError says why files of predictions are not all parts of a whole, each once.
type PartsError struct{ Problems []string }

func (e *PartsError) Error() string {
	return "the files are not all parts of the data, each once:\n  " + strings.Join(e.Problems, "\n  ")
}

// Is reports that the wrong files were named.
func (e *PartsError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what to do.
func (e *PartsError) Hint() string {
	return "name the file of each part once; evaluate the parts that are missing, and resume those that are not finished with the commands that began them"
}

// GatherParts reads the files of all parts of a data set, in any order, and returns them in that of the shards. differences returns in what a part and the first one
// differ, their shards apart, and describe what a file is. The errors of read come together; then those of parts that are not about the same, a *[MismatchError] each;
// then a *[PartsError].
func GatherParts[P any](paths []string, read func(path string) (P, error), differences func(part, first P) []Difference, describe func(P) PartFile) ([]P, error) {
	var parts []P
	var problems []error
	for _, path := range paths {
		part, err := read(path)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		parts = append(parts, part)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	if len(parts) == 0 {
		return nil, &PartsError{Problems: []string{"there is no file of predictions"}}
	}
	for _, part := range parts[1:] {
		if differences := differences(part, parts[0]); len(differences) > 0 {
			problems = append(problems, &MismatchError{Path: describe(part).Path, Other: describe(parts[0]).Path, Differences: differences})
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	slices.SortStableFunc(parts, func(a, b P) int { return cmp.Compare(describe(a).Shard.Index, describe(b).Shard.Index) })
	files := make([]PartFile, len(parts))
	for i, part := range parts {
		files[i] = describe(part)
	}
	if problems := PartProblems(files); len(problems) > 0 {
		return nil, &PartsError{problems}
	}
	return parts, nil
}

// partFile says what is wrong with a file of predictions by itself.
func partFile(p *Predictions) PartFile {
	file := PartFile{Path: p.Path, Shard: p.Header.Data.Shard}
	if !p.Finished {
		file.Lacks = Unfinished(file, p.extent())
	}
	return file
}

// Unfinished says of a part that it has no more than that.
func Unfinished(file PartFile, extent string) string {
	return fmt.Sprintf("part %s, %s, is not finished: it has %s", file.Shard, file.Path, extent)
}

// PartFile is a file about a part of the images.
type PartFile struct {
	Path  string
	Shard Shard
	// Lacks says what is wrong with the file by itself; empty for nothing.
	Lacks string
}

// PartProblems returns why files, of which there is at least one, in the order of their indices, are not all parts of a whole, each once; nil if they are.
func PartProblems(files []PartFile) []string {
	var problems []string
	of := files[0].Shard.Of
	byIndex := map[int]PartFile{}
	for _, file := range files {
		if file.Shard.Of != of {
			problems = append(problems, fmt.Sprintf("%s is part %s, %s is part %s", file.Path, file.Shard, files[0].Path, files[0].Shard))
			continue
		}
		if other, twice := byIndex[file.Shard.Index]; twice {
			problems = append(problems, fmt.Sprintf("part %s is in %s and in %s", file.Shard, other.Path, file.Path))
		}
		byIndex[file.Shard.Index] = file
		if file.Lacks != "" {
			problems = append(problems, file.Lacks)
		}
	}
	var missing []string
	for index := 1; index <= of && len(missing) <= mostMissing; index++ {
		if _, there := byIndex[index]; !there {
			missing = append(missing, Shard{index, of}.String())
		}
	}
	if len(missing) > 0 {
		problems = append(problems, "missing: "+text.List(missing, mostMissing, ""))
	}
	return problems
}

// mostMissing is how many missing parts a message names.
const mostMissing = 20

// extent says how many images of a part there are.
func (p *Predictions) extent() string {
	done := text.Count(p.Tally.Done(), "image", "images")
	if all := p.Header.Data.Images; all >= 0 {
		return fmt.Sprintf("%s of %d", done, p.Header.Data.Shard.Count(all))
	}
	return done
}

// merge adds the counts of another tally. If an image is in both, it returns one that is, and true; the tally is then of no use.
func (t *Tally) merge(other *Tally) (place, bool) {
	for key, words := range other.done {
		own := t.done[key]
		if own == nil {
			own = new([pageBits / 64]uint64)
			t.done[key] = own
		}
		for i, word := range words {
			if twice := own[i] & word; twice != 0 {
				return place{key.tar, key.number*pageBits + i*64 + bits.TrailingZeros64(twice)}, true
			}
			own[i] |= word
		}
	}
	maps.Copy(t.unread, other.unread)
	t.inventory.Join(other.inventory)
	t.unturned += other.unturned
	t.score.images, t.score.top1, t.score.top5 = t.score.images+other.score.images, t.score.top1+other.score.top1, t.score.top5+other.score.top5
	t.loss.addAll(other.loss)
	t.losses += other.losses
	for class, count := range other.classes {
		if t.classes[class] == nil {
			t.classes[class] = &classCount{}
		}
		t.classes[class].add(*count)
	}
	for p, images := range other.pairs {
		t.pairs[p] += images
	}
	for i, b := range other.bins {
		t.bins[i].images, t.bins[i].right = t.bins[i].images+b.images, t.bins[i].right+b.right
		t.bins[i].probability.addAll(b.probability)
	}
	t.real.add(other.real)
	return place{}, false
}

func (c *classCount) add(other classCount) {
	c.images, c.top1, c.top5 = c.images+other.images, c.top1+other.top1, c.top5+other.top5
}
