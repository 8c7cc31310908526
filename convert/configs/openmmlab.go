package configs

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/errdef"
)

var (
	backboneCall = regexp.MustCompile(`\bbackbone\s*=\s*dict\s*\(`)
	indicesList  = regexp.MustCompile(`^out_indices\s*=\s*[\[(]([0-9,\s]*)[\])]`)
)

// errTwoTaps says that a configuration of OpenMMLab states other blocks for one backbone than for another.
var errTwoTaps = errdef.New(errdef.ErrInput, "its backbones have other out_indices than one another")

// OpenMMLabTaps returns the blocks that the text of a configuration of a segmentation model of mmcv or mmengine states for its backbone, or nil if it states none.
// The text, which is Python, is not run: only out_indices with a list of numbers, as an argument of backbone=dict(...) itself, is understood. Numbers that can't be four
// taps, and several backbones that differ, are an error. Source: open-mmlab/mmsegmentation configs/_base_/models/upernet_beit.py.
func OpenMMLabTaps(text string) (*[arch.Levels]arch.Tap, error) {
	var found []string
	for _, at := range backboneCall.FindAllStringIndex(text, -1) {
		if list := argument(text[at[1]:]); list != "" {
			found = append(found, list)
		}
	}
	switch {
	case len(found) == 0:
		return nil, nil
	case slices.ContainsFunc(found, func(list string) bool { return list != found[0] }):
		return nil, errTwoTaps
	}
	words := strings.Split(strings.TrimSuffix(found[0], ","), ",")
	var taps [arch.Levels]arch.Tap
	if len(words) != len(taps) {
		return nil, fmt.Errorf("out_indices of its backbone are not %d blocks, but %d", len(taps), len(words))
	}
	for i, word := range words {
		number, err := strconv.Atoi(word)
		if err != nil || number > 1000 || i > 0 && number <= int(taps[i-1]) {
			return nil, fmt.Errorf("out_indices of its backbone, %.60q, are not blocks in their order", found[0])
		}
		taps[i] = arch.Tap(number)
	}
	return &taps, nil
}

// argument returns the numbers of out_indices among the arguments of a call, whose text begins behind its bracket, without spaces; or an empty text.
func argument(call string) string {
	depth, quote := 0, byte(0)
	for i := 0; i < len(call); i++ {
		switch c := call[i]; {
		case quote != 0:
			switch c {
			case '\\':
				i++
			case quote:
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case strings.IndexByte("([{", c) >= 0:
			depth++
		case strings.IndexByte(")]}", c) >= 0:
			if depth--; depth < 0 {
				return ""
			}
		case depth == 0 && c == 'o' && (i == 0 || !isWord(call[i-1])):
			if match := indicesList.FindStringSubmatch(call[i:min(len(call), i+maxList)]); match != nil {
				return strings.Join(strings.Fields(match[1]), "")
			}
		}
	}
	return ""
}

// maxList is more bytes than a list of four numbers has.
const maxList = 200

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
