package naming

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/tensor"
)

// reading is an interpretation of the tensors by one scheme. It is built in this order: match sorts the tensors by the table, infer finds the
// architecture, judge says how well it fits. Afterwards check or explainUnknown say what is wrong with it.
type reading struct {
	*table
	// names are those of the file, and inner and outer the prefixes of the model in them: names of its parameters begin with inner, which is outer and then
	// the scheme's own prefix if they have that. models are all complete models in the file, this one first, if there are several.
	names        *wrapping
	inner, outer string
	models       []place

	// params are the canonical parameters that were found.
	params map[string]param
	// indices are the relative position indices, dropped the tensors that are known not to matter.
	indices []tensor.Named
	dropped []Dropped
	// unexpected are the names of tensors that mean nothing in the scheme, or the same as another one. beside are the indices of tensors outside the model,
	// and doubtful those of them that may be a part of it all the same.
	unexpected       []string
	beside, doubtful []int
	// missing are parts of parameters of which other parts are there.
	missing []Missing
	// shapes are tensors that the row's operation can't work on.
	shapes []IllShaped
	// sums are the bias tables that were made of two, and said are sentences for people.
	sums []transform.Sum
	said []string
	// maskToken is the mask token that was left out; it has no name if there is none.
	maskToken tensor.Named
	// zeroed are the parameters that no tensor of the file has, and that are zero.
	zeroed []string
	// norms are the names of tensors that are a last norm as others already are.
	norms []string
	// failed are the operations of a map that can't be done, and blocksOf is what the method blocks returns, once it is known.
	failed   []failure
	blocksOf map[string]map[int]bool
	// headsErr says that the map states another number of heads than what was found.
	headsErr error
	// refused is the first error of an operation about the content of a tensor.
	refused error
	// dropKeys means that a key bias that is not zero is left out; keyBias are the tensors where it was, and keyErr is the error that it would have been if it
	// was part of one for query, key and value.
	dropKeys bool
	keyBias  []string
	keyErr   error

	// inferred is the architecture by the shapes, config the one that counts.
	inferred  arch.Inference
	config    arch.Config
	configErr error
	// score orders the readings of different schemes: higher fits better.
	score int
}

// param is a canonical parameter, the names of the tensors that it was made of, and the row that made it.
type param struct {
	view tensor.View
	from []string
	row  row
}

// read makes the reading of one scheme, of the first of the places at which it finds a model.
func (t *table) read(ctx context.Context, tensors []tensor.Named, names *wrapping, places []place, options Options) *reading {
	r := &reading{table: t, names: names, params: map[string]param{}, inner: places[0].prefix, dropKeys: options.KeyBias}
	if len(places) > 1 {
		r.models = places
	}
	r.outer = r.inner
	if t.prefix != "" && strings.HasSuffix("."+r.inner, "."+t.prefix) {
		r.outer = strings.TrimSuffix(r.inner, t.prefix)
	}
	r.match(ctx, tensors)
	r.foldTables()
	r.dropPosition(options.Arch)
	r.infer(r.hints(options))
	r.excuseMaskToken()
	useGiven := func() {
		if given := options.Arch; given != nil {
			r.config, r.configErr = *given, given.Validate()
			if given.Segments() { // which nothing but the tensors tells
				_, r.config.Segmentation.Counters = r.params["fpn1.1."+counterName]
			}
			if options.Bare {
				r.endAsFound()
			}
		}
	}
	if r.configErr != nil {
		useGiven()
	}
	r.refuseKeys()
	r.sortBeside(tensors)
	r.zeroBiases()
	r.judge(len(tensors)) // by the inferred architecture, if there is one: the score is about the scheme, not about the architecture that was asked for
	useGiven()
	r.excuseMaskToken()
	r.zeroBiases()
	headsFrom := r.inferred.HeadsFrom
	if headsFrom == arch.FromShapes {
		headsFrom = "the bias tables"
	}
	if options.Arch != nil {
		headsFrom = cmp.Or(options.ArchFrom, "the architecture")
	}
	if r.configErr == nil {
		r.headsErr = r.headsConflict(r.config.Heads, headsFrom)
	}
	return r
}

// spot is a row of the table for a block.
type spot struct{ row, block int }

// match sorts the tensors by the table, and makes the parameters. Tensors of the model come first, so that none beside it takes the place of one.
func (r *reading) match(ctx context.Context, tensors []tensor.Named) {
	parts := map[spot][]int{} // indices into tensors, plus one, by the part of the row
	var order []spot
	take := func(i int, at rowPart, block int) bool {
		here := spot{at.row, block}
		if parts[here] == nil {
			parts[here] = make([]int, len(r.rows[at.row].foreign))
			order = append(order, here)
		}
		if parts[here][at.part] != 0 {
			return false
		}
		parts[here][at.part] = i + 1
		return true
	}
	var outside []int
	for i, named := range tensors {
		if i&0xff == 0 && ctx.Err() != nil {
			return // the caller looks
		}
		name, inside, under := r.withoutPrefix(r.names.names[i])
		at, block, index, known := r.find(name)
		if !known && r.file != "" { // a map may have been made from the whole names
			at, block, index, known = r.find(named.Name)
		}
		why, ignored := matchesAny(r.ignored, name, named.Name)
		switch {
		case index && under:
			r.indices = append(r.indices, named)
		case known && under:
			if !take(i, at, block) {
				r.repeated(r.rows[at.row].canonical[0], named.Name)
			}
		case ignored:
			r.drop(named.Name, named.View, why)
		case !inside:
			outside = append(outside, i)
		default:
			if why := harmless(name, named.Shape); why != "" {
				r.leaveOut(named, why)
			} else {
				r.unexpected = append(r.unexpected, named.Name)
			}
		}
	}
	for _, i := range outside {
		if at, head := r.headBeside(r.names.names[i]); !head || !take(i, at, -1) {
			r.beside = append(r.beside, i)
		}
	}
	for _, here := range order {
		r.assemble(r.rows[here.row], here.block, parts[here], tensors)
	}
}

// withoutPrefix returns what the scheme calls a name of the file, whether it is one of the model's, which begin with inner, and whether it is one of those or
// begins with outer: where the scheme has a prefix of its own, it has names without it.
func (r *reading) withoutPrefix(name string) (rest string, inside, under bool) {
	if rest, inside = strings.CutPrefix(name, r.inner); inside {
		return rest, true, true
	}
	rest, under = strings.CutPrefix(name, r.outer)
	return rest, false, under
}

// headBeside returns the place of a head that stands in front of the model's prefix, such as head.weight beside encoder.blocks.0.norm1.weight.
func (r *reading) headBeside(name string) (at rowPart, is bool) {
	for prefix := r.outer; prefix != ""; {
		prefix = prefix[:strings.LastIndexByte(prefix[:len(prefix)-1], '.')+1]
		key, under := strings.CutPrefix(name, prefix)
		if at, known := r.parts[key]; under && known && len(r.rows[at.row].canonical) == 1 && isHead(r.rows[at.row].canonical[0]) {
			return at, true
		}
	}
	return rowPart{}, false
}

// isHead reports whether a canonical parameter is one of a linear layer behind the model.
func isHead(canonical string) bool {
	return strings.HasPrefix(canonical, "head.") || strings.HasPrefix(canonical, "lm_head.")
}

// assemble applies a row's operation to its parts.
func (r *reading) assemble(by row, block int, parts []int, tensors []tensor.Named) {
	var views []tensor.View
	var from []string
	for part, index := range parts {
		if index == 0 {
			r.missing = append(r.missing, Missing{Name: r.inFile(fill(by.foreign[part], block)), Canonical: fill(by.canonical[0], block)})
			continue
		}
		views, from = append(views, tensors[index-1].View), append(from, tensors[index-1].Name)
	}
	if len(views) < len(parts) {
		return
	}
	made, err := by.operation.Apply(r.widen(views, from)...)
	if errors.Is(err, transform.ErrNotZero) && r.dropKeys {
		made, err = r.withoutKeys(by.operation, views, from, err)
	}
	switch {
	case isAboutShape(err):
		r.failed = append(r.failed, failure{by, from[0], err})
		for i, v := range views {
			r.shapes = append(r.shapes, IllShaped{Name: from[i], Got: v.Shape})
		}
	case err != nil && r.refused == nil:
		r.refused = &TensorError{Name: from[0], Err: err}
	case err == nil && len(made) == 0:
		reason := "all zero, as the keys of a BEiT have no bias"
		if slices.Contains(r.keyBias, from[0]) {
			reason = "a key bias, which softmax does not see"
		}
		r.drop(from[0], views[0], reason)
	}
	for i, view := range made {
		name := fill(by.canonical[i], block)
		if _, twice := r.params[name]; twice {
			r.repeated(name, from...)
			continue
		}
		r.params[name] = param{view: view, from: from, row: by}
	}
}

// withoutKeys applies an operation that refused a key bias, without that bias.
func (r *reading) withoutKeys(by transform.Operation, views []tensor.View, from []string, refused error) ([]tensor.View, error) {
	anyway, can := by.Anyway()
	if !can {
		return nil, refused
	}
	r.keyBias = append(r.keyBias, from[0])
	made, err := anyway.Apply(r.widen(views, from)...)
	if r.keyErr == nil && len(made) > 0 {
		r.keyErr = &TensorError{Name: from[0], Err: refused}
	}
	return made, err
}

// refuseKeys refuses a bias for query, key and value in a model that nothing else tells from a plain vision transformer.
func (r *reading) refuseKeys() {
	if c := r.config; r.keyErr != nil && r.refused == nil && c.Bias == arch.NoBias && !c.LayerScale && !c.MaskToken {
		r.refused = r.keyErr
	}
}

func (r *reading) drop(name string, view tensor.View, reason string) {
	size, _ := view.Size()
	r.dropped = append(r.dropped, Dropped{Name: name, Reason: reason, Bytes: size})
}

// hints are what is known of the architecture.
func (r *reading) hints(options Options) arch.Hints {
	hints := options.Hints
	if options.Within == nil {
		return hints
	}
	patch := 0
	if weight, ok := r.params["patch_embed.proj.weight"]; ok && len(weight.view.Shape) == 4 {
		patch = weight.view.Shape[2]
	}
	if weight, ok := r.params["encoder.patch_embed.proj.weight"]; ok && len(weight.view.Shape) == 4 {
		patch = weight.view.Shape[2]
	}
	stated := options.Within.Hints(r.nameOf, patch)
	if hints.Heads == 0 {
		hints.Heads, hints.HeadsFrom = stated.Heads, stated.HeadsFrom
	}
	if hints.Window == (arch.Window{}) {
		hints.Window, hints.WindowFrom = stated.Window, stated.WindowFrom
	}
	if hints.Taps == nil {
		hints.Taps, hints.TapsFrom = stated.Taps, stated.TapsFrom
	}
	return hints
}

// nameOf returns the name in the file of the first tensor of a parameter, or "". For VQ-KD it is that of the encoder's.
func (r *reading) nameOf(canonical string) string {
	if r.family == vqkdFamily {
		canonical = "encoder." + canonical
	}
	if from := r.params[canonical].from; len(from) > 0 {
		return from[0]
	}
	return ""
}

// infer finds the architecture by the shapes, and by an index where these leave the window open.
func (r *reading) infer(hints arch.Hints) {
	shapes := make(map[string]tensor.Shape, len(r.params)+1)
	for name, p := range r.params {
		shapes[name] = p.view.Shape
	}
	if len(r.indices) > 0 {
		shapes[fill(blockIndex, 0)] = r.indices[0].Shape
		if window, found := windowOf(r.indices[0], arch.Windows(shapes)); found && hints.Window == (arch.Window{}) {
			hints.Window, hints.WindowFrom = window, arch.FromIndex
		}
	}
	r.inferred, r.configErr = arch.Infer(shapes, hints)
	open := (*arch.InferenceError)(nil)
	unknown := errors.As(r.configErr, &open) && open.Property == arch.PropertyHeads
	if r.heads != 0 && (unknown || r.inferred.HeadsFrom == arch.Assumed || r.inferred.HeadsFrom == arch.FromKnown) {
		hints.Heads, hints.HeadsFrom = r.heads, arch.Source(card.Map)
		r.inferred, r.configErr = arch.Infer(shapes, hints)
	}
	r.config = r.inferred.Config
}

// judge sets the score: readings that fit an architecture exactly come first, then those that explain most of the tensors.
func (r *reading) judge(total int) {
	r.score = 2 * r.recognised(total)
	for name, p := range r.params {
		// A fused weight that does not have three times as many rows as columns is stored the other way round.
		if shape := p.view.Shape; strings.HasSuffix(name, ".attn.qkv.weight") && (len(shape) != 2 || shape[0] != 3*shape[1]) {
			r.score--
		}
	}
	if r.configErr != nil {
		r.score -= total
		return
	}
	if mismatch := r.mismatch(); mismatch != nil {
		r.score -= len(mismatch.Missing) + len(mismatch.Shapes)
	} else if len(r.doubtful) == 0 {
		r.score = exactScore(total) - len(r.beside)
	}
}

// exactScore is that of a reading of so many tensors that leaves nothing open.
func exactScore(total int) int { return 4 * (total + 1) }

// exact reports whether the tensors are the parameters of an architecture, and nothing else but what stands beside a model.
func (r *reading) exact(total int) bool { return r.score == exactScore(total)-len(r.beside) }

// recognised is the number of tensors that the scheme knows.
func (r *reading) recognised(total int) int { return total - len(r.unexpected) - len(r.beside) }

// signature is equal for two readings that make the same parameters of the same tensors in the same way.
func (r *reading) signature() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(r.params)) {
		p := r.params[name]
		b.WriteString(name + "\x00" + strings.Join(p.from, "\x00") + "\x00" + p.row.operation.Name + "\n")
	}
	return b.String()
}

// matchesAny returns the first reason whose pattern one of the names matches.
func matchesAny(reasons []reason, names ...string) (why string, found bool) {
	for _, r := range reasons {
		for _, name := range names {
			if MatchesGlob(r.prefix, name) {
				return r.why, true
			}
		}
	}
	return "", false
}

// inFile returns the name that a parameter of the scheme has, or should have, in the file.
func (r *reading) inFile(name string) string {
	if r.inner == r.outer {
		name = strings.TrimPrefix(name, r.prefix)
	}
	return r.outer + name
}
