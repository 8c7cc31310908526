package convert

import (
	"errors"
	"fmt"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/configs"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
)

// PoolingError says that a model takes the mean of tokens that are normalised already, which no BEiT does that beitzoo computes.
type PoolingError struct {
	Path string
	// From says where the mean is stated.
	From card.Origin
}

func (e *PoolingError) Error() string {
	return fmt.Sprintf("%s: the model takes the mean of the patch tokens (%s), and its norm has the name of one for each token before that: "+
		"beitzoo computes a norm behind the mean alone",
		e.Path, e.From)
}

// Is reports that the file is unusable input.
func (e *PoolingError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what is left.
func (e *PoolingError) Hint() string {
	if e.From == card.Asked {
		return "there is no way around: run it with the program that wrote it; a model that takes the class token needs that pooling stated, or none"
	}
	return "there is no way around: run it with timm, which builds such a model with global_pool=\"avg\" and use_fc_norm=False"
}

// pool settles which tokens the head sees. The names of unilm, PASSL, Hugging Face and OpenMMLab tell it; those of timm do so only as it usually builds its
// models: global_pool, use_fc_norm and reset_classifier change what is computed with them, not the names.
// Source: huggingface/pytorch-image-models timm/models/beit.py.
func (r *reading) pool() error {
	m, asked, timm := r.model, r.options.Pooling, r.beside.timm
	if c := m.Config; c.Kind != arch.Transformer || c.Masked() {
		if asked != "" {
			return &NoClassesError{Path: m.File.Path, Item: card.Pooling, Masked: c.Masked(), Kind: c.Kind}
		}
		return nil
	}
	r.guessPooling()
	stated, from := asked, card.Asked
	switch {
	case timm == nil || timm.Pooling == "":
	case asked == "":
		stated, from = timm.Pooling, card.TimmConfig
	case asked != timm.Pooling:
		return r.poolingConflict(asked, from, timm.Pooling, card.TimmConfig)
	}
	if timm != nil {
		if err := r.checkTimm(timm, asked); err != nil {
			return err
		}
	}
	found, origin := m.Config.Pooling, m.From[card.Pooling]
	switch {
	case stated == found:
		m.From[card.Pooling] = from
		r.withoutAssumption(arch.PropertyPooling)
	case stated == "":
	case !origin.Guess():
		return r.poolingConflict(stated, from, found, origin)
	case stated == arch.MeanPooling && found == arch.ClassToken:
		return &PoolingError{Path: m.File.Path, From: from}
	case stated == arch.ClassToken && found == arch.MeanPooling:
		m.normFirst(fmt.Sprintf("the class token is taken (%s), so fc_norm is read as the norm of all tokens", from))
		m.From[card.Pooling] = from
	default:
		return r.poolingConflict(stated, from, found, origin)
	}
	return nil
}

// guessPooling calls the pooling a guess where nothing but names of timm tells it, and says so if the model may be one that beitzoo does not compute.
func (r *reading) guessPooling() {
	m := r.model
	own := r.file.Metadata[MetadataScheme] != "" // written by names that tell it
	if m.By.Name != naming.Timm || own || r.wanted != nil || m.From[card.Pooling] != card.Origin(arch.FromNames) || m.Config.Classes == 0 {
		return
	}
	m.From[card.Pooling] = card.Usual
	if m.Config.Pooling == arch.ClassToken && r.options.Pooling == "" && (r.beside.timm == nil || r.beside.timm.Pooling == "") {
		m.Assumptions = append(m.Assumptions, poolingAssumption("the file has norm before its head, and no fc_norm; timm also has models with such names (use_fc_norm=False) "+
			"that take the mean of the normalised tokens, which beitzoo does not compute"))
	}
}

// poolingAssumption says that a model is taken for one that takes the class token.
func poolingAssumption(reason string) arch.Assumption {
	return arch.Assumption{Property: arch.PropertyPooling, Value: poolingWords(arch.ClassToken), Reason: reason, Others: []string{poolingWords(arch.MeanPooling)}}
}

// withoutAssumption removes what was assumed of a property that is stated after all.
func (r *reading) withoutAssumption(property arch.Property) {
	var kept []arch.Assumption
	for _, a := range r.model.Assumptions {
		if a.Property != property {
			kept = append(kept, a)
		}
	}
	r.model.Assumptions = kept
}

func (r *reading) poolingConflict(given arch.Pooling, givenFrom card.Origin, found arch.Pooling, foundFrom card.Origin) error {
	if foundFrom == card.Asked {
		foundFrom = card.Architecture
	}
	return fmt.Errorf("%s: %w", r.file.Path, &arch.ConflictError{
		Property: arch.PropertyPooling, Given: poolingWords(given), Found: poolingWords(found), GivenFrom: arch.Source(givenFrom), FoundFrom: arch.Source(foundFrom),
	})
}

// checkTimm compares what timm's config.json says of the last norm and the pooling with the norm that the file has.
func (r *reading) checkTimm(timm *configs.TimmFacts, asked arch.Pooling) error {
	m := r.model
	found, guess := m.Config.Pooling, m.From[card.Pooling].Guess()
	pooled := found == arch.MeanPooling
	switch {
	case timm.Unpooled && m.Config.Classes > 0:
		return &configs.FileError{
			File:   m.File.Path,
			Err:    errors.New("config.json says that the tokens are not pooled (its global_pool is empty), so that the head gives classes for each token, not for the image"),
			Advice: "beitzoo computes heads behind the class token or the mean of the patch tokens: leave the head out, or run the model with timm",
		}
	case timm.FCNorm != nil && found != arch.NoPooling && *timm.FCNorm != pooled:
		has := map[bool]string{true: "fc_norm", false: "norm"}[pooled]
		problem := errdef.New(errdef.ErrInput, fmt.Sprintf("use_fc_norm is %t there, and the file has %s", *timm.FCNorm, has))
		return &ConfigMismatchError{Path: m.File.Path, Config: r.beside.path, Err: problem}
	case timm.Pooling == arch.ClassToken && pooled && timm.FCNorm == nil && asked == "" && guess:
		return &configs.FileError{
			File: m.File.Path,
			Err: fmt.Errorf("config.json says that the tokens are pooled by %s, and the name of the last norm that it is %s: beitzoo can't tell which is right",
				poolingWords(timm.Pooling), poolingWords(found)),
			Advice: "timm builds fc_norm for the mean and norm for the class token unless use_fc_norm says otherwise; if config.json is right, state that pooling",
		}
	}
	if timm.Unpooled && found != arch.NoPooling {
		m.warn("config.json says that the model ends in all tokens (its global_pool is empty): it is read with the same parameters, and ends in one vector for each image")
	}
	return nil
}

// normFirst makes a model whose last norm has the name of the one behind the mean one that normalises the tokens, and notes why: each token has its own norm,
// so it does not matter whether the class token is taken before it or after it.
func (m *Model) normFirst(why string) {
	m.Config.Pooling = arch.ClassToken
	tensors, changes := map[string]tensor.Named{}, map[string]naming.Change{}
	for i, t := range m.Tensors {
		change := m.Changes[i]
		t.Name = strings.Replace(t.Name, "fc_norm.", "norm.", 1)
		change.Name = t.Name
		tensors[t.Name], changes[t.Name] = t, change
	}
	for i, p := range m.Config.Params() {
		m.Tensors[i], m.Changes[i] = tensors[p.Name], changes[p.Name]
	}
	m.Notes = append(m.Notes, why)
}

// poolingWords says what a pooling is.
func poolingWords(p arch.Pooling) string {
	switch p {
	case arch.MeanPooling:
		return "the mean of the patch tokens"
	case arch.ClassToken:
		return "the class token"
	}
	return "no pooling"
}
