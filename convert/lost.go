package convert

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// Loss is an item of a model's card that a target can't hold. Whoever opens the target finds nothing, or something else, unless the item is stated again.
type Loss struct {
	Item card.Item `json:"item"`
	// Value is what has to be stated: a number, a name, or, for labels and recipes without a name, a description.
	Value string `json:"value"`
	// Instead is what a reader of the target takes if it is not stated, or empty if the reader refuses the target.
	Instead string `json:"instead,omitempty"`
}

func (l Loss) String() string {
	names := map[card.Item]string{
		card.Epsilon: "epsilon", card.Heads: "the number of attention heads", card.Window: "the window", card.Taps: "the tapped blocks", card.Labels: "the names of the classes",
		card.Palette: "the colours of the classes", card.Preparing: "the recipe for images", card.ProblemIs: "the meaning of the logits",
	}
	return fmt.Sprintf("%s: %s", names[l.Item], l.Value)
}

// lost lists what the target can't hold of a card: it works out what Open would find in the target.
func (t target) lost(c card.Card, written []tensor.Named, beside checkpoint.WriteOptions, bare bool) []Loss {
	switch {
	case t.folder != "" && t.scheme.Name == naming.Timm && (!t.format.HasMetadata || bare):
		return slices.Concat(t.lostEpsilon(c), lostProblem(c), t.lostByProgram(c))
	case t.folder != "" && c.Config.Kind == arch.Transformer:
		return t.lostByProgram(c)
	case t.folder != "" && c.Config.Segments(): // whose config.json says everything else
		return lostPalette(c)
	case t.folder == "" && t.format.HasMetadata && !bare:
		return nil
	}
	losses := lostByShapes(c.Config, written)
	losses = append(losses, t.lostEpsilon(c)...)
	if beside.Palette == nil {
		losses = append(losses, lostPalette(c)...)
	}
	if !card.Placeholder(c.Labels) && beside.Classes == nil {
		losses = append(losses, Loss{card.Labels, fmt.Sprintf("%s, %.40q to %.40q", text.Count(len(c.Labels), "name", "names"), c.Labels[0], c.Labels[len(c.Labels)-1]), "none"})
	}
	if c.Recipe != nil && c.Recipe.Fits(c.Config) {
		there, err := card.ChooseRecipe(c.Config, card.Known{Usual: t.scheme.Recipe})
		switch {
		case err != nil:
			losses = append(losses, Loss{card.Preparing, recipeWords(*c.Recipe, c.RecipeName), ""})
		case there.Recipe != *c.Recipe:
			losses = append(losses, Loss{card.Preparing, recipeWords(*c.Recipe, c.RecipeName), recipeWords(there.Recipe, there.Name)})
		}
	}
	return append(losses, lostProblem(c)...)
}

// lostPalette returns the colours of the classes, if they are known.
func lostPalette(c card.Card) []Loss {
	if len(c.Palette) == 0 {
		return nil
	}
	return []Loss{{card.Palette, text.Count(len(c.Palette), "colour", "colours"), "drawn ones"}}
}

// lostEpsilon returns the epsilon if it is not the usual one of the scheme, and the target has no metadata for it.
func (t target) lostEpsilon(c card.Card) []Loss {
	there := t.scheme.Epsilon
	if c.Config.Convolutional() || c.Config.Epsilon == there || t.format.HasMetadata {
		return nil
	}
	return []Loss{{card.Epsilon, fmt.Sprint(c.Config.Epsilon), fmt.Sprint(there)}}
}

// lostProblem returns what the logits mean if that is not the usual.
func lostProblem(c card.Card) []Loss {
	if !c.Problem.Unusual() {
		return nil
	}
	return []Loss{{card.ProblemIs, string(c.Problem), string(card.SingleLabel)}}
}

// lostByProgram returns the recipe if the program for which the folder is does something otherwise about which it does not let anybody choose: where crops
// begin, the arithmetic, and whether images are turned.
func (t target) lostByProgram(c card.Card) []Loss {
	if c.Recipe == nil || !c.Recipe.Fits(c.Config) {
		return nil
	}
	program, others := card.HalfEven, []string(nil)
	if t.scheme.ModelType != "" {
		program = card.Down
	}
	if c.Recipe.RoundingMatters() && c.Recipe.Rounding != program {
		others = append(others, "with crops where "+t.scheme.Program+" begins them, up to a pixel apart,")
	}
	if c.Recipe.Arithmetic != card.Pillow && t.scheme.ModelType == "" {
		others = append(others, "in Pillow's arithmetic,")
	}
	if c.Recipe.Orientation != card.AsStored {
		others = append(others, "without turning images,")
	}
	if others == nil {
		return nil
	}
	return []Loss{{card.Preparing, recipeWords(*c.Recipe, c.RecipeName), "the same " + strings.Join(others, " and ")}}
}

// lostByShapes lists what the parameters alone don't tell of an architecture. A relative position index among the tensors that are written tells the window,
// but not whether its patches are one row or one column.
func lostByShapes(config arch.Config, written []tensor.Named) []Loss {
	shapes := map[string]tensor.Shape{}
	for _, p := range config.Params() {
		shapes[p.Name] = p.Shape
	}
	height, width := config.Window()
	window := arch.Window{Height: height, Width: width}
	var losses []Loss
	var hints arch.Hints
	if min(height, width) > 1 && slices.ContainsFunc(written, func(t tensor.Named) bool { return strings.HasSuffix(t.Name, "relative_position_index") }) {
		hints.Window = window
	}
	for range 3 { // each time, one property that does not follow is stated
		found, err := arch.Infer(shapes, hints)
		var open *arch.InferenceError
		switch {
		case errors.As(err, &open) && open.Property == arch.PropertyWindow:
			losses, hints.Window = append(losses, Loss{card.Window, window.String(), ""}), window
		case errors.As(err, &open) && open.Property == arch.PropertyTaps:
			losses, hints.Taps = append(losses, Loss{card.Taps, arch.FormatTaps(config.Segmentation.Taps), ""}), &config.Segmentation.Taps
		case err != nil:
			losses, hints.Heads = append(losses, Loss{card.Heads, strconv.Itoa(config.Heads), ""}), config.Heads
		default:
			if found.Heads != config.Heads {
				losses = append(losses, Loss{card.Heads, strconv.Itoa(config.Heads), strconv.Itoa(found.Heads)})
			}
			if found.Segmentation.Taps != config.Segmentation.Taps {
				losses = append(losses, Loss{card.Taps, arch.FormatTaps(config.Segmentation.Taps), arch.FormatTaps(found.Segmentation.Taps)})
			}
			if h, w := found.Window(); h != height || w != width {
				losses = append(losses, Loss{card.Window, window.String(), arch.Window{Height: h, Width: w}.String()})
			}
			return losses
		}
	}
	return losses
}

// recipeWords names a recipe, or describes one without a name.
func recipeWords(r card.Recipe, name string) string {
	if name != "" {
		return name
	}
	rounded := ""
	if r.Rounding == card.Down {
		rounded = " rounded down"
	}
	words := fmt.Sprintf("%s to %d, crop %d%s, %s, mean %v, standard deviation %v", r.Resize, r.ResizeTo, r.Crop, rounded, r.Interpolation, r.Mean, r.Std)
	for _, word := range []string{string(r.Arithmetic), string(r.Orientation)} {
		if word != "" {
			words += ", " + word
		}
	}
	return words
}

// tokenizerNotes are notes about image tokenizers.
func (t target) tokenizerNotes(config arch.Config) (notes []string) {
	if t.scheme.Name == naming.FLAVA && t.folder != "" {
		notes = append(notes, "the folder does not say how images are prepared: take the codebook's images of FLAVA's own processor (return_codebook_pixels)")
	}
	if config.Kind == arch.VQKD && !config.Codebook.Usage && t.scheme.Program != "" {
		notes = append(notes, fmt.Sprintf("the model has no quantize.cluster_size and no quantize.embedding.initted: nothing is computed from them, but %s refuses a file without them "+
			"unless it need not be strict, and where the codes are not said to be set, training sets them anew", t.scheme.Program))
	}
	return notes
}

// notes say what a user should know of the target, beside which there may be files that describe it.
func (t target) notes(c card.Card, options SaveOptions, beside folderConfigs) []string {
	bare, notes := options.Bare, t.unreadableRecipe(options)
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	timm := t.folder != "" && t.scheme.Name == naming.Timm
	if timm && c.Problem.Unusual() {
		note("timm does not know what the logits mean: %s", c.Problem)
	}
	if t.format.HasMetadata && (t.folder == "" || timm) && t.scheme.Program != "" {
		if !c.Config.Convolutional() && c.Config.Epsilon != t.scheme.Epsilon && beside.card == nil {
			note("this model runs with epsilon %g; beitzoo reads that from the file's metadata, %s does not: whoever loads it there has to give the epsilon",
				c.Config.Epsilon, t.scheme.Program)
		}
		if !bare && !timm && beside.path == "" && (!card.Placeholder(c.Labels) || c.Recipe != nil) {
			note("the names of the classes and the recipe for images are in the metadata of the file, which %s does not read", t.scheme.Program)
		}
	}
	if t.scheme.File() != "" {
		note("the parameters have the names of the map %s, by which alone beitzoo reads them again", t.scheme.File())
	}
	if t.scheme.ModelType != "" && t.folder == "" && beside.card == nil {
		note("a single file has no config.json; to load it with from_pretrained, write to a folder")
	}
	switch misfit := c.Recipe != nil && !c.Recipe.Fits(c.Config); {
	case misfit && timm && !bare && t.format.HasMetadata:
		note("config.json leaves out the recipe for images, which is in the metadata of the file, since it does not make images of the size that the model takes: %s",
			recipeWords(*c.Recipe, c.RecipeName))
	case misfit && (timm || t.folder == "" && (bare || !t.format.HasMetadata)):
		note("the recipe for images is left out, since it does not make images of the size that the model takes: %s", recipeWords(*c.Recipe, c.RecipeName))
	}
	if shared, name := duplicates(c.Labels); shared > 0 && t.folder != "" && t.scheme.ModelType != "" {
		note("%d classes share their name with another, such as %.40q: label2id in config.json leads to the last one of each name", shared, name)
	}
	if t.folder != "" && c.Config.Kind == arch.Transformer && options.recipeErr == nil {
		switch from := c.From[card.Preparing]; {
		case from.Guess():
			note("how images are prepared is a guess (%s): %s", from, recipeWords(*c.Recipe, c.RecipeName))
		case c.Recipe == nil && from == "" && !timm && c.Config.Channels != arch.RGB:
			note("the folder does not say how images are prepared, which are not red, green and blue")
		case c.Recipe == nil && from == "" && !timm && c.Config.ImageHeight != c.Config.ImageWidth:
			note("the folder does not say how images are prepared: there is no recipe for images that are not square, so it has no preprocessor_config.json")
		case c.Recipe == nil && from == "" && t.scheme.Name == naming.HF:
			note("nobody states how images are prepared; the folder says what Microsoft's BEiT models on the hub do")
		case c.Recipe == nil && from == "" && !timm:
			note("nobody states how images are prepared; the folder says what most weights under the names of %s want", t.scheme.Name)
		}
	}
	notes = append(notes, t.tokenizerNotes(c.Config)...)
	if from := c.From[card.Epsilon]; t.folder != "" && !timm && from.Guess() {
		note("config.json states epsilon %g as a fact, but it is a guess (%s): state the epsilon if you know another", c.Config.Epsilon, from)
	}
	if other := t.scheme.NotSquareNote(c.Config); other != "" {
		notes = append(notes, other)
	}
	if t.scheme.EpsilonNote != "" {
		notes = append(notes, t.scheme.EpsilonNote)
	}
	if t.scheme.MaskedNote != "" && c.Config.Masked() && (c.Config.Classes > 0 || c.Config.MaskToken) {
		notes = append(notes, t.scheme.MaskedNote)
		if c.Config.Classes == 0 {
			note("%s loads no mask_token, and refuses the file unless it need not be strict; drop \"*mask_token\" when the model is read to leave it out", t.scheme.Program)
		}
	}
	return notes
}

// unreadableRecipe says what becomes of a recipe that the source states and beitzoo can't do; nil if there is none.
func (t target) unreadableRecipe(options SaveOptions) []string {
	switch {
	case options.recipeErr == nil:
		return nil
	case t.copiesProcessor(options):
		return []string{fmt.Sprintf("preprocessor_config.json is copied as it is, since beitzoo can't do what it says: %s", options.recipeErr)}
	}
	note := fmt.Sprintf("how images are prepared is lost, since beitzoo can't do it: %s", options.recipeErr)
	switch {
	case t.folder != "" && t.scheme.Name == naming.Timm:
		note += "; config.json says nothing of it, for which timm takes defaults of its own: give timm what the source states"
	case t.folder != "":
		note += "; the folder has no preprocessor_config.json"
	}
	return []string{note}
}

// duplicates returns how many labels occur more than once, and the first of them.
func duplicates(labels []string) (shared int, first string) {
	count := map[string]int{}
	for _, label := range labels {
		count[label]++
	}
	for _, label := range labels {
		if count[label] > 1 {
			shared++
			first = cmp.Or(first, label)
		}
	}
	return shared, first
}
