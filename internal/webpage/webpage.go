// Package webpage has what the HTML pages of the program have in common: how they look, light, dark and printed, what a browser lets them do, how it is known
// that a file is one of them, and the ticks and lines of their charts.
package webpage

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // for the style
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/disk"
)

// Style is the common part of the style sheets. A page adds its own rules.
//
//go:embed style.css
var Style string

// Policy returns the content security policy of a page: a browser applies this style, runs this script, or none if it is empty, and loads nothing.
func Policy(style, script string) string {
	hash := func(content string) string {
		sum := sha256.Sum256([]byte(content))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	scripts := "'none'"
	if script != "" {
		scripts = hash(script)
	}
	return "default-src 'none'; img-src data:; style-src " + hash(style) + "; script-src " + scripts + "; base-uri 'none'; form-action 'none'"
}

// Generator is in the head of each page.
const Generator = `<meta name="generator" content="beitzoo">`

// IsOwn reports whether the file at path is a page of the program: it has the Generator near its beginning. A file that does not exist is an error.
func IsOwn(path string) (bool, error) {
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	head, err := io.ReadAll(io.LimitReader(file, 4<<10))
	return bytes.Contains(head, []byte(Generator)), errors.Join(err, file.Close())
}

// LogTicks returns round numbers between the ends of a logarithmic axis, both above 0, the roundest first.
func LogTicks(low, high float64) []float64 {
	var ticks []float64
	for _, digits := range [][]float64{{1}, {5, 2}, {3, 7}, {4, 6, 8, 9}} {
		for _, digit := range digits {
			for power := math.Floor(math.Log10(low)); power <= math.Log10(high); power++ {
				if value := digit * math.Pow(10, power); value >= low && value <= high {
					ticks = append(ticks, value)
				}
			}
		}
	}
	return ticks
}

// Ticks returns round numbers for an axis, as far apart as one another, at most so many spaces between them: the first is low or the last one below it, and the last
// is high or the first one above it. Both are finite, and low is below high.
func Ticks(low, high float64, most int) []float64 {
	digit := math.Pow(10, math.Floor(math.Log10((high-low)/float64(most))))
	for _, factor := range []float64{1, 2, 5, 10, 20, 50} {
		step := digit * factor
		first, last := math.Floor(low/step), math.Ceil(high/step)
		if last-first > float64(most) {
			continue
		}
		ticks := make([]float64, 0, most+1)
		for n := first; n <= last; n++ {
			ticks = append(ticks, n*step)
		}
		return ticks
	}
	return []float64{low, high} // a range that numbers can't divide
}

// Polylines returns the attributes of the SVG polylines through points: a y that is NaN is a gap, and a single point between gaps is no line.
func Polylines(x, y []float64) []string {
	var lines, points []string
	end := func() {
		if len(points) > 1 {
			lines = append(lines, strings.Join(points, " "))
		}
		points = nil
	}
	for i := range x {
		if math.IsNaN(y[i]) {
			end()
			continue
		}
		points = append(points, fmt.Sprintf("%.1f,%.1f", x[i], y[i]))
	}
	end()
	return lines
}

// Fact is a thing that the reader of a page may want to know, such as a version.
type Fact struct{ Name, Value string }

// ForeignFileError says that a page would replace a file that is not a page of the program.
type ForeignFileError struct{ Path string }

func (e *ForeignFileError) Error() string {
	return e.Path + " is there already, and is not a report of beitzoo"
}

// Is reports that the wrong name was given.
func (*ForeignFileError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what to do instead.
func (*ForeignFileError) Hint() string { return "give another name for the report, or move that file" }

// CheckTarget returns a *[ForeignFileError] if there is a file at path that is not a page of the program, a *disk.NotFileError for a folder or device, and nil
// if a page may be written there.
func CheckTarget(path string) error {
	if err := disk.CheckFile(path); err != nil {
		return err
	}
	own, err := IsOwn(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return disk.AtTarget(path, err)
	case !own:
		return &ForeignFileError{path}
	}
	return nil
}
