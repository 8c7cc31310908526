package arch

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// Property is a property of an architecture, as it is called in messages.
type Property string

// The properties that shapes may leave open.
const (
	PropertyHeads   Property = "number of attention heads"
	PropertyWindow  Property = "image size"
	PropertyPooling Property = "pooling"
	PropertyTaps    Property = "tapped blocks"
)

// is returns the word between the property and its value.
func (p Property) is() string {
	if p == PropertyTaps {
		return "are"
	}
	return "is"
}

// Source says where the value of a property comes from, as a phrase for people. A caller that gives a value, as a hint, names its source itself.
type Source string

// The sources that Infer itself names.
const (
	// FromShapes means that the value follows from the shapes of the parameters.
	FromShapes Source = "the shapes of the parameters"
	// FromNames means that the value follows from the names of the parameters.
	FromNames Source = "the names of the parameters"
	// FromIndex means that the relative_position_index in the file tells the value.
	FromIndex Source = "relative_position_index in the file"
	// FromKnown means that all else is that of an architecture with a name, or nearly so, which has this value.
	FromKnown Source = "the known architecture of this size"
	// Assumed means that the value is a guess.
	Assumed Source = "assumed"
)

// Hints are what is known of an architecture beside the parameters. Zero fields are not known.
type Hints struct {
	Heads     int
	HeadsFrom Source
	// Window is in patches.
	Window     Window
	WindowFrom Source
	// Taps are those of UPerNet; nil means that they are not known.
	Taps     *[Levels]Tap
	TapsFrom Source
}

// Inference is an architecture that was inferred from parameters, and what each property rests on that shapes may leave open.
type Inference struct {
	Config
	HeadsFrom, WindowFrom, PoolingFrom, TapsFrom Source
	// Assumptions are the guesses, which ought to be said.
	Assumptions []Assumption
}

// Assumption is a property that does not follow from what is known of a model.
type Assumption struct {
	Property Property `json:"property"`
	// Value is what was assumed, such as "14 x 14 patches".
	Value string `json:"value"`
	// Reason is a clause.
	Reason string `json:"reason"`
	// Others are other values that are possible.
	Others []string `json:"others,omitempty"`
}

// String returns the assumption as a sentence.
func (a Assumption) String() string {
	sentence := fmt.Sprintf("the %s %s assumed to be %s: %s", a.Property, a.Property.is(), a.Value, a.Reason)
	if len(a.Others) > 0 {
		sentence += "; possible too: " + text.List(a.Others, mostWindows, "")
	}
	return sentence
}

// InferenceError says which property of an architecture cannot be inferred from the shapes of its parameters.
type InferenceError struct {
	// Property is a property of an architecture, in words.
	Property Property
	// Reason is a clause.
	Reason string
	// Windows are those that are possible, if Property is PropertyWindow.
	Windows []Window
}

func (e *InferenceError) Error() string {
	return fmt.Sprintf("the %s cannot be inferred from the parameters: %s", e.Property, e.Reason)
}

// Is reports that the parameters are unusable input.
func (e *InferenceError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says how to state the property.
func (e *InferenceError) Hint() string {
	switch e.Property {
	case PropertyHeads:
		return "state the number of heads, name the architecture, or give the config.json or the PASSL yaml configuration of the model"
	case PropertyTaps:
		return "state the tapped blocks, name the architecture, or give the config.json of the model"
	case PropertyWindow:
		return "state the window, name the architecture, or give the config.json or the PASSL yaml configuration of the model"
	}
	return "name the architecture, or give the PASSL yaml configuration of the model"
}

// ConflictError says that two sources state different values of a property.
type ConflictError struct {
	Property Property
	// Given is the value that a caller knows, Found the other one.
	Given, Found         string
	GivenFrom, FoundFrom Source
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("the %s %s %s (%s) and %s (%s)", e.Property, e.Property.is(), e.Given, e.GivenFrom, e.Found, e.FoundFrom)
}

// Is reports that the parameters are not those of the model that the caller means.
func (e *ConflictError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what to do.
func (e *ConflictError) Hint() string {
	return "leave out the one that is wrong"
}

// CheckHints returns a *[ConflictError] if a configuration that found states has other heads, taps or another window than the hints, else nil.
func (c Config) CheckHints(hints Hints, found Source) error {
	if hints.Heads != 0 && hints.Heads != c.Heads {
		return &ConflictError{PropertyHeads, strconv.Itoa(hints.Heads), strconv.Itoa(c.Heads), hints.HeadsFrom, found}
	}
	if hints.Taps != nil && c.Kind == UPerNet && *hints.Taps != c.Segmentation.Taps {
		return &ConflictError{PropertyTaps, FormatTaps(*hints.Taps), FormatTaps(c.Segmentation.Taps), hints.TapsFrom, found}
	}
	height, width := c.Window()
	if window := (Window{height, width}); hints.Window != (Window{}) && hints.Window != window {
		return &ConflictError{PropertyWindow, hints.Window.String() + " patches", window.String(), hints.WindowFrom, found}
	}
	return nil
}

// Infer returns the architecture that has parameters of these canonical names and shapes. The shapes of relative_position_index buffers, under their names
// in microsoft/unilm, are used too. Each property is the value that most parameters agree on, so a few parameters may be missing or have a wrong shape:
// Infer does not report them; compare shapes with the Params of the result to find them.
//
// The number of heads follows from bias tables. Without tables it is taken from the hints, or from a released architecture of the same width and depth. The
// window follows from the hints, or from the numbers of tokens and of rows of tables if these fit no other; a square is assumed where others fit too.
//
// Epsilon does not follow from shapes: it is set to [Epsilon]. If another property does not follow from the shapes, the error is an *[InferenceError]; if
// a hint contradicts the parameters, a *[ConflictError]; if the result is impossible, a *[ConfigError].
//
// Tokenizers are recognised by the names of their parameters. Nothing in a dVAE tells the size of its images, and of the hints only the window counts for it.
func Infer(shapes map[string]tensor.Shape, hints Hints) (Inference, error) {
	switch kindOf(shapes) {
	case VQKD:
		encoder, complete := codebookOf(shapes)
		return inferTransformer(encoder, hints, complete)
	case DVAEEncoder, DVAEDecoder:
		return inferDVAE(shapes, hints)
	case UPerNet:
		segmentation, classes := segmentationOf(shapes)
		return inferTransformer(shapes, hints, func(c *Config) {
			c.Kind, c.Pooling, c.MaskToken, c.Segmentation, c.Classes = UPerNet, NoPooling, false, segmentation, classes
		})
	}
	return inferTransformer(shapes, hints, func(*Config) {})
}

// inferTransformer infers what has transformer blocks; complete adds to the architecture what stands beside them.
func inferTransformer(shapes map[string]tensor.Shape, hints Hints, complete func(*Config)) (Inference, error) {
	s := survey(shapes)
	config := Config{
		Depth: s.depth(s.blocks), Classes: s.most("classes"), EmbedDim: s.most("embed"), HiddenDim: s.most("hidden"), PatchSize: s.most("patch"), Channels: s.most("channels"),
		Bias: s.bias(), AbsolutePosition: s.has("pos_embed"), LayerScale: s.has("gamma_1") || s.has("gamma_2"), Epsilon: Epsilon,
	}
	config.Pooling, config.MaskToken = s.pooling()
	if config.Masked() {
		config.Regression = config.Classes > 0 && config.Classes == config.EmbedDim
		config.ClassBlocks, config.ClassHead = s.depth(s.classBlocks), s.has("class_head")
	}
	for _, needed := range []struct {
		name  Property
		value int
	}{
		{"embedding dimension", config.EmbedDim},
		{"width of the MLP", config.HiddenDim},
		{"patch size", config.PatchSize},
		{"number of channels", config.Channels},
		{"depth", config.Depth},
	} {
		if needed.value == 0 {
			return Inference{}, &InferenceError{Property: needed.name, Reason: "no parameter that depends on it was found"}
		}
	}
	if s.has("shared") && s.has("table") {
		return Inference{}, &InferenceError{Property: "kind of position bias", Reason: "there are both a table for all blocks and tables of single blocks"}
	}
	complete(&config)
	inference := Inference{Config: config, PoolingFrom: FromNames}
	if err := inference.setWindow(s, hints); err != nil {
		return Inference{}, err
	}
	if err := inference.setHeads(s, hints); err != nil {
		return Inference{}, err
	}
	inference.setDecoderHeads()
	if inference.Kind == UPerNet {
		if err := inference.setTaps(hints); err != nil {
			return Inference{}, err
		}
	}
	if err := inference.Validate(); err != nil {
		return Inference{}, err
	}
	inference.Config = inference.Named()
	inference.assumeWindow(s)
	return inference, nil
}

// Named returns c with the name of the named architecture that is equal to it apart from name and epsilon, or without a name if there is none.
func (c Config) Named() Config {
	c.Name = ""
	for _, known := range named {
		same := known
		same.Name, same.Epsilon = "", c.Epsilon
		if same == c {
			c.Name = known.Name
			return c
		}
	}
	return c
}

// setHeads sets the number of heads: that of the bias tables, or that of the hints, or that of a released architecture.
func (i *Inference) setHeads(s evidence, hints Hints) error {
	if heads := s.most("heads"); heads > 0 {
		i.Heads, i.HeadsFrom = heads, FromShapes
		if hints.Heads != 0 && hints.Heads != heads {
			return &ConflictError{PropertyHeads, strconv.Itoa(hints.Heads), strconv.Itoa(heads), hints.HeadsFrom, "the bias tables"}
		}
		return nil
	}
	if hints.Heads != 0 {
		i.Heads, i.HeadsFrom = hints.Heads, hints.HeadsFrom
		return nil
	}
	for _, known := range named {
		same := i.Config
		same.Heads, same.Codebook.Decoder.Heads = known.Heads, known.Codebook.Decoder.Heads
		if same.Named().Name == known.Name {
			i.Heads, i.HeadsFrom = known.Heads, FromKnown
			return nil
		}
	}
	sameSize := func(known Config) bool {
		return known.EmbedDim == i.EmbedDim && known.HiddenDim == i.HiddenDim && known.Depth == i.Depth
	}
	for _, known := range released {
		if !sameSize(known) {
			continue
		}
		if other := slices.IndexFunc(released, func(other Config) bool { return sameSize(other) && other.Heads != known.Heads }); other >= 0 {
			return &InferenceError{Property: PropertyHeads, Reason: fmt.Sprintf("there is no bias table, and released models of this size have %d heads (%s) and %d (%s)",
				known.Heads, known.Name, released[other].Heads, released[other].Name)}
		}
		i.Heads, i.HeadsFrom = known.Heads, Assumed
		i.Assumptions = append(i.Assumptions, Assumption{
			Property: PropertyHeads, Value: strconv.Itoa(known.Heads),
			Reason: fmt.Sprintf("without bias tables no parameter tells it, and %s has the same width and depth", known.Name),
		})
		return nil
	}
	return &InferenceError{Property: PropertyHeads, Reason: fmt.Sprintf("there is no bias table, and no released BEiT has %d blocks of width %d", i.Depth, i.EmbedDim)}
}

// setWindow sets the size of the image by the window.
func (i *Inference) setWindow(s evidence, hints Hints) error {
	windows := s.windows(i.PatchSize)
	tokens, rows := s.most("tokens"), s.most("rows")
	nothing := tokens == 0 && rows == 0
	square := slices.IndexFunc(windows, Window.square)
	window := Window{}
	switch {
	case hints.Window != (Window{}):
		if !nothing && !slices.Contains(windows, hints.Window) {
			return &ConflictError{PropertyWindow, hints.Window.String() + " patches", "one for " + findings(tokens, rows), hints.WindowFrom, "the parameters"}
		}
		window, i.WindowFrom = hints.Window, hints.WindowFrom
	case nothing:
		return &InferenceError{Property: PropertyWindow, Reason: "there is neither a position bias nor a position embedding"}
	case len(windows) == 0:
		return &InferenceError{Property: PropertyWindow, Reason: findings(tokens, rows) + " do not belong to any window"}
	case square < 0:
		return &InferenceError{
			Property: PropertyWindow, Windows: windows,
			Reason: fmt.Sprintf("%s fit only windows that are not square, in patches: %s", findings(tokens, rows), text.List(listed(windows), mostWindows, "")),
		}
	default:
		window, i.WindowFrom = windows[square], FromShapes
		if len(windows) > 1 {
			i.WindowFrom = Assumed
		}
	}
	i.ImageHeight, i.ImageWidth = min(window.Height, maxPixels)*i.PatchSize, min(window.Width, maxPixels)*i.PatchSize
	return nil
}

// assumeWindow says that a square was assumed, unless it is the window of an architecture of this size that has a name.
func (i *Inference) assumeWindow(s evidence) {
	if i.WindowFrom != Assumed {
		return
	}
	sameSize := func(known Config) bool {
		return known.ImageHeight == i.ImageHeight && known.PatchSize == i.PatchSize && known.EmbedDim == i.EmbedDim && known.HiddenDim == i.HiddenDim &&
			known.Depth == i.Depth && known.Heads == i.Heads
	}
	if i.Name != "" || slices.ContainsFunc(released, sameSize) {
		i.WindowFrom = FromKnown
		return
	}
	others := slices.DeleteFunc(s.windows(i.PatchSize), Window.square)
	height, width := i.Window()
	i.Assumptions = append(i.Assumptions, Assumption{
		Property: PropertyWindow, Value: fmt.Sprintf("%d x %d pixels, a square of %s patches", i.ImageHeight, i.ImageWidth, Window{height, width}),
		Reason: findings(s.most("tokens"), s.most("rows")) + " fit other windows as well", Others: listed(others),
	})
}

// findings says what is known of a window, as the subject of a sentence in the plural.
func findings(tokens, rows int) string {
	var found []string
	if tokens > 0 {
		found = append(found, text.Count(tokens, "token", "tokens"))
	}
	if rows > 0 {
		found = append(found, "bias tables of "+text.Count(rows, "row", "rows"))
	}
	return strings.Join(found, " and ")
}

// Window is the size of an image in patches: down and across.
type Window struct{ Height, Width int }

// mostWindows is how many windows a message names.
const mostWindows = 6

// String returns the form "14 x 14".
func (w Window) String() string { return fmt.Sprintf("%d x %d", w.Height, w.Width) }

func (w Window) square() bool { return w.Height == w.Width }

func listed(windows []Window) []string {
	names := make([]string, len(windows))
	for i, w := range windows {
		names[i] = w.String()
	}
	return names
}

// Windows returns the windows that images may have by the numbers of tokens, and of rows of bias tables, that most of the parameters have: those nearest to a
// square first, and the wider one of two that differ only in which side is which later. It returns nil if nothing tells the window, or nothing fits.
func Windows(shapes map[string]tensor.Shape) []Window {
	s := survey(shapes)
	return s.windows(s.most("patch"))
}

func (s evidence) windows(patch int) []Window {
	tokens, rows := s.most("tokens"), s.most("rows")
	if tokens == 0 && rows == 0 || patch <= 0 {
		return nil
	}
	var windows []Window
	add := func(height, width int) {
		fits := min(height, width) > 0 && (tokens == 0 || height*width+1 == tokens) && (rows == 0 || (2*height-1)*(2*width-1)+3 == rows)
		if fits && max(height, width) <= maxPixels/patch && height*width <= maxPatches {
			windows = append(windows, Window{height, width})
		}
	}
	for side := 1; side <= min(maxPatches, max(tokens, rows)); side++ {
		if tokens > 0 {
			add(side, (tokens-1)/side)
		} else {
			add(side, ((rows-3)/(2*side-1)+1)/2)
		}
	}
	slices.SortFunc(windows, func(a, b Window) int {
		return cmp.Or(max(a.Height, a.Width)-max(b.Height, b.Width), a.Width-b.Width)
	})
	return windows
}
