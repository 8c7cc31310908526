package naming

import (
	"strconv"
	"strings"
	"sync"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/transform"
)

// compiled is a scheme's table made ready for look-ups.
type compiled struct {
	*scheme
	rows []row // with .* expanded and operations complete
	// read finds the row and the place in it by a foreign pattern without the scheme's prefix.
	read map[string]slot
	// index holds the patterns of index buffers likewise; true for the shared one.
	index map[string]bool
}

type slot struct{ row, place int }

// tables are compiled once.
var tables = sync.OnceValue(func() map[string]*compiled {
	all := map[string]*compiled{}
	for _, s := range schemes {
		all[s.name] = compile(s)
	}
	return all
})

func compile(s *scheme) *compiled {
	c := &compiled{scheme: s, read: map[string]slot{}, index: map[string]bool{}}
	for _, r := range s.rows {
		for _, expanded := range expand(r) {
			c.rows = append(c.rows, complete(expanded, s.transposed))
		}
	}
	for i, r := range c.rows {
		for place, pattern := range r.foreign {
			key := strings.TrimPrefix(pattern, s.prefix)
			if _, taken := c.read[key]; !taken {
				c.read[key] = slot{i, place}
			}
		}
	}
	for _, pattern := range s.blockIndex {
		c.index[strings.TrimPrefix(pattern, s.prefix)] = false
	}
	for _, pattern := range s.sharedIndex {
		c.index[strings.TrimPrefix(pattern, s.prefix)] = true
	}
	return c
}

// expand makes two rows of one that ends in .*: for the weight and for the bias.
func expand(r row) []row {
	if !strings.HasSuffix(r.foreign[0], ".*") {
		return []row{r}
	}
	var rows []row
	for _, kind := range []string{"weight", "bias"} {
		one := r
		one.canonical, one.foreign = []string{strings.TrimSuffix(r.canonical[0], "*") + kind}, []string{strings.TrimSuffix(r.foreign[0], "*") + kind}
		rows = append(rows, one)
	}
	return rows
}

// complete fills in the operation that does nothing, and the transpose of linear layers.
func complete(r row, transposed bool) row {
	if r.operation.Inputs() == 0 {
		r.operation = transform.Keep(1)
	}
	if transposed && len(r.canonical) == 1 && linear()[r.canonical[0]] {
		r.operation = transform.Then(transform.Turn(), r.operation)
	}
	return r
}

// linear has the patterns of the weights that are linear layers, from the architectures themselves.
var linear = sync.OnceValue(func() map[string]bool {
	patterns := map[string]bool{}
	for _, name := range arch.Names() {
		config, _ := arch.ByName(name)
		for _, p := range config.Params() {
			if pattern, _ := split(p.Name); p.Linear {
				patterns[pattern] = true
			}
		}
	}
	return patterns
})

// split takes the block's number out of a name: "blocks.3.gamma_1" gives "blocks.{i}.gamma_1" and 3. Names without a number, or with one that is
// not written as a program would, come back whole, with block -1.
func split(name string) (pattern string, block int) {
	at := 0
	for component := range strings.SplitSeq(name, ".") {
		end := at + len(component)
		if component != "" && strings.Trim(component, "0123456789") == "" {
			number, err := strconv.Atoi(component)
			if err != nil || strconv.Itoa(number) != component {
				return name, -1
			}
			return name[:at] + "{i}" + name[end:], number
		}
		at = end + 1
	}
	return name, -1
}

// fill puts the block's number into a pattern.
func fill(pattern string, block int) string {
	return strings.Replace(pattern, "{i}", strconv.Itoa(block), 1)
}

// wrappers are prefixes that training programs put in front of every name.
var wrappers = append([]string{"model."}, checkpoint.TrainingPrefixes...)
