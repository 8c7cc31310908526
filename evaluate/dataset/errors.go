package dataset

import (
	"fmt"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
)

// NoImagesError says that a source has no images with classes.
type NoImagesError struct {
	// Source is what the caller named.
	Source string
	// Classes is the number of class folders, all of them empty. Flat is the number of images that lie directly in the folder.
	Classes, Flat int
	// Truth is a file near the folder that may have the right classes, or empty.
	Truth string
}

func (e *NoImagesError) Error() string {
	switch {
	case e.Flat > 0:
		return fmt.Sprintf("%s has %s, but no class folders", text.Name(e.Source), text.Count(e.Flat, "image", "images"))
	case e.Classes > 0:
		return fmt.Sprintf("%s has %s, but no images in them", text.Name(e.Source), text.Count(e.Classes, "class folder", "class folders"))
	}
	return text.Name(e.Source) + " has no class folders with images"
}

// Is reports that the wrong source was named.
func (e *NoImagesError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says how a data set is laid out.
func (e *NoImagesError) Hint() string {
	if e.Truth != "" {
		return "state the right classes with a file; there is " + text.Name(e.Truth)
	}
	if e.Flat > 0 {
		return "state the right classes with a file, such as LOC_val_solution.csv, or ILSVRC2012_validation_ground_truth.txt of ImageNet's development kit"
	}
	return "expected FOLDER/CLASS/IMAGE, such as val/n01440764/1.jpg"
}

// ListError says what is wrong with a list of images, of classes or of both.
type ListError struct {
	File string
	// Line is the number of the line, from 1, or 0 if it is about the whole file.
	Line   int
	Reason string
	// Advice is what to do, or empty.
	Advice string
	// Unrooted says that the paths of the list start in another folder.
	Unrooted bool
}

func (e *ListError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s, line %d: %s", text.Name(e.File), e.Line, e.Reason)
	}
	return fmt.Sprintf("%s: %s", text.Name(e.File), e.Reason)
}

// Is reports that the file is unusable.
func (e *ListError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint returns the advice.
func (e *ListError) Hint() string {
	if e.Advice != "" {
		return e.Advice
	}
	return "a list has a line for each image: its path and its class, as CSV, as JSON objects, or with a space between them"
}

// SourceError says that what the caller named is no data set, or that several are named that do not go together.
type SourceError struct{ Source, Reason, Advice string }

func (e *SourceError) Error() string {
	if e.Source == "" {
		return e.Reason
	}
	return fmt.Sprintf("%s: %s", text.Name(e.Source), e.Reason)
}

// Is reports that the wrong source was named.
func (e *SourceError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint returns the advice.
func (e *SourceError) Hint() string { return e.Advice }

// Mismatch is a class of a data set that is none of the model's.
type Mismatch struct {
	// Name is the class as the data names it.
	Name string
	// Reason says what is wrong with it, as "is no class of the model".
	Reason string
	// Nearest is the name of a class of the model that was probably meant, or empty.
	Nearest string
}

// MismatchError says that the classes of a data set are not those of the model.
type MismatchError struct {
	// Source is what the caller named.
	Source string
	// Names and Classes are the numbers of classes of the data and of the model.
	Names, Classes int
	// Way is by what most names were matched; empty if none matches by anything.
	Way Way
	// Mismatches are all names that do not fit, in their order.
	Mismatches []Mismatch
	// Nameless says that nobody states the names of the model's classes. Likely is a known list of so many classes that they may be, such as ImageNet-1k.
	Nameless bool
	Likely   string
	// Unsure is empty, or says why the names are not taken in their order, although there are as many as classes and nobody states the names of those.
	Unsure string
}

// listed is how many mismatches the message has; Mismatches has all.
const listed = 10

func (e *MismatchError) Error() string {
	head := fmt.Sprintf("%s: %d of its %s are none of the %d of the model", text.Name(e.Source), len(e.Mismatches), text.Count(e.Names, "class", "classes"), e.Classes)
	lines := []string{head}
	for i, m := range e.Mismatches {
		if i == listed {
			lines = append(lines, fmt.Sprintf("  and %d more", len(e.Mismatches)-i))
			break
		}
		line := fmt.Sprintf("  %s %s", text.Quote(m.Name), m.Reason)
		if m.Nearest != "" {
			line += fmt.Sprintf("; did you mean %s?", text.Quote(m.Nearest))
		}
		lines = append(lines, line)
	}
	if e.Unsure != "" {
		lines = append(lines, "  they are as many as the classes of the model, but "+e.Unsure)
	}
	return strings.Join(lines, "\n")
}

// Is reports that the data set is not one for this model.
func (e *MismatchError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what has to be stated.
func (e *MismatchError) Hint() string {
	switch {
	case e.Unsure != "":
		return "nobody states the names of the model's classes: state them, or which logit each class is, with a class map, or ask for the order of their bytes"
	case e.Likely != "":
		return fmt.Sprintf("if the model has the classes of %s, state their names; otherwise state which logit each class is, with a class map", e.Likely)
	case e.Nameless:
		return "nobody states the names of the model's classes: state them, or which logit each class is, with a class map"
	}
	return "state which logit each class is, with a class map; it can also leave classes out"
}

// RealError says that labels that were collected again do not belong to the images or to the model.
type RealError struct {
	File, Reason, Advice string
	// Nameless says that the model may be the right one, but that nobody states its classes.
	Nameless bool
}

func (e *RealError) Error() string { return fmt.Sprintf("%s: %s", text.Name(e.File), e.Reason) }

// Is reports that the file is unusable.
func (e *RealError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint returns the advice.
func (e *RealError) Hint() string { return e.Advice }
