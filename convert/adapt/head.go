package adapt

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// Head says how a new head is made.
type Head string

// The kinds of heads.
const (
	// ZeroHead has weights and biases of zero: all classes are equally likely.
	ZeroHead Head = "zero"
	// SeededHead has weights drawn as microsoft/unilm draws them for fine-tuning, though not its numbers, and biases of zero: see [synth.Normal].
	SeededHead Head = "seeded"
	// RowsHead has rows of the old head: those of some of its classes.
	RowsHead Head = "rows"
	// givenHead is that of Options.Given.
	givenHead Head = "given"
)

// Heads returns the kinds of heads, the default first.
func Heads() []string { return []string{string(SeededHead), string(ZeroHead), string(RowsHead)} }

// Norm says where the last norm of a classifier comes from that was a masked model.
type Norm string

// The sources of the norm.
const (
	// FreshNorm has weights of 1 and biases of 0, as unilm does.
	FreshNorm Norm = "fresh"
	// PretrainedNorm is the norm of pre-training.
	PretrainedNorm Norm = "from-norm"
)

// Norms returns the sources of the norm, the default first.
func Norms() []string { return []string{string(FreshNorm), string(PretrainedNorm)} }

// Standard deviation of unilm's initial weights, and the factor on those of a head (init_scale in microsoft/unilm beit/run_class_finetuning.py).
const (
	initDeviation = 0.02
	headScale     = 0.001
)

// ReplacesHead reports whether the options ask for a head that is not made of the old one.
func (o Options) ReplacesHead(c arch.Config) bool {
	kind := o.head(c)
	return kind == ZeroHead || kind == SeededHead || kind == givenHead
}

// replacesHead reports whether the options ask for a head.
func (o Options) replacesHead() bool {
	return o.Classes != 0 || o.Head != "" || o.Rows != nil || o.Given != nil
}

// head returns the kind of the new head, or "" if the old one stays.
func (o Options) head(c arch.Config) Head {
	switch {
	case o.Given != nil:
		return givenHead
	case o.Head != "":
		return o.Head
	case o.Rows != nil:
		return RowsHead
	case o.Classes != 0 && (o.Classes != c.Classes || !c.Classifies()):
		return SeededHead
	}
	return ""
}

// check returns an *[OptionsError] if the options contradict each other, or do not fit a model.
func (o Options) check(c arch.Config) error {
	if o.Any() {
		if err := c.CheckBEiT(); err != nil {
			return err
		}
	}
	for _, choice := range []struct {
		option, what, value string
		known               []string
	}{
		{"Resize", "way to resize", string(o.Resize), Methods()},
		{"Head", "kind of head", string(o.Head), Heads()},
		{"Norm", "source of a norm", string(o.Norm), Norms()},
	} {
		if choice.value != "" && !slices.Contains(choice.known, choice.value) {
			return &OptionsError{
				choice.option, fmt.Sprintf("%s is not a %s", text.Quote(choice.value), choice.what),
				suggest.Hint(suggest.Nearest(choice.value, choice.known), choice.known),
			}
		}
	}
	if err := o.checkHead(c); err != nil {
		return err
	}
	switch {
	case (o.ImageHeight != 0) != (o.ImageWidth != 0):
		return &OptionsError{"ImageHeight", "only one of height and width is given", "give both"}
	case o.Resize != "" && o.ImageHeight == 0:
		return &OptionsError{"ImageHeight", "a way to resize is given, but no size", "give the size of the images, or leave the way out"}
	case o.Norm != "" && !o.replacesHead():
		return &OptionsError{"Classes", "a source of the norm before a new head is given, but no head", "give the number of classes"}
	case o.Norm != "" && (c.Pooling == arch.MeanPooling || c.Pooling == arch.ClassToken):
		return &OptionsError{"Norm", "the norm before the head stays, since the model is no masked model", "leave the source of the norm out"}
	case o.Norm == PretrainedNorm && c.Pooling == arch.NoPooling:
		return &OptionsError{"Norm", "the model has no norm from which that before the head could be made", "take a fresh norm"}
	case o.PerBlockBias && c.Bias == arch.NoBias:
		return &OptionsError{"PerBlockBias", "the model has no relative position bias: no table can be copied to each block", "leave that out"}
	}
	return nil
}

// checkHead is the part of check that is about the head.
func (o Options) checkHead(c arch.Config) error {
	switch {
	case o.Headless && o.replacesHead():
		return &OptionsError{"Headless", "the model can't have a new head and none", "ask for one of the two"}
	case o.Given != nil && (o.Head != "" || o.Rows != nil):
		return &OptionsError{"Given", "a head is given, and another one is asked for", "ask for one of the two"}
	case o.Given != nil && (len(o.Given.Weight) != o.Classes*c.EmbedDim || len(o.Given.Bias) != o.Classes):
		return &OptionsError{
			"Given", fmt.Sprintf("the head that is given has %d weights and %d biases, which is none of %s for a model with a width of %d",
				len(o.Given.Weight), len(o.Given.Bias), text.Count(o.Classes, "class", "classes"), c.EmbedDim),
			"fit the head to features of this model",
		}
	case o.Rows != nil && o.head(c) != RowsHead:
		return &OptionsError{"Head", fmt.Sprintf("rows of the old head are chosen, and the head is to be %s", o.Head), "leave out one of the two"}
	case o.head(c) == RowsHead && len(o.Rows) == 0:
		return &OptionsError{"Rows", "no rows of the old head are chosen", "say which, by a file with one row a line"}
	case len(o.Rows) > arch.MaxClasses:
		return &OptionsError{"Rows", fmt.Sprintf("%d rows are more than a model can have classes", len(o.Rows)), fmt.Sprintf("give at most %d", arch.MaxClasses)}
	case o.Rows != nil && o.Classes != 0 && o.Classes != len(o.Rows):
		return &OptionsError{
			"Classes", fmt.Sprintf("%s chosen, and the head is to have %s",
				text.Count(len(o.Rows), "row of the old head is", "rows of the old head are"), text.Count(o.Classes, "class", "classes")),
			"leave out the number of classes: it is that of the rows",
		}
	case o.Rows != nil && !c.Classifies():
		return &OptionsError{"Rows", "the model has no classes of which rows could be chosen", "take the fine-tuned model, or a new head"}
	case o.Head != "" && o.Rows == nil && o.Classes == 0:
		return &OptionsError{"Classes", fmt.Sprintf("a head that is %s needs a number of classes", o.Head), "give the number of classes"}
	case o.Classes < 0:
		return &OptionsError{"Classes", fmt.Sprintf("%d is not a number of classes", o.Classes), "give a number above 0"}
	case o.Classes > arch.MaxClasses:
		return &OptionsError{"Classes", fmt.Sprintf("%d classes are more than a model can have", o.Classes), fmt.Sprintf("give a number of at most %d", arch.MaxClasses)}
	}
	return nil
}

// setHead replaces the head or leaves it out, and makes a classifier of a masked model.
func (m *model) setHead(o Options) error {
	if o.Headless {
		m.dropHead()
		return nil
	}
	if !o.replacesHead() {
		return nil
	}
	old, kind := m.Config, o.head(m.Config)
	if kind == "" {
		m.note("the head has %d classes already, and stays", old.Classes)
		return nil
	}
	rows, err := m.chosen(o.Rows)
	if err != nil {
		return err
	}
	gone := m.headNames()
	dtype := m.dtype()
	if old.Pooling != arch.MeanPooling && old.Pooling != arch.ClassToken {
		if err := m.classify(o.Norm, dtype); err != nil {
			return err
		}
	}
	if kind == RowsHead {
		return m.takeRows(rows)
	}
	m.Config.Classes = o.Classes
	what, err := m.newHead(kind, o, dtype)
	if err != nil {
		return err
	}
	step := Step{Name: StepHead, What: what, Lossy: len(gone) > 0, Tensors: union(gone, m.headNames())}
	if kind == givenHead {
		step.Rounded = m.headNames()
	}
	if len(gone) > 0 {
		step.What = fmt.Sprintf("the head of %s was replaced by %s", outputs(old), what)
	}
	m.forgetClasses()
	m.step(step)
	if kind != givenHead && !o.Trained {
		m.note("the head is fresh: the model has to be trained before its classes mean anything")
	}
	return nil
}

// newHead puts a head that is not made of the old one, and says what it is.
func (m *model) newHead(kind Head, o Options, dtype tensor.DType) (what string, err error) {
	weight, bias := m.headShapes()
	if kind == givenHead {
		for _, part := range []struct {
			name   string
			shape  tensor.Shape
			values []float64
		}{{"head.weight", weight, o.Given.Weight}, {"head.bias", bias, o.Given.Bias}} {
			raw, err := encode(part.values, dtype)
			if err != nil {
				return "", err
			}
			m.put(part.name, tensor.View{DType: dtype, Shape: part.shape, Data: tensor.Memory(raw)}, "")
		}
		return fmt.Sprintf("a head of %s, %s", text.Count(o.Classes, "class", "classes"), o.Given.What), nil
	}
	weights, err := transform.Zeros(dtype, weight)
	if err != nil {
		return "", err
	}
	how := "all zero"
	if kind == SeededHead {
		how = fmt.Sprintf("drawn from seed %d, as small as unilm's", o.Seed)
		if weights, err = transform.Cast(synth.Normal("head.weight", weight, initDeviation*headScale, o.Seed), dtype); err != nil {
			return "", err
		}
	}
	biases, err := transform.Zeros(dtype, bias)
	if err != nil {
		return "", err
	}
	m.put("head.weight", weights, "")
	m.put("head.bias", biases, "")
	return fmt.Sprintf("a fresh head of %s, %s", text.Count(o.Classes, "class", "classes"), how), nil
}

// dropHead leaves out the head.
func (m *model) dropHead() {
	gone := m.headNames()
	if len(gone) == 0 {
		m.note("the model has no head already: nothing is left out")
		return
	}
	what := fmt.Sprintf("the head of %s was left out", outputs(m.Config))
	m.dropClassBranch()
	m.Config.Classes, m.Config.Regression = 0, false
	m.forgetClasses()
	m.step(Step{Name: StepHead, What: what, Lossy: true, Tensors: gone})
	if m.Config.Masked() && !m.Config.MaskToken {
		m.Config.Pooling, m.From[card.Pooling] = arch.ClassToken, card.Asked
		m.note("without a head and a mask token nothing shows that the model masks patches: it is one whose result is the class token behind the norm")
	}
}

// dropClassBranch leaves out what only pre-training with a branch for the class token uses.
func (m *model) dropClassBranch() {
	if m.Config.ClassBlocks == 0 {
		return
	}
	var gone []string
	for _, p := range m.Config.Params() {
		if strings.HasPrefix(p.Name, "cls_pt_") {
			gone = append(gone, p.Name)
		}
	}
	what := "left out: " + text.Count(m.Config.ClassBlocks, "block", "blocks") + " that only pre-training uses, for the class token"
	m.Config.ClassBlocks, m.Config.ClassHead = 0, false
	m.step(Step{Name: StepClassBranch, What: what, Lossy: true, Tensors: gone})
}

// classify turns what is not pooled, such as a masked model, into a model of which a head sees the mean of the patches, as unilm does for fine-tuning.
func (m *model) classify(norm Norm, dtype tensor.DType) error {
	m.dropClassBranch()
	old := m.Config
	m.Config.Pooling, m.Config.MaskToken, m.Config.Regression = arch.MeanPooling, false, false
	m.From[card.Pooling] = card.Asked
	if old.Bias == arch.SharedBias {
		m.note("all blocks still share one relative position bias table; unilm copies it to each block before it fine-tunes")
	}
	if old.MaskToken {
		m.step(Step{Name: StepMaskToken, What: "the mask token was left out: a classifier sees every patch", Lossy: true, Tensors: []string{"mask_token"}})
	}
	fresh := []string{"fc_norm.weight", "fc_norm.bias"}
	var before []string
	if old.Pooling == arch.AllTokens {
		before = []string{"norm.weight", "norm.bias"}
	}
	if norm == PretrainedNorm {
		for i, name := range fresh {
			m.put(name, m.views[before[i]], before[i])
		}
		m.step(Step{Name: StepNorm, What: "norm became fc_norm, which stands behind the mean of the patches", Tensors: union(before, fresh)})
		return nil
	}
	shape := tensor.Shape{old.EmbedDim}
	ones, err := encode(slices.Repeat([]float64{1}, old.EmbedDim), dtype)
	if err != nil {
		return err
	}
	m.put(fresh[0], tensor.View{DType: dtype, Shape: shape, Data: tensor.Memory(ones)}, "")
	biases, err := transform.Zeros(dtype, shape)
	if err != nil {
		return err
	}
	m.put(fresh[1], biases, "")
	what := "fc_norm is fresh, weights 1 and biases 0"
	if before != nil {
		what = "norm was left out; " + what + ", as unilm does"
	}
	m.step(Step{Name: StepNorm, What: what, Lossy: before != nil, Tensors: union(before, fresh)})
	return nil
}

// takeRows makes the head of rows of the old one.
func (m *model) takeRows(rows []int) error {
	old := m.Config.Classes
	if inOrder(rows, old) {
		m.note("the rows are those that the head has, in the same order: it stays")
		return nil
	}
	m.Config.Classes = len(rows)
	weight, bias := m.headShapes()
	m.put("head.weight", gathered(m.views["head.weight"], weight, rows), "head.weight")
	m.put("head.bias", gathered(m.views["head.bias"], bias, rows), "head.bias")
	if m.Labels != nil {
		labels := make([]string, len(rows))
		for i, row := range rows {
			labels[i] = m.Labels[row]
		}
		m.Labels = labels
	}
	distinct := slices.Clone(rows)
	slices.Sort(distinct)
	distinct = slices.Compact(distinct)
	what := fmt.Sprintf("the head has %d of the %d rows that it had", len(rows), old)
	switch {
	case len(distinct) == old && len(rows) == old:
		what = fmt.Sprintf("the %d rows of the head are in another order", old)
	case len(distinct) < len(rows):
		what = fmt.Sprintf("the head has %d rows, copies of %d of the %d that it had", len(rows), len(distinct), old)
	}
	if m.Labels != nil {
		what += ", and their labels"
	}
	m.step(Step{Name: StepHead, What: what + ": " + rowsWords(rows), Lossy: len(distinct) < old, Tensors: m.headNames()})
	return nil
}

// inOrder reports whether rows are all that there are, in order.
func inOrder(rows []int, all int) bool {
	for i, row := range rows {
		if row != i {
			return false
		}
	}
	return len(rows) == all
}

// mostListed is how many rows a step lists.
const mostListed = 16

// rowsWords lists rows, or, if they are many, says the digest of their list, one decimal number a line, each with a line feed.
func rowsWords(rows []int) string {
	words := make([]string, len(rows))
	for i, row := range rows {
		words[i] = strconv.Itoa(row)
	}
	if len(rows) <= mostListed {
		return "rows " + strings.Join(words, ", ")
	}
	return fmt.Sprintf("sha256 %x of their list", sha256.Sum256([]byte(strings.Join(words, "\n")+"\n")))
}

// gathered returns some rows of a tensor.
func gathered(v tensor.View, shape tensor.Shape, rows []int) tensor.View {
	return tensor.View{DType: v.DType, Shape: shape, Data: lazy(func() ([]byte, error) {
		raw, err := v.Bytes()
		if err != nil {
			return nil, err
		}
		width := len(raw) / v.Shape[0]
		out := make([]byte, 0, width*len(rows))
		for _, row := range rows {
			out = append(out, raw[row*width:(row+1)*width]...)
		}
		return out, nil
	})}
}

// chosen returns the rows of the old head that words choose: all by their indices, or all by the names of classes.
func (m *model) chosen(words []string) ([]int, error) {
	wrong := &RowsError{}
	problem := func(i int, format string, args ...any) {
		wrong.Problems = append(wrong.Problems, RowProblem{i + 1, fmt.Sprintf(format, args...)})
	}
	named := map[string][]int{}
	for i, label := range m.Labels {
		named[label] = append(named[label], i)
	}
	byIndex := !slices.ContainsFunc(words, func(word string) bool { return word != "" && !isIndex(word) })
	rows := make([]int, len(words))
	for i, word := range words {
		classes := named[word]
		if word == "" {
			problem(i, "it is empty")
			continue
		}
		if byIndex {
			index, err := strconv.Atoi(word)
			switch {
			case err != nil || index >= m.Config.Classes:
				problem(i, "%s is not one of %d classes, 0 to %d", text.Quote(word), m.Config.Classes, m.Config.Classes-1)
			case len(classes) > 0 && !slices.Equal(classes, []int{index}):
				problem(i, "%s is the index of one class, and the name of another, class %d", text.Quote(word), classes[0])
			}
			rows[i] = index
			continue
		}
		switch {
		case len(m.Labels) == 0:
			problem(i, "%s is not an index, and the classes have no names", text.Quote(word))
		case len(classes) == 0:
			nearest := ""
			if near := suggest.Nearest(word, m.Labels); near != "" {
				nearest = "; the nearest name is " + text.Quote(near)
			}
			problem(i, "no class is named %s%s", text.Quote(word), nearest)
		case len(classes) > 1:
			problem(i, "%d classes are named %s", len(classes), text.Quote(word))
		default:
			rows[i] = classes[0]
		}
	}
	if len(wrong.Problems) > 0 {
		return nil, wrong
	}
	return rows, nil
}

func isIndex(word string) bool {
	return !strings.ContainsFunc(word, func(r rune) bool { return r < '0' || r > '9' })
}

// forgetClasses drops what was known about the classes of the old head.
func (m *model) forgetClasses() {
	if m.Labels != nil {
		m.note("the names of the %d classes are those of the old head, and are left out", len(m.Labels))
	}
	if m.Problem.Unusual() {
		m.note("the problem type was that of the old head, and is left out: %s", m.Problem)
	}
	m.Labels, m.Palette, m.Problem = nil, nil, ""
	delete(m.From, card.Labels)
	delete(m.From, card.Palette)
	delete(m.From, card.ProblemIs)
}

// headNames returns the names of the parameters of the head; none if there is no head.
func (m *model) headNames() []string {
	if m.Config.Classes == 0 {
		return nil
	}
	return []string{m.Config.HeadName() + ".weight", m.Config.HeadName() + ".bias"}
}

func (m *model) headShapes() (weight, bias tensor.Shape) {
	return tensor.Shape{m.Config.Classes, m.Config.EmbedDim}, tensor.Shape{m.Config.Classes}
}

// dtype returns that of fresh parameters: the old head's, or else the last block's.
func (m *model) dtype() tensor.DType {
	name := fmt.Sprintf("blocks.%d.mlp.fc2.weight", m.Config.Depth-1)
	if m.Config.Classes > 0 {
		name = m.Config.HeadName() + ".weight"
	}
	return m.views[name].DType
}

// outputs says what the head of a model computes.
func outputs(c arch.Config) string {
	switch {
	case c.Regression:
		return text.Count(c.Classes, "feature of a teacher", "features of a teacher")
	case c.Masked():
		return text.Count(c.Classes, "visual token", "visual tokens")
	}
	return text.Count(c.Classes, "class", "classes")
}

// union returns the names of both lists, each once.
func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, name := range b {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}
