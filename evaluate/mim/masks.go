package mim

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"

	"github.com/beitzoo/beitzoo/errdef"
)

// MasksError says that masks do not belong to the images or to the model.
type MasksError struct {
	// Reason says why, as a sentence without a full stop.
	Reason string
}

func (e *MasksError) Error() string { return e.Reason }

// Is reports that the masks, which come from a file, are unusable.
func (e *MasksError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what masks have to be.
func (e *MasksError) Hint() string {
	return "a mask for each image in their order, of 1 for each masked patch and 0 for the others, row by row"
}

// Masks returns masks that were read from somewhere, [N, patches], as a sequence, or a *[MasksError] if they are not of that many patches. The values are 0 and 1.
func Masks(values []float64, patches int) (iter.Seq[[]bool], error) {
	if len(values) == 0 || len(values)%patches != 0 {
		return nil, &MasksError{fmt.Sprintf("%d values are not masks of %d patches", len(values), patches)}
	}
	mask, any := make([]bool, len(values)), false
	for i, v := range values {
		if v != 0 && v != 1 {
			return nil, &MasksError{fmt.Sprintf("value %d of mask %d is %g", i%patches, i/patches, v)}
		}
		mask[i], any = v == 1, any || v == 1
	}
	if !any {
		return nil, &MasksError{"no patch is masked"}
	}
	return func(yield func([]bool) bool) {
		for at := 0; at < len(mask); at += patches {
			if !yield(mask[at : at+patches : at+patches]) {
				return
			}
		}
	}, nil
}

// longestMask is the most bytes of a line of masks.
const longestMask = 1 << 20

// ReadMasks reads masks from JSON lines, a list each or an object with the list mask, and returns their values for [Masks], one mask after the other. What is wrong
// with a line is a *[MasksError].
func ReadMasks(from io.Reader) ([]float64, error) {
	var values []float64
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, longestMask)
	length := -1
	for number := 1; lines.Scan(); number++ {
		raw := bytes.TrimSpace(lines.Bytes())
		if len(raw) == 0 {
			continue
		}
		var found struct {
			Mask []float64 `json:"mask"`
		}
		into := any(&found)
		if raw[0] == '[' {
			into = &found.Mask
		}
		if err := json.Unmarshal(raw, into); err != nil || len(found.Mask) == 0 || length >= 0 && len(found.Mask) != length {
			return nil, &MasksError{fmt.Sprintf("line %d is not a mask of as many patches as the others", number)}
		}
		length = len(found.Mask)
		values = append(values, found.Mask...)
	}
	return values, lines.Err()
}
