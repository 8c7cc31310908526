package naming

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/parallel"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// This file has what is special about some members of the family: parts of other dtypes, two kinds of bias table, and how a model ends.

// widen returns the parts of a parameter in one dtype, the smallest that has all values of each, and notes what it changed. Parts that are no floats, whose
// dtypes can't be joined, come back as they are.
func (r *reading) widen(views []tensor.View, from []string) []tensor.View {
	widest := views[0].DType
	for _, v := range views[1:] {
		widest = transform.Widest(widest, v.DType)
	}
	var widened []tensor.View
	var changed []string
	for i, v := range views {
		cast, err := transform.Cast(v, widest)
		if err != nil {
			return views
		}
		if v.DType != widest {
			changed = append(changed, fmt.Sprintf("%s, which is %s,", text.Quote(from[i]), v.DType))
		}
		widened = append(widened, cast)
	}
	if len(changed) > 0 {
		r.said = append(r.said, fmt.Sprintf("%s became %s, which has all its values, to be joined with the rest of its weight", text.List(changed, 3, ""), widest))
	}
	return widened
}

const (
	sharedTable = "rel_pos_bias.relative_position_bias_table"
	blockTable  = "attn.relative_position_bias_table"
)

// foldTables adds a table for all blocks to those of the blocks, if there are both: the attention of a block adds both biases, so their sum is the same model.
// Tables of different shapes stay as they are, and are reported.
func (r *reading) foldTables() {
	shared, both := r.params[sharedTable]
	if !both {
		return
	}
	sums := map[string]param{}
	var made []transform.Sum
	for _, name := range slices.Sorted(maps.Keys(r.params)) {
		if !strings.HasPrefix(name, "blocks.") || !strings.HasSuffix(name, "."+blockTable) {
			continue
		}
		own := r.params[name]
		sum, err := transform.Add(own.view, shared.view)
		if err != nil {
			return
		}
		made = append(made, sum)
		sums[name] = param{view: sum.View(), from: slices.Concat(own.from, shared.from), row: sumRow(own.row)}
	}
	if len(sums) == 0 {
		return
	}
	delete(r.params, sharedTable)
	maps.Copy(r.params, sums)
	r.sums = made
}

// sumRow returns the row of a table that was made of two.
func sumRow(own row) row {
	own.operation.Name = "added to the table for all blocks"
	return own
}

// countRounded reads the sums of tables, and says what they are.
func (m *Model) countRounded(ctx context.Context, sums []transform.Sum) error {
	m.Folded = len(sums)
	if m.Folded == 0 {
		return nil
	}
	counts := make([]int, len(sums))
	err := parallel.Each(ctx, len(sums), func(_ context.Context, i int) (err error) {
		return tensor.Guard(func() error {
			counts[i], err = sums[i].Rounded()
			return err
		})
	})
	elements := int64(0)
	for i, count := range counts {
		m.Rounded += count
		size, _ := sums[i].View().Shape.Elements()
		elements += size
	}
	exact := "every sum is exact"
	if m.Rounded > 0 {
		exact = fmt.Sprintf("%d of %d sums are not exact, and were rounded once to %s", m.Rounded, elements, sums[0].View().DType)
	}
	m.Notes = append(m.Notes, fmt.Sprintf("the file has a bias table for all blocks and one for each block: they were added into the tables of %s, which is the same model; %s",
		text.Count(m.Folded, "block", "blocks"), exact))
	return err
}

// endAsFound changes the architecture of a model without a head, which a config.json describes, to what its tensors say of its end: transformers' BeitModel has
// the norm of its pooling or not, whatever the configuration says.
func (r *reading) endAsFound() {
	_, pooled := r.params["fc_norm.weight"]
	_, normed := r.params["norm.weight"]
	switch {
	case r.config.Pooling == arch.MeanPooling && !pooled && !normed:
		r.config.Pooling = arch.NoPooling
	case r.config.Pooling == arch.NoPooling && pooled:
		r.config.Pooling = arch.MeanPooling
	}
}

// excuseMaskToken drops the mask token of a model that masks nothing: its training program kept it, but no forward pass uses it.
func (r *reading) excuseMaskToken() {
	token, there := r.params["mask_token"]
	if !there || r.configErr != nil || r.config.MaskToken {
		return
	}
	_, classifier := r.params["head.weight"]
	_, masked := r.params["lm_head.weight"]
	_, normed := r.params["norm.weight"]
	_, pooled := r.params["fc_norm.weight"]
	why := ""
	switch {
	case r.config.Segments():
		why = "a segmentation model masks nothing"
	case masked && r.config.Masked():
		why = "config.json says that the model masks nothing"
	case r.config.Masked() || masked:
		return
	case classifier:
		why = "a classifier masks nothing"
	case pooled && r.config.Pooling == arch.MeanPooling || !normed && !pooled && r.config.Pooling == arch.NoPooling:
		why = "the model ends without a head for masked patches, so nothing is masked"
	default:
		return
	}
	r.drop(token.from[0], token.view, why)
	r.maskToken = tensor.Named{Name: token.from[0], View: token.view}
	delete(r.params, "mask_token")
}

// loseMaskToken says of a mask token that was left out whether it had any values: a fresh one of transformers is zero, a trained one is lost.
func (m *Model) loseMaskToken(token tensor.Named) error {
	if token.Name == "" {
		return nil
	}
	err := tensor.Guard(func() error { return transform.CheckZero(token.View) })
	if !errors.Is(err, transform.ErrNotZero) {
		return err
	}
	m.MaskToken = token.Name
	m.Notes = append(m.Notes, fmt.Sprintf("%s was left out, and is not zero: the model masks nothing, so it computes the same without, but the mask token of its training is lost",
		text.Quote(token.Name)))
	return nil
}

// zeroBiases gives a model that was built without biases for queries and values (qkv_bias=False) such as are zero, with which it is the same function.
// transformers can't build one, so there they are lost; and a model that nothing else tells from a plain vision transformer is left to be called one.
func (r *reading) zeroBiases() {
	for _, name := range r.zeroed {
		delete(r.params, name)
	}
	r.zeroed = nil
	c := r.config
	told := c.Bias != arch.NoBias || c.LayerScale || c.MaskToken
	if r.configErr != nil || r.ModelType != "" || r.file != "" || !told || len(r.unexpected)+len(r.missing)+len(r.shapes) > 0 {
		return
	}
	var lacking []string
	for _, p := range c.Params() {
		if strings.HasSuffix(p.Name, ".attn.q_bias") || strings.HasSuffix(p.Name, ".attn.v_bias") {
			if _, there := r.params[p.Name]; there {
				return
			}
			lacking = append(lacking, p.Name)
		}
	}
	for _, name := range lacking {
		weight, there := r.params[name[:len(name)-len("q_bias")]+"qkv.weight"]
		if there && weight.view.DType.IsFloat() {
			zeros := tensor.Memory(make([]byte, c.EmbedDim*weight.view.DType.Size()))
			r.params[name] = param{
				view: tensor.View{DType: weight.view.DType, Shape: tensor.Shape{c.EmbedDim}, Data: zeros},
				row:  row{operation: transform.Operation{Name: "zeros, as the model has none"}},
			}
			r.zeroed = append(r.zeroed, name)
		}
	}
}

// TwoNormsError says that the tokens are normalised twice behind the last block, which no model that can be converted does.
type TwoNormsError struct {
	// Names are tensors of both norms.
	Names []string
}

func (e *TwoNormsError) Error() string {
	return fmt.Sprintf("behind its last block the model has two norms (%s), one after the other: beitzoo computes one, and without either it would be another model",
		text.List(e.Names, mostNorms, ""))
}

// mostNorms is how many tensors of norms a message names.
const mostNorms = 4

// Is reports that the tensors are unusable input.
func (e *TwoNormsError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says that there is no way around.
func (e *TwoNormsError) Hint() string {
	return "there is no way around: run it with the program that wrote it"
}

// repeated notes tensors of a parameter that others are already.
func (r *reading) repeated(canonical string, names ...string) {
	if strings.HasPrefix(canonical, "norm.") {
		r.norms = append(r.norms, names...)
	}
	r.unexpected = append(r.unexpected, names...)
}

// twoNorms returns a *TwoNormsError if there are two last norms, and everything else of the model is known.
func (r *reading) twoNorms() error {
	if len(r.unexpected) > len(r.norms) {
		return nil
	}
	norm, first := r.params["norm.weight"]
	pooled, second := r.params["fc_norm.weight"]
	switch {
	case first && len(r.norms) > 0:
		return &TwoNormsError{Names: quoted(append(slices.Clone(norm.from), slices.DeleteFunc(slices.Clone(r.norms), isBias)...))}
	case first && second:
		return &TwoNormsError{Names: quoted(slices.Concat(norm.from, pooled.from))}
	}
	return nil
}

func isBias(name string) bool { return strings.HasSuffix(name, "bias") }

func quoted(names []string) []string {
	for i, name := range names {
		names[i] = text.Quote(name)
	}
	return names
}

// NoNameError says that a scheme has no names for a part of a model.
type NoNameError struct {
	// Scheme is the name of the scheme, and Program the program that has such names; it may be empty.
	Scheme, Program string
	// Part is what there are no names for.
	Part Part
	// Parameters are the parameters of the part.
	Parameters []string
	// Why is a clause, or empty.
	Why string
	// Schemes are those that have names for everything.
	Schemes []string
}

// Part is a part of a model for which some schemes have no names, as it is called in messages.
type Part string

// The parts.
const (
	ClassBranch    Part = "the branch of the class token"
	RegressionHead Part = "a regression head"
	MaskedHead     Part = "a head for visual tokens"
	WholeModel     Part = "a model of this kind"
	TrainingParts  Part = "what VQ-KD needs in training alone"
	OtherGroups    Part = "the groups of this dVAE"
	Counters       Part = "the counters of batch norms"
	OtherPart      Part = "some parameters"
)

func (e *NoNameError) Error() string {
	why := ""
	if e.Why != "" {
		why = ": " + e.Why
	}
	return fmt.Sprintf("the scheme %s has no place for %s (%s, such as %s)%s", e.Scheme, e.Part,
		text.Count(len(e.Parameters), "parameter", "parameters"), text.Quote(e.Parameters[0]), why)
}

// Is reports that the scheme is the wrong one.
func (e *NoNameError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what can be written instead.
func (e *NoNameError) Hint() string {
	other := "choose a scheme that has a place for it: " + strings.Join(e.Schemes, ", ")
	switch e.Part {
	case ClassBranch, TrainingParts, Counters:
		return "leave it out, which changes nothing in what the model computes, or " + other
	case RegressionHead, MaskedHead:
		return "leave the head out, or " + other
	}
	return other
}

// named returns a *NoNameError if the scheme has no names for a part of a model, else nil. What a map lacks is a *GapError.
func (t *table) named(config arch.Config, wrapper string) error {
	if t.file != "" {
		return nil
	}
	var absent []string
	for _, p := range config.Params() {
		if by, _ := t.writing(p.Name, config, wrapper); by == nil {
			absent = append(absent, p.Name)
		}
	}
	e := &NoNameError{Scheme: t.Name, Program: t.Program, Part: OtherPart, Parameters: absent}
	switch {
	case len(absent) < len(config.Params()) && !t.hasGroups(config):
		e.Part, e.Parameters, e.Why = OtherGroups, groupNames(config), fmt.Sprintf("programs have dVAEs of %d groups, and this one has %d", usualGroups, config.Groups())
	case config.Regression && t.RegressionNote != "":
		e.Part, e.Parameters, e.Why = RegressionHead, []string{"lm_head.weight", "lm_head.bias"}, t.RegressionNote
	case len(absent) == 0:
		return nil
	case len(absent) == len(config.Params()):
		e.Part, e.Why = WholeModel, "its program has none"
	case familyOf(config.Kind) == vqkdFamily:
		e.Part, e.Why = TrainingParts, "the program has only what makes visual tokens"
	case !slices.ContainsFunc(absent, func(name string) bool { return !isCounter(name) }):
		e.Part, e.Why = Counters, "its batch norms have none"
	case strings.HasPrefix(absent[0], "cls_pt_"):
		e.Part, e.Why = ClassBranch, "only the pre-training of BEiT v2 has it, and no forward pass of another program uses it"
	case strings.HasPrefix(absent[0], "lm_head.") && config.Regression:
		e.Part, e.Why = RegressionHead, "it predicts features of a teacher, and no class of "+t.Program+" does"
	case strings.HasPrefix(absent[0], "lm_head."):
		e.Part = MaskedHead
	}
	for _, s := range schemes {
		if s != t.Scheme && (!config.Regression || s.RegressionNote == "") && !slices.ContainsFunc(config.Params(), func(p arch.Param) bool {
			by, _ := s.tableOf(config).writing(p.Name, config, "")
			return by == nil
		}) && s.hasGroups(config) {
			e.Schemes = append(e.Schemes, s.Name)
		}
	}
	return e
}

// branchLimit says whether a row is for models with the branch of the class token; empty is any.
type branchLimit string

const (
	withBranch    branchLimit = "with"
	withoutBranch branchLimit = "without"
)

func (b branchLimit) fits(config arch.Config) bool {
	return b == "" || (b == withBranch) == (config.ClassBlocks > 0)
}

// ByModelType returns the name of the scheme whose program calls such models so in config.json, or "".
func ByModelType(model string) string {
	at := slices.IndexFunc(schemes, func(s *Scheme) bool { return s.ModelType == model })
	if model == "" || at < 0 {
		return ""
	}
	return schemes[at].Name
}
