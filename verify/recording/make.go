package recording

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// MakeOptions change what Make records. The zero value means all stages.
type MakeOptions struct {
	// Stages are the stages to record; nil means all that the model has. See ParseStages.
	Stages []engine.Stage
	// Progress is called after each activation with the number of activations that are done, each of one image, and of all. It may be nil.
	Progress func(done, total int)
}

// batchTokens is the largest number of tokens in a batch, unless one image has more.
const batchTokens = 1024

// Make runs a loaded model of an architecture on normalised images and returns what it computed. The caller adds what Make cannot know: DType, Epsilon,
// Implementation and so on. Input, mask and activations are in memory, in float64: all stages of a model of the base size need some 45 MB for an image. The
// pixels are those of input, not a copy. The error is that of the model, or an *engine.InputError.
func Make(ctx context.Context, model engine.Model, config arch.Config, input engine.Input, options MakeOptions) (*Recording, error) {
	images, err := engine.Images(config, input)
	if err != nil {
		return nil, err
	}
	stages := options.Stages
	if stages == nil {
		stages = engine.Stages(config)
	}
	made := &Recording{
		Architecture: config.Name, Epsilon: config.Epsilon, Images: images, Pixels: input.Pixels, Channels: config.Channels, Height: config.ImageHeight, Width: config.ImageWidth,
		Mask: input.Mask,
	}
	switch {
	case config.Segments():
		made.Task = Segmentation
	case config.Kind != arch.Transformer:
		made.Task = Tokenizer
	}
	if config.Kind == arch.DVAEDecoder {
		made.Activations = append(made.Activations, givenTokens(images, input))
	}
	for _, s := range stages {
		made.Activations = append(made.Activations, engine.Activation{Name: s.String()})
	}
	done, all := 0, images*len(engine.Stages(config))
	size := max(1, batchTokens/config.Tokens())
	if config.Convolutional() {
		size = 1 // its activations are large
	}
	for from := 0; from < images; from += size {
		to := min(images, from+size)
		_, err := model.Forward(ctx, part(input, images, from, to), func(a engine.Activation) error {
			if at := slices.IndexFunc(made.Activations, func(kept engine.Activation) bool { return kept.Name == a.Name }); at >= 0 {
				kept := &made.Activations[at]
				kept.Shape, kept.Values = append(tensor.Shape{images}, a.Shape[1:]...), append(kept.Values, a.Values...)
			}
			if done += to - from; options.Progress != nil {
				options.Progress(done, all)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return made, nil
}

// part returns the images [from, to) of an input of that many images.
func part(input engine.Input, images, from, to int) engine.Input {
	var cut engine.Input
	if input.Tokens != nil {
		one := len(input.Tokens) / images
		cut.Tokens = input.Tokens[from*one : to*one]
		return cut
	}
	one := len(input.Pixels) / images
	cut.Pixels = input.Pixels[from*one : to*one]
	if input.Mask != nil {
		patches := len(input.Mask) / images
		cut.Mask = input.Mask[from*patches : to*patches]
	}
	return cut
}

// givenTokens returns the visual tokens of an input as an activation.
func givenTokens(images int, input engine.Input) engine.Activation {
	a := engine.Activation{Name: tokens, Shape: tensor.Shape{images, len(input.Tokens) / images}}
	for _, token := range input.Tokens {
		a.Values = append(a.Values, float64(token))
	}
	return a
}

// kindsOfStages are words that stand for several stages.
var kindsOfStages = []struct {
	word string
	is   func(engine.Stage) bool
}{
	{"all", func(engine.Stage) bool { return true }},
	{"attn", func(s engine.Stage) bool { return s.Kind == engine.Attention || s.Kind == engine.DecoderAttention }},
	{"blocks", func(s engine.Stage) bool { return s.Kind == engine.Block || s.Kind == engine.DecoderBlock }},
}

// without takes stages away in ParseStages: "no-attn".
const without = "no-"

// ParseStages returns the stages of an architecture that words name, in the order of the forward pass. A word is the name of a stage, or "attn", "blocks" or
// "all" for the stages of a kind; with "no-" before it, it takes stages away, from all if only such words are given. The error is a *StagesError.
func ParseStages(config arch.Config, words []string) ([]engine.Stage, error) {
	all := engine.Stages(config)
	chosen := make([]bool, len(all))
	if !slices.ContainsFunc(words, func(word string) bool { return !strings.HasPrefix(word, without) }) {
		for i := range chosen {
			chosen[i] = true
		}
	}
	problem := &StagesError{}
	for _, word := range words {
		name, taken := strings.CutPrefix(word, without)
		found := false
		for i, s := range all {
			if named(s, name) {
				chosen[i], found = !taken, true
			}
		}
		if !found {
			problem.Names = append(problem.Names, name)
		}
	}
	var stages []engine.Stage
	for i, s := range all {
		if chosen[i] {
			stages = append(stages, s)
		}
	}
	if len(problem.Names) > 0 || len(stages) == 0 {
		problem.Known = stageWords(all)
		return nil, problem
	}
	return stages, nil
}

// StageWords returns words that ParseStages takes for every model with a head.
func StageWords() []string {
	return append(stageWords([]engine.Stage{{Kind: engine.Embed}, {Kind: engine.Pool}, {Kind: engine.Logits}}), "no-attn", "no-blocks")
}

// named reports whether a word stands for a stage.
func named(s engine.Stage, word string) bool {
	for _, kind := range kindsOfStages {
		if kind.word == word {
			return kind.is(s)
		}
	}
	return s.String() == word
}

// stageWords returns what may be said of stages: the words for several, and their names.
func stageWords(all []engine.Stage) []string {
	var known []string
	for _, kind := range kindsOfStages {
		known = append(known, kind.word)
	}
	for _, s := range all {
		known = append(known, s.String())
	}
	return known
}

// StagesError says that stages were asked for that a model does not have, or none at all.
type StagesError struct {
	// Names are those that it does not have; none if all stages were taken away.
	Names []string
	// Known are the words that could be given.
	Known []string
}

func (e *StagesError) Error() string {
	if len(e.Names) == 0 {
		return "no stage is left to record"
	}
	return "the model has no stage " + text.List(e.Names, 5, "")
}

// Is reports that the request was wrong.
func (e *StagesError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint names what could be given.
func (e *StagesError) Hint() string {
	if len(e.Names) > 0 {
		if near := suggest.Nearest(e.Names[0], e.Known); near != "" {
			return "the nearest is " + near
		}
	}
	return fmt.Sprintf("say %s or the name of a stage, such as %s; with %s before it, all others", strings.Join(e.Known[:len(kindsOfStages)], ", "), e.Known[len(e.Known)-1], without)
}
