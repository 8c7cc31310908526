package tokens

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/internal/text"
)

// PartsError says why files are not all parts of a whole, each once.
type PartsError struct{ Problems []string }

func (e *PartsError) Error() string {
	return "the files are not all parts of the images, each once:\n  " + strings.Join(e.Problems, "\n  ")
}

// Is reports that the wrong files were named.
func (e *PartsError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what to do.
func (e *PartsError) Hint() string {
	return "name the file of each part once; tokenise the parts that are missing with the command of the others and another part"
}

// Merged says what was merged.
type Merged struct {
	Header Header
	// Images is the number of those with tokens, and Unread are the others.
	Images int
	Unread []Record
}

// Merge writes the file of the whole from those of all parts, in any order: the same bytes as if the whole had been tokenised at once. Files that are not about
// the same are a *[MismatchError] each, parts that are missing or there twice a *[PartsError], and files that can't be read a *[FileError] each.
func Merge(path string, form Form, parts ...string) (*Merged, error) {
	files, err := openAll(parts)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, file := range files {
			file.Close()
		}
	}()
	m := &Merged{Header: files[0].Header}
	m.Header.Shard = evaluate.Shard{Index: 1, Of: 1}
	if err := m.count(files); err != nil {
		return nil, err
	}
	return m, Write(path, form, m.Header, func() iter.Seq2[Record, error] { return interleaved(files) })
}

// openAll opens the files of all parts, in their order.
func openAll(paths []string) ([]*File, error) {
	var files []*File
	var problems []error
	for _, path := range paths {
		file, err := Open(path)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		files = append(files, file)
	}
	if len(files) > 0 {
		for _, file := range files[1:] {
			if differences := file.Header.differences(&files[0].Header, false); len(differences) > 0 {
				problems = append(problems, &MismatchError{Path: file.Path, Other: "those in " + text.Name(files[0].Path), Differences: differences})
			}
		}
	}
	slices.SortStableFunc(files, func(a, b *File) int { return cmp.Compare(a.Header.Shard.Index, b.Header.Shard.Index) })
	if len(problems) == 0 {
		if wrong := partProblems(files); len(wrong) > 0 {
			problems = append(problems, &PartsError{wrong})
		}
	}
	if err := errors.Join(problems...); err != nil {
		for _, file := range files {
			file.Close()
		}
		return nil, err
	}
	return files, nil
}

// partProblems returns what is wrong with the parts, which are in the order of their indices.
func partProblems(files []*File) []string {
	if len(files) == 0 {
		return []string{"there is no file of tokens"}
	}
	parts := make([]evaluate.PartFile, len(files))
	for i, file := range files {
		parts[i] = evaluate.PartFile{Path: file.Path, Shard: file.Header.Shard}
	}
	return evaluate.PartProblems(parts)
}

// count reads all records once: the images have to follow each other without a gap.
func (m *Merged) count(files []*File) error {
	next, names := 0, dataset.NamesDigest{}
	for r, err := range interleaved(files) {
		if err != nil {
			return err
		}
		if r.Index != next {
			return &PartsError{[]string{fmt.Sprintf("image %d is in none of them, and image %d is: one of them is not whole", next, r.Index)}}
		}
		next++
		names.Add(r.Image)
		if r.Error != "" {
			m.Unread = append(m.Unread, r)
			continue
		}
		m.Images++
	}
	total := m.Header.Images.Total
	if total < 0 {
		return nil // of tar files, whose digest is not one of names
	}
	if next != total {
		return &PartsError{[]string{fmt.Sprintf("they have %d of %s", next, text.Count(total, "image", "images"))}}
	}
	if m.Header.Images.Digest != names.Digest() {
		return &PartsError{[]string{"the names of their images are not those of the list that was tokenised: one of them was changed"}}
	}
	return nil
}

// interleaved yields the records of all parts in the order of the images.
func interleaved(files []*File) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		type part struct {
			next func() (Record, error, bool)
			stop func()
		}
		parts := make([]part, len(files))
		for i, file := range files {
			parts[i].next, parts[i].stop = iter.Pull2(file.Records())
			defer parts[i].stop()
		}
		ended := 0
		for at := 0; ended < len(parts); at = (at + 1) % len(parts) {
			r, err, more := parts[at].next()
			if !more {
				ended++ // the others may go on, with a gap that the caller finds
				continue
			}
			ended = 0
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}
