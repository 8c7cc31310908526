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
	// Loralib: the tensors are named as those of microsoft/LoRA loralib/layers.py, which PEFT can't merge.
	Loralib bool
}

func (e *AdapterError) Error() string {
	switch {
	case e.Loralib && e.Whole:
		return "a model with matrices of LoRA (loralib) beside its weights, which change what it computes: " + text.Quote(e.Name)
	case e.Loralib:
		return "the matrices of LoRA (loralib), not the model that they change: " + text.Quote(e.Name)
	}
	if e.Whole {
		return "a model with an adapter of PEFT beside its weights, which change what it computes: " + text.Quote(e.Name)
	}
	return "an adapter of PEFT, not the model that it adapts: " + text.Quote(e.Name)
}

// Is reports that the tensors are unusable input.
func (e *AdapterError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says how to merge it.
func (e *AdapterError) Hint() string {
	if e.Loralib {
		return "merge them in the program that trained them, and save the weights without them: each weight W becomes W + lora_B @ lora_A * alpha / r, " +
			"where r is the number of rows of lora_A, and alpha is known to that program alone; eval() of loralib's layers does it"
	}
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
	if last := found.Name[strings.LastIndexByte(found.Name, '.')+1:]; last == "lora_A" || last == "lora_B" { // PEFT's are modules: lora_A.weight
		found.Loralib = true
		found.Whole = slices.ContainsFunc(tensors, func(t tensor.Named) bool { return strings.HasSuffix(t.Name, ".weight") })
		return found
	}
	found.Whole = slices.ContainsFunc(tensors, func(t tensor.Named) bool { return strings.Contains(t.Name, ".base_layer.") })
	return found
}
