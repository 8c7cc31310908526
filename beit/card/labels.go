package card

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Placeholder reports whether labels are only the numbers of the classes, as transformers writes them when nobody named the classes: LABEL_0, LABEL_1, ...
// No labels at all are placeholders too.
func Placeholder(labels []string) bool {
	for i, label := range labels {
		if label != "LABEL_"+strconv.Itoa(i) {
			return false
		}
	}
	return true
}

// LabelProblem says what is wrong with a name of a class, as "is empty", or returns an empty text.
func LabelProblem(label string) string {
	switch {
	case strings.TrimSpace(label) == "":
		return "is empty"
	case text.Line(label) != label || !utf8.ValidString(label):
		return fmt.Sprintf("%s holds characters that are not shown, such as line breaks", text.Quote(label))
	}
	return ""
}

// CheckLabels returns a *[LabelsError] unless there is one label for each class, or labels is nil.
func CheckLabels(labels []string, classes int) error {
	if labels != nil && len(labels) != classes {
		return &LabelsError{Labels: len(labels), Classes: classes}
	}
	return nil
}

// LabelsError says that the number of labels is not the number of classes.
type LabelsError struct{ Labels, Classes int }

func (e *LabelsError) Error() string {
	return fmt.Sprintf("%s for a model of %s", text.Count(e.Labels, "name of a class", "names of classes"), text.Count(e.Classes, "class", "classes"))
}

// Is reports that the labels are those of another model.
func (e *LabelsError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says which labels are needed.
func (e *LabelsError) Hint() string {
	return "there must be one name for each class, in the order of the model's classes"
}
