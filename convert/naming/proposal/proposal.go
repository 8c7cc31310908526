package proposal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// Options say what is known beforehand.
type Options struct {
	// File is the name of the checkpoint, for the comment at the top.
	File string
	// Hints are what is known of the architecture.
	Hints arch.Hints
}

// Draft is a map that a person should review.
type Draft struct {
	// Text is the map file.
	Text []byte `json:"-"`
	// Rows is their number. Doubts are about those that a person should look at, in the order of the file.
	Rows   int     `json:"rows"`
	Doubts []Doubt `json:"doubts"`
	// Notes are sentences about what is missing, and about what shows that this is no BEiT.
	Notes []string `json:"notes"`
	// Unknown are the tensors of which nothing is known. They are in no row.
	Unknown []string `json:"unknown"`
	// Config is the architecture that the tensors have by the draft; nil if they can't be read by it, and Problem says why.
	Config  *arch.Config `json:"architecture,omitempty"`
	Problem error        `json:"-"`
}

// Doubt says why a row may be wrong.
type Doubt struct {
	// Line is counted from 1.
	Line int `json:"line"`
	// Row is the parameter. Why is a clause, and Others are what else it may be.
	Row    string   `json:"row"`
	Why    string   `json:"why"`
	Others []string `json:"others,omitempty"`
}

// Limits of what is looked at.
const maxTensors, maxName = 20_000, 250

// New drafts a map for tensors. It reads elements of the biases of one block, which tell in which order query, key and value are. Only ctx and reading
// can make it fail: the fields of the result say what is not known.
func New(ctx context.Context, tensors []tensor.Named, options Options) (*Draft, error) {
	d := &drafter{}
	if len(tensors) > maxTensors {
		d.note("only the first %d of %d tensors were looked at", maxTensors, len(tensors))
		tensors = tensors[:maxTensors]
	}
	var usable []tensor.Named
	for _, t := range tensors {
		if !namable(t.Name) {
			d.unknown = append(d.unknown, t.Name)
			continue
		}
		usable = append(usable, t)
	}
	d.items, d.blocks = group(usable)
	if err := tensor.Guard(d.assign); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	draft := d.write(options.File)
	scheme, err := naming.ParseMap("proposal.yaml", draft.Text)
	if err != nil {
		draft.Problem = err
		return draft, nil
	}
	err = tensor.Guard(func() error {
		read, err := naming.Read(ctx, tensors, naming.Options{Map: scheme, Hints: options.Hints, SkipIndex: true})
		if err == nil {
			draft.Config = &read.Config
		}
		return err
	})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	draft.Problem = err
	return draft, nil
}

// namable reports whether a row can have such a name.
func namable(name string) bool {
	odd := func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) || strings.ContainsRune("{}*", r) }
	return name != "" && len(name) <= maxName && name == strings.TrimSpace(name) && !strings.ContainsFunc(name, odd) && !strings.Contains(name, " + ")
}

// line is a row in the making.
type line struct {
	parameter string
	names     []string
	by        []string
	why       string
	// doubt says why the row may be wrong, others what else it may be; hint is a remark on a row that is right.
	doubt  string
	others []string
	hint   string
}

// drafter makes a draft.
type drafter struct {
	items  []*item
	blocks numbering

	// width is C, heads their number, 0 if not known. transposed says that matrices are.
	width, heads int
	transposed   bool
	// headOrder is an operation on the rows of attention weights, or "".
	headOrder   string
	orderKnown  bool
	lines       []line
	blockIndex  []string
	sharedIndex []string
	notes       []string
	unknown     []string
}

func (d *drafter) note(format string, args ...any) {
	d.notes = append(d.notes, fmt.Sprintf(format, args...))
}

func (d *drafter) add(l line) { d.lines = append(d.lines, l) }

// free returns the items that no row has yet, of blocks or not.
func (d *drafter) free(inBlock bool, which func(*item) bool) []*item {
	var all []*item
	for _, it := range d.items {
		if !it.taken && it.inBlock == inBlock && (which == nil || which(it)) {
			all = append(all, it)
		}
	}
	return all
}

// sibling returns the other parameter of a layer: its bias for a weight.
func (d *drafter) sibling(of *item, kind string) *item {
	for _, it := range d.items {
		if it != of && !it.taken && it.inBlock == of.inBlock && it.module == of.module && it.separator == of.separator && it.kind() == kind && of.module != "" {
			return it
		}
	}
	return nil
}

// pair adds the rows of a layer with a weight and a bias.
func (d *drafter) pair(parameter string, weight, bias *item, by []string, l line) {
	weight.taken = true
	if bias != nil {
		bias.taken = true
	}
	flat := d.flatten(bias)
	if bias != nil && len(by) == 0 && len(flat) == 0 && weight.pattern == weight.module+".weight" && bias.pattern == weight.module+".bias" {
		l.parameter, l.names = parameter+".*", []string{weight.module + ".*"}
		d.add(l)
		return
	}
	l.parameter, l.names, l.by = parameter+".weight", []string{weight.pattern}, by
	d.add(l)
	if bias == nil {
		d.note("there is no bias beside %s, and every BEiT has %s.bias", text.Quote(weight.pattern), parameter)
		return
	}
	d.add(line{parameter: parameter + ".bias", names: []string{bias.pattern}, by: flat})
}

// flatten is the operation that makes a vector of a bias with an axis for heads.
func (d *drafter) flatten(bias *item) []string {
	if bias != nil && len(bias.first.Shape) == 2 {
		return []string{fmt.Sprintf("merge first %d", bias.first.Shape[0])}
	}
	return nil
}

// isFloat reports whether a tensor can be a parameter.
func isFloat(it *item) bool { return it.first.DType.IsFloat() }

func elements(s tensor.Shape) int64 {
	n, err := s.Elements()
	if err != nil {
		return -1
	}
	return n
}

// vector reports whether a tensor is a vector of so many elements.
func vector(it *item, n int) bool {
	return isFloat(it) && len(it.first.Shape) == 1 && it.first.Shape[0] == n
}

// assign finds a row for each item, the clearest first.
func (d *drafter) assign() error {
	d.findWidth()
	d.integers()
	if d.width == 0 {
		d.note("no width is found that most vectors have: this does not look like a transformer")
		return nil
	}
	if d.blocks.depth == 0 {
		d.note("no number in the names counts blocks")
	}
	d.tables()
	d.patches()
	if err := d.attention(); err != nil {
		return err
	}
	d.blockNorms()
	d.scales()
	d.tokens()
	d.tail()
	for _, it := range d.items {
		if it.uneven && it.taken {
			d.note("the shape of %s differs between blocks", text.Quote(it.pattern))
		}
	}
	return nil
}

// findWidth takes the length that most vectors have.
func (d *drafter) findWidth() {
	count := map[int]int{}
	for _, it := range d.items {
		if isFloat(it) && len(it.first.Shape) == 1 && it.first.Shape[0] > 1 {
			count[it.first.Shape[0]]++
		}
	}
	for n, c := range count {
		if best := count[d.width]; c > best || c == best && n < d.width {
			d.width = n
		}
	}
}

// integers sorts out buffers.
func (d *drafter) integers() {
	for _, it := range d.items {
		if isFloat(it) {
			continue
		}
		it.taken = true
		if s := it.first.Shape; len(s) == 2 && s[0] == s[1] {
			if it.inBlock {
				d.blockIndex = append(d.blockIndex, it.pattern)
			} else {
				d.sharedIndex = append(d.sharedIndex, it.pattern)
			}
			continue
		}
		name := it.pattern
		if it.inBlock {
			at, end := strings.IndexByte(name, '{'), strings.IndexByte(name, '}')
			name = name[:at] + "*" + name[end+1:]
		}
		d.add(line{parameter: "nothing", names: []string{name}, why: "whole numbers, which no parameter has"})
	}
}

// squareRows reports whether a bias table of a square window has so many rows.
func squareRows(n int) bool {
	for side := 1; (2*side-1)*(2*side-1)+3 <= n; side++ {
		if (2*side-1)*(2*side-1)+3 == n {
			return true
		}
	}
	return false
}

// tables finds the relative position bias tables.
func (d *drafter) tables() {
	isTable := func(it *item) bool {
		s := it.first.Shape
		layer := it.kind() == "weight" && d.sibling(it, "bias") != nil || it.kind() == "bias" && d.sibling(it, "weight") != nil
		if !isFloat(it) || len(s) != 2 || layer {
			return false
		}
		rows, heads := max(s[0], s[1]), min(s[0], s[1])
		if heads < 1 || d.width%heads != 0 || (rows-3)%2 == 0 || rows < 4 {
			return false
		}
		return mentions(it.pattern, "table", "rel", "relative", "rpb", "rpe", "relpos", "bias", "position", "pos") || squareRows(rows) && heads < d.width
	}
	for _, inBlock := range []bool{true, false} {
		found := d.free(inBlock, isTable)
		if !inBlock {
			found = slices.DeleteFunc(found, func(it *item) bool { return it.first.Shape[1] == d.width }) // position embeddings
		}
		if len(found) != 1 {
			continue
		}
		it := found[0]
		it.taken = true
		s := it.first.Shape
		l := line{parameter: "blocks.{i}.attn.relative_position_bias_table", names: []string{it.pattern}}
		if !inBlock {
			l.parameter = "rel_pos_bias.relative_position_bias_table"
		}
		d.heads = s[1]
		if s[0] < s[1] {
			d.heads, l.by = s[0], []string{"transpose"}
			l.hint = "heads come first in the file"
		}
		if s[0] == s[1] {
			l.doubt, l.others = "square: the shape does not tell whether it is transposed", []string{"by: transpose"}
		}
		d.add(l)
	}
}

// patches finds the patch embedding.
func (d *drafter) patches() {
	kernels := d.free(false, func(it *item) bool {
		return isFloat(it) && len(it.first.Shape) == 4 && it.first.Shape[2] > 1 || len(it.first.Shape) == 4 && it.first.Shape[0] > 1
	})
	for _, it := range kernels {
		s := it.first.Shape
		switch {
		case s[0] == d.width && s[2] == s[3]:
			d.pair("patch_embed.proj", it, d.sibling(it, "bias"), nil, line{})
			return
		case s[3] == d.width && s[0] == s[1]:
			d.pair("patch_embed.proj", it, d.sibling(it, "bias"), []string{"turn kernel"}, line{hint: "axes are those of TensorFlow and JAX"})
			return
		}
	}
	rows := d.free(false, func(it *item) bool {
		s := it.first.Shape
		if !isFloat(it) || len(s) != 2 || d.sibling(it, "bias") == nil || !mentions(it.pattern, "patch", "patches", "embed", "embedding", "embeddings", "stem", "to") {
			return false
		}
		return s[0] == d.width && pixels(s[1]) || s[1] == d.width && pixels(s[0])
	})
	if len(rows) == 0 {
		d.note("no patch embedding is found: neither a kernel of patches, nor a matrix for patches as rows")
		return
	}
	it := rows[0]
	bias := d.sibling(it, "bias")
	var by []string
	l := line{doubt: "the patches are rows of a matrix, and the order of the pixels in a row is not known", others: []string{"patches hwc 3"}}
	if it.first.Shape[0] != d.width {
		by = append(by, "transpose")
	}
	if vectors := bias.first.Shape; len(vectors) == 1 && vectors[0] != d.width {
		l.doubt = "its bias is not of the model's width"
	}
	d.pair("patch_embed.proj", it, bias, append(by, "patches chw 3"), l)
}

// pixels reports whether a row of n numbers can be a square patch in three colours.
func pixels(n int) bool {
	for side := 2; 3*side*side <= n; side++ {
		if 3*side*side == n {
			return true
		}
	}
	return false
}

// stackOf returns what stands before the number in the name of a tensor of a block: layers of a head may be numbered, too.
func stackOf(it *item) string {
	before, _, _ := strings.Cut(it.pattern, "{i")
	return before
}

// mainStack returns the beginning of the names of most tensors in blocks.
func mainStack(items []*item) string {
	count, most := map[string]int{}, ""
	for _, it := range items {
		if stack := stackOf(it); it.inBlock {
			if count[stack]++; count[stack] > count[most] {
				most = stack
			}
		}
	}
	return most
}

// blockNorms finds the two norms of a block.
func (d *drafter) blockNorms() {
	norms := d.norms(true)
	if most := mainStack(d.items); len(norms) > 2 {
		norms = slices.DeleteFunc(norms, func(it *item) bool { return stackOf(it) != most })
	}
	switch len(norms) {
	case 0:
		d.note("no norms are found in the blocks: pairs of vectors, a weight and a bias")
	case 1:
		d.note("one norm is found in the blocks, and a BEiT has two: %s", text.Quote(norms[0].pattern))
	default:
		if len(norms) > 2 {
			d.note("%d norms are found in the blocks, and a BEiT has two", len(norms))
		}
		first, second, certain, why := inOrder(norms[0], norms[1])
		for i, it := range []*item{first, second} {
			l := line{}
			if !certain {
				l.doubt, l.others = why, []string{fmt.Sprintf("blocks.{i}.norm%d", 2-i)}
			}
			d.pair(fmt.Sprintf("blocks.{i}.norm%d", i+1), it, d.sibling(it, "bias"), nil, l)
		}
	}
}

// norms returns the weights of norms: vectors with a bias of the same length beside them.
func (d *drafter) norms(inBlock bool) []*item {
	return d.free(inBlock, func(it *item) bool {
		bias := d.sibling(it, "bias")
		return vector(it, d.width) && it.kind() == "weight" && bias != nil && vector(bias, d.width)
	})
}

// scales finds gamma_1 and gamma_2.
func (d *drafter) scales() {
	found := d.free(true, func(it *item) bool {
		return isFloat(it) && elements(it.first.Shape) == int64(d.width) && it.first.Shape[len(it.first.Shape)-1] == d.width
	})
	if len(found) == 0 {
		return
	}
	if len(found) != 2 {
		named := slices.DeleteFunc(slices.Clone(found), func(it *item) bool { return !mentions(it.pattern, "gamma", "lambda", "ls", "scale", "layerscale") })
		if len(named) != 2 {
			d.note("%s of the model's width in the blocks, and a BEiT has two beside norms and biases: %s", text.Count(len(found), "vector", "vectors"), text.List(patterns(found), 4, ""))
			return
		}
		found = named
	}
	first, second, certain, why := inOrder(found[0], found[1])
	for i, it := range []*item{first, second} {
		it.taken = true
		l := line{parameter: fmt.Sprintf("blocks.{i}.gamma_%d", i+1), names: []string{it.pattern}}
		if n := len(it.first.Shape) - 1; n > 0 {
			l.by = []string{fmt.Sprintf("remove axes %d", n)}
		}
		if !certain {
			l.doubt, l.others = why, []string{fmt.Sprintf("blocks.{i}.gamma_%d", 2-i)}
		}
		d.add(l)
	}
}

func patterns(items []*item) []string {
	var all []string
	for _, it := range items {
		all = append(all, it.pattern)
	}
	return all
}

// tokens finds what is put in front of the patches, and the position embeddings.
func (d *drafter) tokens() {
	positions := d.free(false, func(it *item) bool {
		s := it.first.Shape
		if !isFloat(it) || len(s) < 2 || len(s) > 3 || s[len(s)-1] != d.width || d.sibling(it, "bias") != nil {
			return false
		}
		return len(s) == 3 && s[0] == 1 && s[1] > 1 || len(s) == 2 && s[0] > 1 && mentions(it.pattern, "pos", "position", "positions", "positional", "posembed")
	})
	if len(positions) > 0 {
		it := positions[0]
		it.taken = true
		l := line{parameter: "pos_embed", names: []string{it.pattern}}
		if len(it.first.Shape) == 2 {
			l.by = []string{"add axes 1"}
		}
		if !mentions(it.pattern, "pos", "position", "positions", "positional", "posembed") {
			l.doubt = "by its shape alone"
		}
		d.add(l)
	}
	found := d.free(false, func(it *item) bool {
		s := it.first.Shape
		single := d.sibling(it, "bias") == nil && d.sibling(it, "weight") == nil
		return isFloat(it) && single && len(s) > 0 && len(s) <= 4 && s[len(s)-1] == d.width && elements(s) == int64(d.width)
	})
	add := func(parameter string, it *item, doubt string, others ...string) {
		it.taken = true
		l := line{parameter: parameter, names: []string{it.pattern}, doubt: doubt, others: others}
		switch axes := len(it.first.Shape); {
		case axes < 3:
			l.by = []string{fmt.Sprintf("add axes %d", 3-axes)}
		case axes > 3:
			l.by = []string{fmt.Sprintf("remove axes %d", axes-3)}
		}
		d.add(l)
	}
	isMask := func(it *item) bool { return mentions(it.pattern, "mask", "msk", "masked") }
	isClass := func(it *item) bool { return mentions(it.pattern, "cls", "class", "clstoken") && !isMask(it) }
	masks, rest := []*item{}, []*item{}
	for _, it := range found {
		if isMask(it) {
			masks = append(masks, it)
		} else {
			rest = append(rest, it)
		}
	}
	if len(masks) == 1 {
		add("mask_token", masks[0], "")
	}
	classes := slices.DeleteFunc(slices.Clone(rest), func(it *item) bool { return !isClass(it) })
	switch {
	case len(classes) == 1:
		add("cls_token", classes[0], "")
	case len(rest) == 1:
		doubt := ""
		if !mentions(rest[0].pattern, "token") {
			doubt = "it is the only vector of its kind, but its name does not say so"
		}
		add("cls_token", rest[0], doubt)
	case len(rest) == 2 && len(masks) == 0:
		add("cls_token", rest[0], "two vectors of the same shape; the first in the file is taken for the class token", "mask_token")
		add("mask_token", rest[1], "two vectors of the same shape; the second in the file is taken for the mask token", "cls_token")
	case len(rest) == 0:
		d.note("no class token is found: a tensor of %d numbers by itself", d.width)
	}
}

// eitherNorm is the doubt about a norm whose name is neither of the two.
const eitherNorm = "its name does not tell whether it stands behind the mean of the patches (fc_norm) or before the class token is taken (norm)"

// noToken is the doubt about the end of a model that only the name of its head shows to predict visual tokens.
const noToken = "only the name of the head says that it predicts visual tokens: no mask token is found"

// behind returns a matrix outside of the blocks that may stand behind a layer with so many outputs, or nil.
func (d *drafter) behind(outputs int, heads []*item) *item {
	found := d.free(false, func(it *item) bool {
		s := it.first.Shape
		return isFloat(it) && len(s) == 2 && it.kind() == "weight" && (s[0] == outputs || s[1] == outputs) && !slices.Contains(heads, it)
	})
	if len(found) == 0 {
		return nil
	}
	return found[0]
}

// tail finds the last norm and the head.
func (d *drafter) tail() {
	masked := slices.ContainsFunc(d.lines, func(l line) bool { return l.parameter == "mask_token" })
	heads := d.free(false, func(it *item) bool {
		s := it.first.Shape
		bias := d.sibling(it, "bias")
		if !isFloat(it) || len(s) != 2 || it.kind() != "weight" || bias == nil || len(bias.first.Shape) != 1 {
			return false
		}
		classes := bias.first.Shape[0]
		return s[0] == d.width && s[1] == classes || s[1] == d.width && s[0] == classes
	})
	headName, token := "head", masked
	if len(heads) > 0 {
		it := heads[len(heads)-1]
		if mentions(it.pattern, "lm", "mim", "mlm") || masked && !mentions(it.pattern, "classifier", "cls", "logits") {
			headName, masked = "lm_head", true
		}
		if len(heads) > 1 {
			d.note("several linear layers stand outside of the blocks; the last one is taken for the head: %s", text.List(patterns(heads), 4, ""))
		}
		bias := d.sibling(it, "bias")
		by, l := d.layout(it, bias)
		if after := d.behind(bias.first.Shape[0], heads); after != nil {
			l.doubt, l.others = fmt.Sprintf("%s takes as many numbers as it gives: the head may have more than one layer, and that of a BEiT has one", text.Quote(after.pattern)), nil
		}
		if masked && !token {
			l.doubt, l.others = noToken, []string{"head"}
		}
		d.pair(headName, it, bias, by, l)
	}
	norms := d.norms(false)
	if len(norms) > 1 {
		d.note("%d norms stand outside of the blocks, and a BEiT has one: %s", len(norms), text.List(patterns(norms), 4, ""))
	}
	if len(norms) == 0 {
		d.note("no norm is found behind the blocks: the result is features, without a head")
		return
	}
	it := norms[len(norms)-1]
	parameter, l := "fc_norm", line{}
	switch {
	case masked && !token:
		parameter, l.doubt, l.others = "norm", noToken, []string{"fc_norm"}
	case masked:
		parameter = "norm"
	case mentions(it.pattern, "fc") && mentions(it.pattern, "norm", "ln"), mentions(it.pattern, "pool", "pooler", "pooled"):
	case len(heads) == 0:
		parameter, l.doubt, l.others = "norm", eitherNorm, []string{"fc_norm"}
	default:
		l.doubt, l.others = eitherNorm, []string{"norm"}
	}
	d.pair(parameter, it, d.sibling(it, "bias"), nil, l)
}
