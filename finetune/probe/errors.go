package probe

import (
	"fmt"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
)

// ClassesError says that classes have too few pictures: there is only one class with any, some have none, or fewer than there are folds.
type ClassesError struct {
	// Counts has the number of pictures of each class, and Names what the classes are called; nil if nobody said.
	Counts []int
	Names  []string
	// Folds is how many pictures a class needs.
	Folds int
}

// fewer returns the classes with fewer pictures than a number.
func (e *ClassesError) fewer(than int) []string {
	var names []string
	for class, count := range e.Counts {
		if count >= than {
			continue
		}
		name := fmt.Sprintf("class %d", class)
		if class < len(e.Names) {
			name = text.Quote(e.Names[class])
		}
		if count > 0 {
			name += fmt.Sprintf(" (%d)", count)
		}
		names = append(names, name)
	}
	return names
}

// mostNamed is how many classes a message names.
const mostNamed = 5

func (e *ClassesError) Error() string {
	if with := len(e.Counts) - len(e.fewer(1)); with < 2 {
		return fmt.Sprintf("the pictures to learn from are of %s: there is nothing to tell apart", text.Count(with, "class", "classes"))
	}
	if empty := e.fewer(1); len(empty) > 0 {
		return fmt.Sprintf("%s without a picture to learn from: %s", text.Count(len(empty), "class is", "classes are"), text.List(empty, mostNamed, ""))
	}
	few := e.fewer(e.Folds)
	return fmt.Sprintf("%s fewer pictures to learn from than the %d folds of the cross-validation: %s",
		text.Count(len(few), "class has", "classes have"), e.Folds, text.List(few, mostNamed, ""))
}

// Is reports that the data does not suit the request.
func (e *ClassesError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Lowest returns the smallest number of pictures of a class.
func (e *ClassesError) Lowest() int {
	lowest := 0
	for i, count := range e.Counts {
		if i == 0 || count < lowest {
			lowest = count
		}
	}
	return lowest
}

// TooFew reports whether all classes have pictures, and some fewer than there are folds.
func (e *ClassesError) TooFew() bool {
	return len(e.Counts) > 1 && e.Lowest() > 0 && e.Lowest() < e.Folds
}

// Hint says what to do.
func (e *ClassesError) Hint() string {
	switch with := len(e.Counts) - len(e.fewer(1)); {
	case with < 2:
		return "take data with at least two classes"
	case len(e.fewer(1)) > 0:
		return "add pictures of them, or leave the classes out of the data"
	}
	return "add pictures, ask for fewer folds, or state the penalty, which needs no cross-validation"
}

// FeatureError says that a feature is not a finite number.
type FeatureError struct {
	// Picture and Feature are indices.
	Picture, Feature int
	Value            float64
}

func (e *FeatureError) Error() string {
	return fmt.Sprintf("feature %d of picture %d is %g", e.Feature, e.Picture, e.Value)
}

// Is reports unusable input.
func (e *FeatureError) Is(kind error) bool { return kind == errdef.ErrInput }

// ConvergenceError says that the minimum was not found.
type ConvergenceError struct {
	Penalty float64
	// Gradient is the largest component of the gradient where the search ended, after so many Iterations.
	Gradient   float64
	Iterations int
}

func (e *ConvergenceError) Error() string {
	return fmt.Sprintf("the minimum for a penalty of %g was not found: after %d iterations the gradient still has %.2g", e.Penalty, e.Iterations, e.Gradient)
}

// Is reports that the data does not suit the request.
func (e *ConvergenceError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what to do.
func (e *ConvergenceError) Hint() string { return "ask for a larger penalty" }
