package convert

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Keys of the metadata that Convert writes into files whose format can hold it, and that Open reads back.
const (
	MetadataScheme  = "beitzoo.scheme"
	MetadataEpsilon = "beitzoo.epsilon"
	// MetadataCard is a JSON object with the architecture, the names of the classes, the recipe, what the logits mean, and which of several state dicts it is.
	MetadataCard = "beitzoo.card"
	// MetadataSteps is a JSON list of the steps by which the model was changed, in order: see [adapt.Step].
	MetadataSteps = "beitzoo.steps"
)

// maxCard bounds the card in the metadata, in bytes: 21,841 names of classes are about one million.
const maxCard = 32 << 20

// Metadata returns what a file says of a model that it holds under the names of a scheme: the scheme, and the epsilon if it has one that is not the usual one.
// Digests of canonical files depend on it. A file that is not described by a manifest has a card as well: see [CardMetadata].
func Metadata(scheme string, config arch.Config) map[string]string {
	metadata := map[string]string{MetadataScheme: scheme}
	if config.Epsilon != arch.Epsilon && !config.Convolutional() {
		metadata[MetadataEpsilon] = strconv.FormatFloat(config.Epsilon, 'g', -1, 64)
	}
	return metadata
}

// cardDocument is the card in the metadata of a file.
type cardDocument struct {
	Architecture arch.Config `json:"architecture"`
	// Assumed are the items that were guesses when the file was written.
	Assumed    []card.Item   `json:"assumed,omitempty"`
	Labels     []string      `json:"labels,omitempty"`
	Palette    []card.Colour `json:"palette,omitempty"`
	Recipe     *card.Recipe  `json:"recipe,omitempty"`
	RecipeName string        `json:"recipe_name,omitempty"`
	Problem    card.Problem  `json:"problem_type,omitempty"`
	// StateDict is the key of the state dict that was taken of several.
	StateDict string `json:"state_dict,omitempty"`
}

// CardMetadata is [Metadata] with the card of the model, from which the file can be read back alone. The same card makes the same text.
func CardMetadata(scheme string, c card.Card) (map[string]string, error) {
	document := cardDocument{Architecture: c.Config, Palette: c.Palette, Recipe: c.Recipe, RecipeName: c.RecipeName, Problem: c.Problem, StateDict: c.StateDict}
	if !card.Placeholder(c.Labels) {
		document.Labels = c.Labels
	}
	for _, item := range card.Items() {
		if c.From[item].Guess() {
			document.Assumed = append(document.Assumed, item)
		}
	}
	raw, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	metadata := Metadata(scheme, c.Config)
	metadata[MetadataCard] = string(raw)
	return metadata, nil
}

// ownCard is what a file says about itself.
type ownCard struct {
	// Card is nil if the file has none.
	*card.Card
	// epsilon is 0 if the file does not say.
	epsilon float64
	steps   []adapt.Step
	// notes say what the file says and nobody can have written that made it by the steps of this module, a sentence each.
	notes []string
}

// readMetadata reads what a file says about itself. It is untrusted input; the architecture is compared with the parameters afterwards.
func readMetadata(metadata map[string]string) (ownCard, error) {
	var own ownCard
	if stated := metadata[MetadataEpsilon]; stated != "" {
		value, err := strconv.ParseFloat(stated, 64)
		if err != nil {
			return own, checkpoint.Malformed("the metadata %s is %.40q, not a number", MetadataEpsilon, stated)
		}
		own.epsilon = value
	}
	steps, err := readSteps(metadata[MetadataSteps])
	if err != nil {
		return own, err
	}
	own.takeSteps(steps)
	raw := metadata[MetadataCard]
	if raw == "" {
		return own, nil
	}
	if len(raw) > maxCard {
		return own, checkpoint.Unsafe("the metadata %s has %d bytes; %d is the limit", MetadataCard, len(raw), maxCard)
	}
	var document cardDocument
	if err := json.Unmarshal([]byte(raw), &document); err != nil {
		return own, checkpoint.Malformed("the metadata %s can't be read: %s", MetadataCard, text.JSONError(err))
	}
	if err := document.validate(); err != nil {
		return own, checkpoint.Malformed("the metadata %s is not valid: %s", MetadataCard, err)
	}
	own.checkNames(&document)
	own.Card = &card.Card{Config: document.Architecture, Facts: card.Facts{
		Labels: document.Labels, Palette: document.Palette, Recipe: document.Recipe, RecipeName: document.RecipeName, Problem: document.Problem, StateDict: document.StateDict,
		From: map[card.Item]card.Origin{},
	}}
	for _, item := range document.Assumed {
		own.From[item] = card.CarriedGuess
	}
	return own, nil
}

// takeSteps keeps the steps that have names of steps. What they say is the file's word.
func (o *ownCard) takeSteps(steps []adapt.Step) {
	for _, step := range steps {
		if slices.Contains(adapt.StepNames(), step.Name) {
			o.steps = append(o.steps, step)
		}
	}
	if n := len(steps) - len(o.steps); n > 0 {
		o.notes = append(o.notes, fmt.Sprintf("the file's metadata records %s of the model that beitzoo does not know: left out", text.Count(n, "change", "changes")))
	}
}

// checkNames replaces names in a card that belong to another architecture or recipe than the one that is stated.
func (o *ownCard) checkNames(d *cardDocument) {
	if name := d.Architecture.Name; name != "" {
		known, err := arch.ByName(name)
		known.Epsilon = d.Architecture.Epsilon
		if err != nil || known != d.Architecture {
			d.Architecture = d.Architecture.Named()
			o.notes = append(o.notes, fmt.Sprintf("the file's metadata calls the architecture %s, which is not what it describes", text.Quote(text.Cut(name, 100))))
		}
	}
	name := d.RecipeName
	if name == "" || d.Recipe == nil && slices.Contains(card.RecipeNames(), name) {
		return
	}
	if d.Recipe != nil {
		if usual, err := card.RecipeFor(name, d.Recipe.Crop); err == nil && usual == *d.Recipe {
			return
		}
	}
	d.RecipeName = ""
	o.notes = append(o.notes, fmt.Sprintf("the file's metadata calls the recipe for images %s, which has other values", text.Quote(text.Cut(name, 100))))
}

// addSteps records steps in metadata, if there are any.
func addSteps(metadata map[string]string, steps []adapt.Step) error {
	if len(steps) == 0 {
		return nil
	}
	raw, err := json.Marshal(steps)
	if err != nil {
		return err
	}
	metadata[MetadataSteps] = string(raw)
	return nil
}

// maxSteps bounds the record of steps in the metadata, in bytes. One step that names all tables of a large model has about 2,000.
const maxSteps = 4 << 20

func readSteps(raw string) ([]adapt.Step, error) {
	if raw == "" {
		return nil, nil
	}
	if len(raw) > maxSteps {
		return nil, checkpoint.Unsafe("the metadata %s has %d bytes; %d is the limit", MetadataSteps, len(raw), maxSteps)
	}
	var steps []adapt.Step
	if err := json.Unmarshal([]byte(raw), &steps); err != nil {
		return nil, checkpoint.Malformed("the metadata %s can't be read: %s", MetadataSteps, text.JSONError(err))
	}
	return steps, nil
}

func (d cardDocument) validate() error {
	if err := d.Architecture.Validate(); err != nil {
		return err
	}
	if d.Problem != "" && !slices.Contains(card.Problems(), string(d.Problem)) {
		return checkpoint.Malformed("problem_type is %.40q", d.Problem)
	}
	if d.Recipe != nil {
		return d.Recipe.Validate()
	}
	return nil
}

// withoutGuesses returns the architecture of a card, with heads, taps and window of hints if the card says that its own were guesses.
func withoutGuesses(c card.Card, hints arch.Hints) *arch.Config {
	config := c.Config
	if hints.Heads != 0 && c.From[card.Heads].Guess() {
		config.Heads = hints.Heads
	}
	if hints.Taps != nil && c.From[card.Taps].Guess() {
		config.Segmentation.Taps = *hints.Taps
	}
	if window := hints.Window; window != (arch.Window{}) && c.From[card.Window].Guess() {
		config.ImageHeight, config.ImageWidth = window.Height*config.PatchSize, window.Width*config.PatchSize
	}
	if config != c.Config {
		config = config.Named()
	}
	return &config
}

// carriedAssumptions returns what a card in a place, such as "the manifest", calls guesses, but for what hints state.
func carriedAssumptions(c card.Card, place string, hints arch.Hints) []arch.Assumption {
	var assumptions []arch.Assumption
	reason := "that is what " + place + " says, and that it was a guess"
	add := func(property arch.Property, value string) {
		assumptions = append(assumptions, arch.Assumption{Property: property, Value: value, Reason: reason})
	}
	if hints.Heads == 0 && c.From[card.Heads].Guess() {
		add(arch.PropertyHeads, strconv.Itoa(c.Config.Heads))
	}
	if hints.Taps == nil && c.From[card.Taps].Guess() && c.Config.Segments() {
		add(arch.PropertyTaps, arch.FormatTaps(c.Config.Segmentation.Taps))
	}
	if hints.Window == (arch.Window{}) && c.From[card.Window].Guess() {
		height, width := c.Config.Window()
		add(arch.PropertyWindow, fmt.Sprintf("%d x %d pixels, %s patches", c.Config.ImageHeight, c.Config.ImageWidth, arch.Window{Height: height, Width: width}))
	}
	if c.From[card.Pooling].Guess() && c.Config.Pooling == arch.ClassToken {
		assumptions = append(assumptions, poolingAssumption(reason))
	}
	return assumptions
}
