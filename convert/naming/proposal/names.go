package proposal

import (
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
func group(tensors []tensor.Named) (items []*item, blocks numbering) {
	type key struct{ before, after string }
	numbers := map[key]map[int]bool{} // of names that are the same but for one number
	under := map[string]int{}         // how many names begin like this, before a number
	runsOf := func(name string) [][]int {
		runs := digitRun.FindAllStringIndex(name, maxRuns)
		return slices.DeleteFunc(runs, func(r []int) bool { return r[1]-r[0] > 6 })
	}
	for _, t := range tensors {
		for _, run := range runsOf(t.Name) {
			k := key{t.Name[:run[0]], t.Name[run[1]:]}
			if numbers[k] == nil {
				numbers[k] = map[int]bool{}
			}
			number, _ := strconv.Atoi(t.Name[run[0]:run[1]])
			numbers[k][number] = true
			under[k.before]++
		}
	}
	consecutive := map[key]numbering{}
	weight := map[numbering]int{}
	for k, set := range numbers {
		base := 1 << 30
		for number := range set {
			base = min(base, number)
		}
		if whole := set[base+len(set)-1] && base <= 1; !whole {
			continue
		}
		gap := false
		for n := range len(set) {
			gap = gap || !set[base+n]
		}
		if !gap {
			consecutive[k] = numbering{base, len(set)}
			weight[numbering{base, len(set)}] += len(set)
		}
	}
	for n, count := range weight {
		best := weight[blocks]
		if count > best || count == best && (n.base < blocks.base || n.base == blocks.base && n.depth > blocks.depth) {
			blocks = n
		}
	}
	byPattern := map[string]*item{}
	padded := 0
	patternOf := func(name string) (pattern string, number int) {
		chosen := []int(nil)
		for _, run := range runsOf(name) {
			if consecutive[key{name[:run[0]], name[run[1]:]}] != blocks || blocks.depth == 0 {
				continue
			}
			if chosen == nil || under[name[:run[0]]] > under[name[:chosen[0]]] {
				chosen = run
			}
		}
		if chosen == nil {
			return name, -1
		}
		number, _ = strconv.Atoi(name[chosen[0]:chosen[1]])
		if text := name[chosen[0]:chosen[1]]; text[0] == '0' && len(text) > 1 {
			padded = max(padded, len(text))
		}
		return name[:chosen[0]] + "\x00" + name[chosen[1]:], number
	}
	for i, t := range tensors {
		pattern, number := patternOf(t.Name)
		before := byPattern[pattern]
		if before == nil {
			before = &item{pattern: pattern, inBlock: number >= 0, first: t.View, order: i}
			byPattern[pattern] = before
			items = append(items, before)
		}
		before.uneven = before.uneven || !before.first.Shape.Equal(t.Shape)
	}
	mark := "{i"
	if blocks.base == 1 {
		mark += "+1"
	}
	if padded > 1 {
		mark += ":0" + strconv.Itoa(padded)
	}
	for _, it := range items {
		it.pattern = strings.Replace(it.pattern, "\x00", mark+"}", 1)
		it.split()
	}
	return items, blocks
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

// blockMark is the placeholder for the block.
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
