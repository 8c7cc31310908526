package naming

import (
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// AdapterError says that tensors are an adapter of PEFT, which changes a model, or that a model has one that was not merged into it.
type AdapterError struct {
	// Name is a tensor of the adapter, and Whole says that the model is there, too.
	Name  string
	Whole bool
}

func (e *AdapterError) Error() string {
	if e.Whole {
		return "a model with an adapter of PEFT beside its weights, which change what it computes: " + text.Quote(e.Name)
	}
	return "an adapter of PEFT, not the model that it adapts: " + text.Quote(e.Name)
}

// Is reports that the tensors are unusable input.
func (e *AdapterError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says how to merge it.
func (e *AdapterError) Hint() string {
	merged := "merge_and_unload().save_pretrained(OUTPUT)"
	if e.Whole {
		return "merge it first, and give the merged model: model." + merged
	}
	return "merge it into the model that it adapts, and give the merged one: PeftModel.from_pretrained(model, FOLDER)." + merged
}

// adapterParts are components of names that only the tensors of adapters have: huggingface/peft src/peft/tuners.
var adapterParts = []string{
	"lora_A", "lora_B", "lora_embedding_A", "lora_embedding_B", "lora_magnitude_vector", "lora_E", "hada_w1_a", "hada_w2_a", "lokr_w1", "lokr_w2", "lokr_w1_a", "ia3_l",
	"vera_lambda_b", "vera_lambda_d", "boft_R", "oft_r", "oft_R",
}

// adapter returns an *AdapterError if tensors of an adapter are among those of a file, or nil.
func adapter(tensors []tensor.Named) error {
	var found *AdapterError
	for _, t := range tensors {
		parts := strings.Split(t.Name, ".")
		if found == nil && slices.ContainsFunc(parts, func(part string) bool { return slices.Contains(adapterParts, part) }) {
			found = &AdapterError{Name: t.Name}
		}
	}
	if found == nil {
		return nil
	}
	found.Whole = slices.ContainsFunc(tensors, func(t tensor.Named) bool { return strings.Contains(t.Name, ".base_layer.") })
	return found
}
