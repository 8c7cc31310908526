package proposal

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// linear is a layer in the blocks.
type linear struct {
	weight, bias *item
	// rows and cols are the shape without an axis for heads; by is the operation that takes such an axis away.
	rows, cols int
	by         []string
}

// linears returns the layers in the blocks that are left.
func (d *drafter) linears() []linear {
	var all []linear
	for _, it := range d.free(true, func(it *item) bool { return isFloat(it) && (len(it.first.Shape) == 2 || len(it.first.Shape) == 3) }) {
		if it.kind() == "bias" {
			continue
		}
		l := linear{weight: it, bias: d.sibling(it, "bias")}
		switch s := it.first.Shape; {
		case len(s) == 2:
			l.rows, l.cols = s[0], s[1]
		case s[0] == d.width: // heads as the second axis
			l.rows, l.cols, l.by = s[0], s[1]*s[2], []string{fmt.Sprintf("merge last %d", s[1])}
		default:
			l.rows, l.cols, l.by = s[0]*s[1], s[2], []string{fmt.Sprintf("merge first %d", s[0])}
		}
		all = append(all, l)
	}
	return all
}

func (l linear) is(a, b int) bool { return l.rows == a && l.cols == b || l.rows == b && l.cols == a }

// layout says whether the weight of a linear layer is transposed: by the length of its bias, or as most of the file is.
func (d *drafter) layout(weight, bias *item) (by []string, l line) {
	s := weight.first.Shape
	if len(s) != 2 {
		return nil, l
	}
	if s[0] == s[1] {
		l.doubt, l.others = d.squareDoubt()
		return nil, l
	}
	if bias == nil || len(bias.first.Shape) != 1 {
		return nil, l
	}
	if transposed := s[1] == bias.first.Shape[0]; transposed != d.transposed {
		if transposed {
			return []string{"transpose"}, line{hint: "transposed, as its bias shows, unlike others"}
		}
		return []string{"keep"}, line{hint: "not transposed, as its bias shows, unlike others"}
	}
	return nil, l
}

// squareDoubt is that about the layout of a square matrix.
func (d *drafter) squareDoubt() (why string, others []string) {
	if d.transposed {
		return "square: the shape does not tell whether it is transposed; taken to be, like the others", []string{"by: keep"}
	}
	return "square: the shape does not tell whether it is transposed; taken not to be, like the others", []string{"by: transpose"}
}

// attention finds the linear layers of the blocks.
func (d *drafter) attention() error {
	layers := d.linears()
	var wide, square, joined []linear
	for _, l := range layers {
		switch {
		case l.is(d.width, d.width):
			square = append(square, l)
		case l.is(d.width, 3*d.width):
			joined = append(joined, l)
		case l.rows == d.width || l.cols == d.width:
			wide = append(wide, l)
		}
	}
	// With an MLP three times as wide as the model, its layers look like query, key and value in one.
	if len(wide) < 2 && len(joined) > 1 {
		isQKV := func(l linear) bool { return mentions(l.weight.pattern, "qkv", "attn", "attention", "query") }
		wide = append(wide, slices.DeleteFunc(slices.Clone(joined), isQKV)...)
		joined = slices.DeleteFunc(joined, func(l linear) bool { return !isQKV(l) })
	}
	d.vote(slices.Concat(wide, joined))
	if len(joined) > 1 {
		d.note("several matrices have the shape of query, key and value in one: the first is taken")
	}
	var err error
	switch {
	case len(joined) > 0:
		err = d.fused(joined[0])
	default:
		square, err = d.separate(square)
	}
	if err != nil {
		return err
	}
	if len(square) == 1 {
		d.projection(square[0])
	} else if len(square) != 0 || len(joined) > 0 {
		d.note("%s as wide as high are left in the blocks, and a BEiT has one, the projection behind the attention", text.Count(len(square), "matrix", "matrices"))
	}
	d.mlp(wide)
	return nil
}

// vote decides whether the matrices of the file are transposed, by those whose shape and bias tell.
func (d *drafter) vote(layers []linear) {
	torch, other := 0, 0
	for _, l := range layers {
		out := 0
		if l.bias != nil {
			out = int(elements(l.bias.first.Shape))
		} else if l.is(d.width, 3*d.width) {
			out = 3 * d.width
		}
		switch out {
		case l.rows:
			torch++
		case l.cols:
			other++
		}
	}
	d.transposed = other > torch
}

// projection adds the layer behind the attention.
func (d *drafter) projection(l linear) {
	row := line{}
	row.doubt, row.others = d.squareDoubt()
	by := l.by
	if len(by) > 0 && d.transposed {
		by = append(slices.Clone(by), "transpose")
	}
	d.pair("blocks.{i}.attn.proj", l.weight, l.bias, by, row)
}

// mlp adds the two layers of the MLP.
func (d *drafter) mlp(wide []linear) {
	if len(wide) != 2 {
		d.note("%s of the MLP found in the blocks, and a BEiT has two", text.Count(len(wide), "layer is", "layers are"))
		if len(wide) < 2 {
			return
		}
	}
	first, second := wide[0], wide[1]
	out := func(l linear) int {
		if l.bias != nil {
			return int(elements(l.bias.first.Shape))
		}
		if d.transposed {
			return l.cols
		}
		return l.rows
	}
	if out(first) == d.width {
		first, second = second, first
	}
	doubt := ""
	if len(wide) > 2 {
		doubt = fmt.Sprintf("%d layers of the blocks may be of the MLP, and it has two", len(wide))
	}
	if out(first) == out(second) || first.bias == nil && second.bias == nil {
		before, _, certain, why := inOrder(first.weight, second.weight)
		if before != first.weight {
			first, second = second, first
		}
		if !certain {
			doubt = why
		}
	}
	for i, l := range []linear{first, second} {
		by, row := d.layout(l.weight, l.bias)
		row.doubt = doubt
		d.pair(fmt.Sprintf("blocks.{i}.mlp.fc%d", i+1), l.weight, l.bias, by, row)
	}
}

// fused adds query, key and value in one matrix.
func (d *drafter) fused(l linear) error {
	bias := l.bias
	if bias == nil { // or a bias with a name of its own
		alone := func(it *item) bool {
			return vector(it, 3*d.width) && d.sibling(it, "weight") == nil && (it.kind() != "weight" || mentions(it.pattern, "bias"))
		}
		if found := d.free(true, alone); len(found) == 1 {
			bias = found[0]
		}
	}
	if bias != nil && elements(bias.first.Shape) == int64(3*d.width) {
		if err := d.zeroKeys(bias); err != nil {
			return err
		}
	}
	l.weight.taken = true
	row := line{parameter: "blocks.{i}.attn.qkv.weight", names: []string{l.weight.pattern}}
	isTransposed := l.rows == d.width
	switch {
	case isTransposed && (d.headOrder != "" || !d.transposed):
		row.by = []string{"transpose"}
	case !isTransposed && d.transposed:
		row.by, row.hint = []string{"keep"}, "not transposed, as its shape shows, unlike others"
	}
	if d.headOrder != "" {
		row.by = append(row.by, d.headOrder)
	}
	if !d.orderKnown {
		row.doubt, row.others = "nothing tells the order of query, key and value in it; taken one after another", []string{fmt.Sprintf("by: heads hqd %d", max(1, d.heads))}
	}
	d.add(row)
	if bias != nil {
		bias.taken = true
		b := line{parameter: "blocks.{i}.attn.q_bias + blocks.{i}.attn.v_bias", names: []string{bias.pattern}, by: []string{"drop key bias"}}
		if d.headOrder != "" {
			b.by = []string{d.headOrder, "drop key bias"}
		}
		d.add(b)
		return nil
	}
	return d.singleBiases()
}

// zeroKeys looks for the zeros of the keys in a bias for query, key and value, which tell their order.
func (d *drafter) zeroKeys(bias *item) error {
	if bias.first.Data == nil {
		return nil
	}
	values, err := tensor.Float64s(bias.first)
	if err != nil {
		return err
	}
	zeros := func(isKey func(i int) bool) (fits, clear bool) {
		fits = true
		for i, v := range values {
			if isKey(i) {
				fits = fits && v == 0
			} else {
				clear = clear || v != 0
			}
		}
		return fits, clear
	}
	type order struct {
		by    string
		isKey func(i int) bool
	}
	orders := []order{{"", func(i int) bool { return i/d.width == 1 }}}
	if d.heads > 0 && d.width%d.heads == 0 {
		each := d.width / d.heads
		orders = append(orders,
			order{fmt.Sprintf("heads hqd %d", d.heads), func(i int) bool { return i/each%3 == 1 }},
			order{fmt.Sprintf("heads hdq %d", d.heads), func(i int) bool { return i%3 == 1 }})
	}
	for _, o := range orders {
		if fits, clear := zeros(o.isKey); fits {
			if d.orderKnown = clear; clear {
				d.headOrder = o.by
			}
			return nil
		}
	}
	for third, what := range []string{0: "first", 2: "last"} {
		if fits, _ := zeros(func(i int) bool { return i/d.width == third }); fits && what != "" {
			d.note("the %s third of %s is zero, not the middle one: query, key and value stand in an order that a map can't say, or this is not a BEiT", what, text.Quote(bias.pattern))
			return nil
		}
	}
	d.note("no third of %s is zero: the keys have a bias, so this is not a BEiT, but another model such as a plain vision transformer", text.Quote(bias.pattern))
	return nil
}

// isPart reports whether a name is that of query, key or value: part is its letter.
func isPart(name, part string) bool {
	long := map[string]string{"q": "query", "k": "key", "v": "value"}[part]
	return mentions(name, part, long, "w"+part, long+"s", "fc"+part, "lin"+part)
}

// singleBiases adds biases of query and value that stand by themselves, and a bias of the keys that is zero.
func (d *drafter) singleBiases() error {
	found := d.free(true, func(it *item) bool {
		return isFloat(it) && elements(it.first.Shape) == int64(d.width) && d.sibling(it, "weight") == nil
	})
	part := map[string]*item{}
	for _, letter := range []string{"q", "k", "v"} {
		for _, it := range found {
			if isPart(it.pattern, letter) && part[letter] == nil {
				part[letter] = it
			}
		}
	}
	for _, letter := range []string{"q", "v"} {
		if it := part[letter]; it != nil {
			it.taken = true
			d.add(line{parameter: "blocks.{i}.attn." + letter + "_bias", names: []string{it.pattern}, by: d.flatten(it)})
		} else {
			d.note("no bias of the %s is found, and every BEiT has one", map[string]string{"q": "query", "v": "value"}[letter])
		}
	}
	if it := part["k"]; it != nil {
		return d.keyBias(it)
	}
	return nil
}

// keyBias adds a row for a bias of the keys that is zero.
func (d *drafter) keyBias(it *item) error {
	it.taken = true
	l := line{parameter: "nothing", names: []string{it.pattern}, by: []string{"drop zeros"}}
	zero, err := d.isZero(it)
	if err != nil {
		return err
	}
	if !zero {
		d.note("%s is not zero: the keys have a bias, so this is not a BEiT, but another model such as a plain vision transformer", text.Quote(it.pattern))
	}
	d.add(l)
	return nil
}

func (d *drafter) isZero(it *item) (bool, error) {
	if it.first.Data == nil {
		return true, nil
	}
	values, err := tensor.Float64s(it.first)
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(values, func(v float64) bool { return v != 0 }), nil
}

// separate adds query, key and value in matrices of their own, and returns the square matrices that are left.
func (d *drafter) separate(square []linear) ([]linear, error) {
	if len(square) < 4 {
		d.note("neither one matrix for query, key and value is found in the blocks, nor four that are square")
		return square, nil
	}
	var parts [3]*linear
	certain := true
	for i, letter := range []string{"q", "k", "v"} {
		for at := range square {
			if isPart(square[at].weight.pattern, letter) && parts[i] == nil && !slices.Contains(parts[:], &square[at]) {
				parts[i] = &square[at]
			}
		}
	}
	if parts[0] == nil || parts[1] == nil || parts[2] == nil {
		certain = false
		var rest []*linear
		for at := range square {
			if !mentions(square[at].weight.pattern, "proj", "out", "output", "projection", "dense", "o") || len(square) == 4 && at < 3 {
				rest = append(rest, &square[at])
			}
		}
		if len(rest) < 3 {
			d.note("nothing tells which matrices of the blocks are query, key and value: %s", text.List(linearNames(square), 5, ""))
			return square, nil
		}
		parts = [3]*linear{rest[0], rest[1], rest[2]}
	}
	row := line{parameter: "blocks.{i}.attn.qkv.weight"}
	row.doubt, row.others = d.squareDoubt()
	if !certain {
		row.doubt = "the names don't tell which of them is query, key and value: taken in the order of the file; and " + row.doubt
	}
	for _, p := range parts {
		row.names = append(row.names, p.weight.pattern)
		p.weight.taken = true
	}
	if row.by = slices.Clone(parts[0].by); len(row.by) > 0 && d.transposed {
		row.by = append(row.by, "transpose")
	}
	row.by = append(row.by, "join")
	d.add(row)
	left := slices.DeleteFunc(slices.Clone(square), func(l linear) bool { return l.weight.taken })
	q, k, v := parts[0].bias, parts[1].bias, parts[2].bias
	for i, it := range []*item{q, k, v} {
		if it == nil {
			continue
		}
		if name := []string{"q", "", "v"}[i]; name != "" && k == nil {
			it.taken = true
			d.add(line{parameter: "blocks.{i}.attn." + name + "_bias", names: []string{it.pattern}, by: d.flatten(it)})
		}
	}
	if k == nil && q != nil && v != nil {
		return left, nil
	}
	if q != nil && k != nil && v != nil {
		zero, err := d.isZero(k)
		if err != nil {
			return nil, err
		}
		if !zero {
			d.note("%s is not zero: the keys have a bias, so this is not a BEiT, but another model such as a plain vision transformer", text.Quote(k.pattern))
		}
		q.taken, k.taken, v.taken = true, true, true
		d.add(line{
			parameter: "blocks.{i}.attn.q_bias + blocks.{i}.attn.v_bias", names: []string{q.pattern, k.pattern, v.pattern}, by: append(d.flatten(q), "join", "drop key bias"),
		})
		return left, nil
	}
	return left, d.singleBiases()
}

func linearNames(layers []linear) []string {
	var all []string
	for _, l := range layers {
		all = append(all, l.weight.pattern)
	}
	return all
}

// cleaned is text that may stand in a comment.
func cleaned(s string) string {
	printable := func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}
	return strings.Map(printable, text.Shorten(strings.Join(strings.Fields(s), " "), 300))
}
