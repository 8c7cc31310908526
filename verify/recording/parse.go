package recording

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// Tokenizer is the metadata entry "task" of the recording of an image tokenizer.
const Tokenizer = "image tokenizer"

// Segmentation is the metadata entry "task" of the recording of a BEiT with UPerNet.
const Segmentation = "semantic segmentation"

// tasks are the values of the metadata entry "task" of models that Parse reads. Recordings without that entry are of such models, too.
var tasks = []string{"", "masked image modelling", Tokenizer, Segmentation}

// Parse returns the recording in the tensors and metadata of a safetensors file. The recording does not use their memory. All problems are returned as one
// *Error; a recording of a model that does something else is a *TaskError.
func Parse(tensors []tensor.Named, metadata map[string]string) (*Recording, error) {
	if metadata["format"] != Format {
		return nil, &Error{Err: checkpoint.ErrFormat, Problems: []string{fmt.Sprintf("its metadata does not say format %q", Format)}}
	}
	if task := metadata["task"]; !slices.Contains(tasks, task) {
		return nil, &TaskError{Task: task}
	}
	p := &parser{recording: &Recording{}}
	p.metadata(metadata)
	p.images(tensors)
	p.names(metadata)
	for _, t := range tensors {
		p.tensor(t)
	}
	p.order()
	if len(p.problems) > 0 {
		return nil, &Error{Err: checkpoint.ErrMalformed, Problems: p.problems}
	}
	return p.recording, nil
}

// parser builds a recording and collects problems.
type parser struct {
	recording *Recording
	problems  []string
}

// fail adds a problem, unless there are many already.
func (p *parser) fail(reason string, args ...any) {
	const enough = 20
	if len(p.problems) < enough {
		p.problems = append(p.problems, fmt.Sprintf(reason, args...))
	}
}

func (p *parser) metadata(metadata map[string]string) {
	r := p.recording
	r.Architecture, r.Framework, r.FrameworkVersion = metadata["architecture"], metadata["framework"], metadata["framework_version"]
	r.Implementation, r.Note, r.Autocast, r.Task = metadata["implementation"], metadata["note"], metadata["autocast"], metadata["task"]
	for dtype, name := range dtypeNames {
		if metadata["dtype"] == name {
			r.DType = dtype
		}
	}
	if r.DType == tensor.Invalid {
		p.fail("metadata entry dtype is %s, not float64, float32, bfloat16 or float16", text.Quote(metadata["dtype"]))
	}
	if epsilon, stated := metadata["epsilon"]; stated {
		value, err := strconv.ParseFloat(epsilon, 64)
		if err != nil || !(value > 0) || math.IsInf(value, 0) {
			p.fail("metadata entry epsilon is %s, not a positive number", text.Quote(epsilon))
		}
		r.Epsilon = value
	}
	p.probes(metadata)
}

// probeInput is the form of the metadata entry "input" if the images are those of docs/recipe.md and are not stored.
var probeInput = regexp.MustCompile(`^recipe images ([0-9]{1,6})\.\.([0-9]{1,6})$`)

func (p *parser) probes(metadata map[string]string) {
	input, stated := metadata["input"]
	if !stated || input == "stored" {
		return
	}
	found := probeInput.FindStringSubmatch(input)
	seed, err := strconv.ParseUint(cmp.Or(metadata["seed"], "0"), 10, 64)
	if found == nil || err != nil {
		p.fail("metadata entries input %s and seed %s are neither \"stored\" nor of the form \"recipe images 0..1\"",
			text.Quote(input), text.Quote(metadata["seed"]))
		return
	}
	first, _ := strconv.Atoi(found[1])
	last, _ := strconv.Atoi(found[2])
	p.recording.Probes = &Probes{First: first, Last: last, Seed: seed}
}

// images takes the number of images from the logits, or from the first tensor if there are none.
func (p *parser) images(tensors []tensor.Named) {
	for _, t := range tensors {
		if len(t.Shape) > 0 && (p.recording.Images == 0 || t.Name == "logits") {
			p.recording.Images = t.Shape[0]
		}
	}
	if p.recording.Images < 1 {
		p.fail("it holds no images")
	}
	if r := p.recording.Probes; r != nil && r.Last-r.First+1 != p.recording.Images {
		p.fail("its input is recipe images %d..%d, but it holds %d images", r.First, r.Last, p.recording.Images)
	}
}

// names takes the names of the images.
func (p *parser) names(metadata map[string]string) {
	list, stated := metadata["images"]
	if !stated {
		return
	}
	if err := json.Unmarshal([]byte(list), &p.recording.ImageNames); err != nil || len(p.recording.ImageNames) != p.recording.Images {
		p.fail("metadata entry images is %s, not a list of the names of %d images", text.Quote(list), p.recording.Images)
	}
}

// tensor adds one tensor to the recording.
func (p *parser) tensor(t tensor.Named) {
	if len(t.Shape) == 0 || t.Shape[0] != p.recording.Images {
		p.fail("tensor %s has shape %s, which does not begin with %d images", text.Quote(t.Name), t.Shape, p.recording.Images)
		return
	}
	read := p.activation
	switch t.Name {
	case "input":
		read = p.input
	case "mask":
		read = p.mask
	case "labels":
		read = p.labels
	case tokens:
		read = p.tokens
	}
	read(t)
}

// tokens is the name of the stage of visual tokens.
var tokens = engine.Stage{Kind: engine.Tokens}.String()

// tokens reads visual tokens, which are whole numbers.
func (p *parser) tokens(t tensor.Named) {
	if t.DType.IsFloat() || t.DType == tensor.Bool || len(t.Shape) < 2 || len(t.Shape) > 3 {
		p.fail("tensor %q is %s %s, not integers [N, patches]", t.Name, t.DType, t.Shape)
		return
	}
	values, err := tensor.Float64s(t.View)
	if err != nil {
		p.fail("tensor %q: %s", t.Name, err)
	}
	for _, v := range values {
		if v < 0 || v >= arch.MaxClasses {
			p.fail("tensor %q holds %v, which is no visual token", t.Name, v)
			return
		}
	}
	shape := slices.Clone(t.Shape)
	if len(shape) == 3 { // the grid [h, w] of each image
		shape = tensor.Shape{shape[0], shape[1] * shape[2]}
	}
	p.recording.Activations = append(p.recording.Activations, engine.Activation{Name: t.Name, Shape: shape, Values: values})
}

func (p *parser) activation(t tensor.Named) {
	if _, err := engine.ParseStage(t.Name); err != nil {
		known := []string{"input", "mask", "labels"}
		for _, kind := range kindsOf(p.recording.Task) {
			for _, s := range engine.Stages(arch.Config{Kind: kind, Depth: 1, Classes: 1, Codebook: arch.Codebook{Decoder: arch.CodeDecoder{Depth: 1}}}) {
				known = append(known, s.String())
			}
		}
		p.fail("tensor %s is not an activation; %s", text.Quote(t.Name), suggest.Short(t.Name, known))
		return
	}
	most := 3
	if p.recording.Task == Tokenizer || p.recording.Task == Segmentation { // which have convolutions
		most = 4
	}
	if t.DType != tensor.F32 && t.DType != tensor.F64 || len(t.Shape) > most {
		p.fail("tensor %q is %s %s, not F32 or F64 of at most %d dimensions", t.Name, t.DType, t.Shape, most)
		return
	}
	values, err := tensor.Float64s(t.View)
	if err != nil {
		p.fail("tensor %q: %s", t.Name, err)
	}
	p.recording.Activations = append(p.recording.Activations, engine.Activation{Name: t.Name, Shape: slices.Clone(t.Shape), Values: values})
}

// kindsOf returns the kinds of models that a task stands for.
func kindsOf(task string) []arch.Kind {
	switch task {
	case Segmentation:
		return []arch.Kind{arch.UPerNet}
	case Tokenizer:
		return []arch.Kind{arch.DVAEEncoder, arch.DVAEDecoder, arch.VQKD}
	}
	return []arch.Kind{arch.Transformer}
}

func (p *parser) input(t tensor.Named) {
	if t.DType != tensor.F32 || len(t.Shape) != 4 {
		p.fail("tensor \"input\" is %s %s, not F32 [N, channels, height, width]", t.DType, t.Shape)
		return
	}
	values, err := tensor.Float32s(t.View)
	if err != nil {
		p.fail("tensor \"input\": %s", err)
	}
	p.recording.Pixels, p.recording.Channels, p.recording.Height, p.recording.Width = values, t.Shape[1], t.Shape[2], t.Shape[3]
}

func (p *parser) mask(t tensor.Named) {
	if len(t.Shape) != 2 || t.DType.IsFloat() {
		p.fail("tensor \"mask\" is %s %s, not integers [N, patches]", t.DType, t.Shape)
		return
	}
	values, err := tensor.Float64s(t.View)
	if err != nil {
		p.fail("tensor \"mask\": %s", err)
	}
	mask := make([]bool, len(values))
	for i, v := range values {
		if v != 0 && v != 1 {
			p.fail("tensor \"mask\" holds %v; 1 is masked and 0 is not", v)
			return
		}
		mask[i] = v == 1
	}
	p.recording.Mask = mask
}

func (p *parser) labels(t tensor.Named) {
	if len(t.Shape) != 1 || t.DType.IsFloat() {
		p.fail("tensor \"labels\" is %s %s, not integers [N]", t.DType, t.Shape)
		return
	}
	values, err := tensor.Float64s(t.View)
	if err != nil {
		p.fail("tensor \"labels\": %s", err)
	}
	for _, v := range values {
		p.recording.Labels = append(p.recording.Labels, int64(v))
	}
}

// order sorts the activations in the order of the forward pass, and checks that there are some and that none occurs twice.
func (p *parser) order() {
	activations := p.recording.Activations
	slices.SortFunc(activations, func(a, b engine.Activation) int {
		x, _ := engine.ParseStage(a.Name) // activation has checked the name
		y, _ := engine.ParseStage(b.Name)
		return x.Compare(y)
	})
	for i := 1; i < len(activations); i++ {
		if activations[i].Name == activations[i-1].Name {
			p.fail("tensor %q occurs twice", activations[i].Name)
		}
	}
	if len(activations) == 0 {
		p.fail("it holds nothing to compare: no logits, no activations")
	}
}
