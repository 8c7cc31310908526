package classify

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxLabels bounds a labels file, in bytes. ImageNet-22k, with 21,841 names, has less than one million.
const maxLabels = 32 << 20

// ReadLabels reads the names of classes, one a line: the first line is class 0. Empty lines at the end are ignored. [New] checks that there is one name for
// each class.
func ReadLabels(r io.Reader) ([]string, error) {
	limited := &io.LimitedReader{R: r, N: maxLabels + 1}
	scanner := bufio.NewScanner(limited)
	var labels []string
	for scanner.Scan() {
		labels = append(labels, scanner.Text())
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("read labels: %w", err)
	}
	if limited.N <= 0 {
		return nil, fmt.Errorf("read labels: more than %d bytes", maxLabels)
	}
	for len(labels) > 0 && strings.TrimSpace(labels[len(labels)-1]) == "" {
		labels = labels[:len(labels)-1]
	}
	if labels == nil {
		labels = []string{} // nil would mean that labels were not given
	}
	return labels, nil
}

// LabelsFile is [ReadLabels] for the file at path.
func LabelsFile(path string) ([]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	labels, err := ReadLabels(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return labels, nil
}

// CheckLabels returns a *[LabelsError] unless there is one label for each class, or labels is nil.
func CheckLabels(labels []string, classes int) error {
	if labels != nil && len(labels) != classes {
		return &LabelsError{Labels: len(labels), Classes: classes}
	}
	return nil
}
