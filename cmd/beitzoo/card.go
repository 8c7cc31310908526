package main

import (
	"fmt"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/internal/text"
)

// printCard prints what is known of a model beside its numbers, a line for each item with its source.
func printCard(c *console, config arch.Config, known *convert.InspectedCard) {
	height, width := config.Window()
	values := map[card.Item]string{
		card.Window: fmt.Sprintf("%d x %d patches", height, width), card.Heads: fmt.Sprintf("%d, of %d", config.Heads, config.HeadDim()),
		card.Pooling: poolingText(config.Pooling), card.Bias: biasText(config), card.Activation: "gelu", card.Epsilon: fmt.Sprintf("%g", config.Epsilon),
		card.StateDict: known.StateDict, card.Labels: labelsText(known.Labels), card.ProblemIs: string(known.Problem), card.Preparing: known.RecipeProblem,
	}
	if len(known.Palette) > 0 {
		values[card.Palette] = text.Count(len(known.Palette), "colour", "colours")
	}
	if config.Segments() {
		values[card.Taps], values[card.Pooling] = tapsText(config), ""
	}
	if config.Convolutional() {
		for _, item := range []card.Item{card.Heads, card.Pooling, card.Bias, card.Activation, card.Epsilon} {
			delete(values, item)
		}
	}
	if known.Recipe != nil {
		values[card.Preparing] = recipeText(*known.Recipe, known.RecipeName)
	}
	for _, item := range card.Items() {
		if values[item] != "" {
			c.printf("%-13s %s%s", itemText(item), values[item], originText(known.From[item]))
		}
	}
}

// tapsText says which blocks of a segmentation model are tapped, by whose counting.
func tapsText(config arch.Config) string {
	counters := "without counters"
	if config.Segmentation.Counters {
		counters = "with counters"
	}
	return fmt.Sprintf("%s, blocks counted from 0 as unilm does; batch norms %s", arch.FormatTaps(config.Segmentation.Taps), counters)
}

// itemText returns the word for an item of a card at the beginning of a line.
func itemText(item card.Item) string {
	switch item {
	case card.Bias:
		return "position bias"
	case card.ProblemIs:
		return "problem type"
	}
	return strings.ReplaceAll(string(item), "_", " ")
}

// originText returns where an item comes from, as the end of a line.
func originText(from card.Origin) string {
	switch {
	case from == "" || from == card.File:
		return ""
	case from == card.Assumed:
		return " (assumed)"
	case from.Guess():
		return fmt.Sprintf(" (a guess: %s)", from)
	}
	return fmt.Sprintf(" (%s)", from)
}

// poolingText says which tokens the head sees.
func poolingText(pooling arch.Pooling) string {
	switch pooling {
	case arch.MeanPooling:
		return "the mean of the patch tokens, then fc_norm"
	case arch.ClassToken:
		return "norm, then the class token"
	case arch.AllTokens:
		return "norm, then each patch token"
	case arch.PatchTokens:
		return "fc_norm, then each patch token"
	case arch.NoPooling:
		return "none: all tokens as the last block leaves them"
	}
	return string(pooling)
}

// biasText says what tells the blocks where patches are.
func biasText(a arch.Config) string {
	kinds := map[arch.Bias]string{
		arch.BlockBias: "a table of relative positions in each block", arch.SharedBias: "a table of relative positions for all blocks", arch.NoBias: "no relative positions",
	}
	if a.AbsolutePosition {
		return kinds[a.Bias] + ", and position embeddings"
	}
	return kinds[a.Bias]
}

// labelsText says how many names of classes there are, and what the first and the last are.
func labelsText(labels []string) string {
	switch len(labels) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("%.40q", labels[0])
	}
	return fmt.Sprintf("%s, %.40q to %.40q", text.Count(len(labels), "name", "names"), labels[0], labels[len(labels)-1])
}

// recipeText names a recipe, and says what it does.
func recipeText(r card.Recipe, name string) string {
	does := fmt.Sprintf("resize the shorter edge to %d", r.ResizeTo)
	if r.Resize == card.Squash {
		does = fmt.Sprintf("resize to %d x %d", r.ResizeTo, r.ResizeTo)
	}
	does += ", " + string(r.Interpolation)
	if r.Resize != card.Squash || r.Crop != r.ResizeTo {
		does += fmt.Sprintf(", crop %d", r.Crop)
	}
	if r.Rounding == card.Down {
		does += ", its offset rounded down"
	}
	if r.Arithmetic == card.MapPixels {
		does += ", 0.8 x + 0.1 as OpenAI's map_pixels"
	} else {
		does += fmt.Sprintf(", mean %v, deviation %v", r.Mean, r.Std)
		does += map[card.Arithmetic]string{card.Pillow: ", in Pillow's arithmetic", card.Tensors: ", in the arithmetic of torchvision's tensors"}[r.Arithmetic]
	}
	if r.Orientation == card.Upright {
		does += ", turned as the EXIF data says"
	}
	if name != "" {
		return name + ": " + does
	}
	return does
}

// statedLoss is what a target can't hold, with --json: the flag gives it back.
type statedLoss struct {
	convert.Loss
	Flag string `json:"flag"`
}

// savedFile is what was written, with --json.
type savedFile struct {
	*convert.Saved
	Lost []statedLoss `json:"lost,omitempty"`
}

func savedFileOf(saved *convert.Saved) savedFile {
	f := savedFile{Saved: saved}
	for _, loss := range saved.Lost {
		f.Lost = append(f.Lost, statedLoss{loss, lossFlag(loss)})
	}
	return f
}

// lossFlag returns the flag that gives back what a target can't hold.
func lossFlag(l convert.Loss) string {
	flag := map[card.Item]string{
		card.Epsilon: "--epsilon " + l.Value, card.Taps: "--taps " + strings.ReplaceAll(l.Value, " ", ""), card.Heads: "--heads " + l.Value,
		card.ProblemIs: "--problem-type " + l.Value,
	}[l.Item]
	switch l.Item {
	case card.Labels:
		flag = "--labels FILE"
	case card.Window:
		flag = "--window " + strings.ReplaceAll(strings.TrimSuffix(l.Value, " patches"), " ", "")
	case card.Preparing:
		flag = "--recipe FILE"
		if !strings.Contains(l.Value, " ") {
			flag = "--recipe " + l.Value
		}
	}
	return flag
}

// printLost prints what a target can't hold.
func printLost(c *console, lost []convert.Loss) {
	for _, loss := range lost {
		c.printf("lost   %s", lossText(loss))
	}
}

// lossText says what a target can't hold, and with which flag it is given back.
func lossText(l convert.Loss) string {
	if l.Item == card.Palette {
		return fmt.Sprintf("%s can't be written here; %s are taken", l, l.Instead)
	}
	line := fmt.Sprintf("%s can't be written here; give it back with %s", l, lossFlag(l))
	if l.Instead != "" && l.Item != card.Labels {
		line += fmt.Sprintf(", or %s is taken", l.Instead)
	}
	return line
}
