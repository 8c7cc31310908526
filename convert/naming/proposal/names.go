package proposal

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/beitzoo/beitzoo/tensor"
)

// item is a tensor, or the tensors of all blocks with the same name but for the number.
type item struct {
	// pattern is the name, with a placeholder for the block if there is one.
	pattern string
	inBlock bool
	// first is the tensor of the first block.
	first tensor.View
	// order is where the tensor stands in the file.
	order int
	// module is the name without its last part, leaf that part: "weight", "bias", or what else it is; separator stands between them.
	module, separator, leaf string
	// uneven says that the blocks differ in shape.
	uneven bool
	taken  bool
}

var digitRun = regexp.MustCompile(`[0-9]+`)

// numbering is how the blocks of a file are numbered.
type numbering struct{ base, depth int }

// group makes items of tensors: it finds which number in the names is that of the block.
func group(tensors []tensor.Named) ([]*item, numbering) {
	n := &numbers{at: map[spot]map[int]bool{}, under: map[string]int{}}
	for _, t := range tensors {
		n.see(t.Name)
	}
	n.chooseBlocks()
	var items []*item
	byPattern := map[string]*item{}
	for i, t := range tensors {
		pattern, number := n.pattern(t.Name)
		before := byPattern[pattern]
		if before == nil {
			before = &item{pattern: pattern, inBlock: number >= 0, first: t.View, order: i}
			byPattern[pattern] = before
			items = append(items, before)
		}
		before.uneven = before.uneven || !before.first.Shape.Equal(t.Shape)
	}
	for _, it := range items {
		it.pattern = strings.Replace(it.pattern, numberMark, n.placeholder(), 1)
		it.split()
	}
	return items, n.blocks
}

// numberMark stands for the number of the block in a pattern that is not finished.
const numberMark = "\x00"

// spot is what stands around a number in a name.
type spot struct{ before, after string }

// numbers are those in the names of a file.
type numbers struct {
	// at are the numbers at each spot, and under is how many names begin with what is before a number.
	at    map[spot]map[int]bool
	under map[string]int
	// whole are the spots whose numbers have no gaps.
	whole  map[spot]numbering
	blocks numbering
	// padded is the width of numbers that begin with zeros.
	padded int
}

// runs returns where numbers are in a name.
func runs(name string) [][]int {
	const digits = 6
	all := digitRun.FindAllStringIndex(name, maxRuns)
	return slices.DeleteFunc(all, func(r []int) bool { return r[1]-r[0] > digits })
}

func (n *numbers) see(name string) {
	for _, run := range runs(name) {
		k := spot{name[:run[0]], name[run[1]:]}
		if n.at[k] == nil {
			n.at[k] = map[int]bool{}
		}
		number, _ := strconv.Atoi(name[run[0]:run[1]])
		n.at[k][number] = true
		n.under[k.before]++
	}
}

// chooseBlocks takes the numbering that most names have for that of the blocks.
func (n *numbers) chooseBlocks() {
	n.whole = map[spot]numbering{}
	weight := map[numbering]int{}
	for k, set := range n.at {
		if found, ok := consecutive(set); ok {
			n.whole[k] = found
			weight[found] += found.depth
		}
	}
	for found, count := range weight {
		best := weight[n.blocks]
		if count > best || count == best && (found.base < n.blocks.base || found.base == n.blocks.base && found.depth > n.blocks.depth) {
			n.blocks = found
		}
	}
}

// consecutive returns how numbers follow each other, from 0 or 1 without a gap.
func consecutive(set map[int]bool) (numbering, bool) {
	base := slices.Min(slices.Collect(maps.Keys(set)))
	for i := range len(set) {
		if !set[base+i] {
			return numbering{}, false
		}
	}
	return numbering{base, len(set)}, base <= 1
}

// pattern returns a name with numberMark in place of the number of its block, and that number, or -1.
func (n *numbers) pattern(name string) (string, int) {
	var chosen []int
	for _, run := range runs(name) {
		if n.blocks.depth == 0 || n.whole[spot{name[:run[0]], name[run[1]:]}] != n.blocks {
			continue
		}
		if chosen == nil || n.under[name[:run[0]]] > n.under[name[:chosen[0]]] {
			chosen = run
		}
	}
	if chosen == nil {
		return name, -1
	}
	digits := name[chosen[0]:chosen[1]]
	if digits[0] == '0' && len(digits) > 1 {
		n.padded = max(n.padded, len(digits))
	}
	number, _ := strconv.Atoi(digits)
	return name[:chosen[0]] + numberMark + name[chosen[1]:], number
}

// placeholder returns what stands for the number of a block in a map.
func (n *numbers) placeholder() string {
	mark := "{i"
	if n.blocks.base == 1 {
		mark += "+1"
	}
	if n.padded > 1 {
		mark += ":0" + strconv.Itoa(n.padded)
	}
	return mark + "}"
}

// maxRuns is how many numbers of a name are looked at.
const maxRuns = 8

// leaves are last parts of names, and what they are called in PyTorch.
var leaves = map[string]string{
	"weight": "weight", "kernel": "weight", "w": "weight", "scale": "weight", "gamma": "weight", "g": "weight",
	"bias": "bias", "b": "bias", "beta": "bias",
}

// split finds module and leaf. What TensorFlow puts behind names, ":0", belongs to the leaf.
func (it *item) split() {
	name := strings.TrimSuffix(it.pattern, ":0")
	at := strings.LastIndexAny(name, "./")
	last := name[at+1:]
	if under := strings.LastIndexByte(last, '_'); under > 0 && leaves[strings.ToLower(last[under+1:])] != "" && last[under+1:] != "scale" && last[under+1:] != "g" {
		at += 1 + under
	}
	if at < 0 {
		it.leaf = it.pattern
		return
	}
	it.module, it.separator, it.leaf = name[:at], name[at:at+1], name[at+1:]
}

// kind is what the leaf is called in PyTorch, or "".
func (it *item) kind() string { return leaves[strings.ToLower(it.leaf)] }

// numberMark is the placeholder for the block.
var blockMark = regexp.MustCompile(`\{i[^}]*\}`)

// words splits a name into lower-case words and numbers: at separators, at capitals, and between letters and digits.
func words(name string) []string {
	var all []string
	word := ""
	flush := func() {
		if word != "" {
			all = append(all, strings.ToLower(word))
		}
		word = ""
	}
	before := ' '
	for _, r := range blockMark.ReplaceAllString(name, "") {
		letter, digit := unicode.IsLetter(r), unicode.IsDigit(r)
		if !letter && !digit || digit != unicode.IsDigit(before) || unicode.IsUpper(r) && unicode.IsLower(before) {
			flush()
		}
		if letter || digit {
			word += string(r)
		}
		before = r
	}
	flush()
	return all
}

// mentions reports whether one of the words is in a name.
func mentions(name string, any ...string) bool {
	return slices.ContainsFunc(words(name), func(word string) bool { return slices.Contains(any, word) })
}

// difference returns the words of each of two names that the other has not.
func difference(a, b string) (onlyA, onlyB []string) {
	wordsA, wordsB := words(a), words(b)
	without := func(all, other []string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(w string) bool { return slices.Contains(other, w) })
	}
	return without(wordsA, wordsB), without(wordsB, wordsA)
}

// inOrder puts two names into the order in which the forward pass uses them, and says how that is known; certain if it is.
func inOrder(a, b *item) (first, second *item, certain bool, why string) {
	onlyA, onlyB := difference(a.pattern, b.pattern)
	if len(onlyA) == 1 && len(onlyB) == 1 {
		numberA, errA := strconv.Atoi(onlyA[0])
		numberB, errB := strconv.Atoi(onlyB[0])
		switch {
		case errA == nil && errB == nil && numberA < numberB:
			return a, b, true, ""
		case errA == nil && errB == nil:
			return b, a, true, ""
		}
	}
	for _, pair := range []struct{ first, second []string }{
		{[]string{"before", "pre", "input", "first", "1"}, []string{"after", "post", "second", "2"}},
		{[]string{"attn", "attention", "att", "sa", "msa", "mha", "1"}, []string{"mlp", "ffn", "ff", "feed", "forward", "feedforward", "2"}},
	} {
		has := func(of, any []string) bool {
			return slices.ContainsFunc(of, func(w string) bool { return slices.Contains(any, w) })
		}
		aFirst := has(onlyA, pair.first) || has(onlyB, pair.second)
		bFirst := has(onlyB, pair.first) || has(onlyA, pair.second)
		if aFirst != bFirst && aFirst {
			return a, b, true, ""
		}
		if aFirst != bFirst {
			return b, a, true, ""
		}
	}
	if a.order > b.order {
		a, b = b, a
	}
	return a, b, false, "both have the same shape, and the names don't tell which comes first; taken in the order of the file"
}
