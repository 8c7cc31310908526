package loss

import (
	"strings"
)

// company are the parameters that one is compared with: what most of them have, too, is not suspicious.
type company struct {
	looks []look
	// throughout means that they have other roles, since the same is in all blocks.
	throughout bool
	// words say what they are.
	words string
}

// siblingsOf returns the same parameter of other blocks. For one that is in no block, or in the only one, they are all others of its part: norm weights, norm
// biases, matrices, other biases.
func siblingsOf(looks []look, i int) company {
	own, _ := role(looks[i].name)
	of := company{words: ", and others of its kind "}
	var alike []look
	for k, other := range looks {
		if k == i || other.elements == 0 {
			continue
		}
		if theirs, _ := role(other.name); theirs == own {
			of.looks = append(of.looks, other)
		}
		if part(other) == part(looks[i]) {
			alike = append(alike, other)
		}
	}
	if of.looks == nil {
		of.looks = alike
	}
	return of
}

// kinOf returns parameters of other roles: those of the same part, or all if there are none, as of a bias table.
func kinOf(looks []look, i int) company {
	own, block := role(looks[i].name)
	of := company{words: ", as in other blocks, and parameters of other kinds ", throughout: true}
	if block < 0 {
		of.words = ", and other parameters "
	}
	var all []look
	for _, other := range looks {
		if theirs, _ := role(other.name); theirs == own || other.elements == 0 {
			continue
		}
		all = append(all, other)
		if part(other) == part(looks[i]) {
			of.looks = append(of.looks, other)
		}
	}
	if of.looks == nil {
		of.looks = all
	}
	return of
}

// most reports whether there are others, and more than half of them are as asked.
func (c company) most(are func(look) bool) bool {
	count := 0
	for _, other := range c.looks {
		if are(other) {
			count++
		}
	}
	return 2*count > len(c.looks)
}

// say ends a sentence about what the others are not.
func (c company) say(not string) string { return c.words + not }

// part returns what parameters are compared with each other if there is no other of the same role.
func part(l look) string {
	parameter := l.name[strings.LastIndexByte(l.name, '.')+1:]
	switch {
	case strings.Contains(l.name, "norm"):
		return "norm " + parameter
	case strings.HasPrefix(parameter, "gamma_"):
		return "gamma"
	case len(l.shape) == 1:
		return "bias"
	case strings.HasSuffix(parameter, "_table"), strings.HasSuffix(parameter, "_token"), parameter == "pos_embed":
		return parameter
	}
	return "matrix"
}
