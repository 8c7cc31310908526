package naming

import (
	"maps"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/tensor"
)

// found is a canonical parameter as a scheme reads it.
type found struct {
	view tensor.View
	from []string
	// row made it; wanted shapes are worked out through its inverse.
	row   row
	place int
}

// candidate is what a scheme makes of the tensors.
type candidate struct {
	*compiled
	found      map[string]found
	buffers    []tensor.Named
	dropped    []Dropped
	unexpected []string
	// missing are parts of parameters of which other parts are there.
	missing []Missing
	// shapes are tensors that can't even be operated on.
	shapes []IllShaped
	// refused is the first tensor that an operation refused for its content.
	refused error

	config    arch.Config
	configErr error
	score     int
}

// unwrap removes the prefixes that every name has.
func unwrap(tensors []tensor.Named) []string {
	names := make([]string, len(tensors))
	for i, t := range tensors {
		names[i] = t.Name
	}
	for again := len(names) > 0; again; {
		again = false
		for _, prefix := range wrappers {
			if !slices.ContainsFunc(names, func(name string) bool { return !strings.HasPrefix(name, prefix) }) {
				for i := range names {
					names[i] = strings.TrimPrefix(names[i], prefix)
				}
				again = true
			}
		}
	}
	return names
}

// group collects the parts of one row and block.
type group struct {
	row, block int
}

// match reads tensors by one scheme's table. names are the tensors' names without wrappers.
func (c *compiled) match(tensors []tensor.Named, names []string) *candidate {
	result := &candidate{compiled: c, found: map[string]found{}}
	groups := map[group][]int{} // indices into tensors by place, plus one
	var order []group
	for i, t := range tensors {
		pattern, block := split(strings.TrimPrefix(names[i], c.prefix))
		if _, ok := c.index[pattern]; ok {
			result.buffers = append(result.buffers, t)
			continue
		}
		at, ok := c.read[pattern]
		if !ok {
			result.stranger(t, names[i])
			continue
		}
		key := group{at.row, block}
		if groups[key] == nil {
			groups[key] = make([]int, len(c.rows[at.row].foreign))
			order = append(order, key)
		}
		if groups[key][at.place] != 0 {
			result.unexpected = append(result.unexpected, t.Name)
			continue
		}
		groups[key][at.place] = i + 1
	}
	for _, key := range order {
		result.assemble(c.rows[key.row], key.block, groups[key], tensors)
	}
	return result
}

// stranger is a tensor that the table doesn't have.
func (c *candidate) stranger(t tensor.Named, name string) {
	for _, extra := range c.ignored {
		if strings.HasPrefix(name, extra.prefix) {
			size, _ := t.Size()
			c.dropped = append(c.dropped, Dropped{Name: t.Name, Reason: extra.why, Bytes: size})
			return
		}
	}
	c.unexpected = append(c.unexpected, t.Name)
}

// assemble applies a row's operation to its parts.
func (c *candidate) assemble(r row, block int, parts []int, tensors []tensor.Named) {
	var views []tensor.View
	var from []string
	for place, index := range parts {
		if index == 0 {
			c.missing = append(c.missing, Missing{Name: fill(r.foreign[place], block), Canonical: fill(r.canonical[0], block)})
			continue
		}
		views, from = append(views, tensors[index-1].View), append(from, tensors[index-1].Name)
	}
	if len(views) < len(parts) {
		return
	}
	made, err := r.operation.Apply(views...)
	switch {
	case isShape(err):
		for i, v := range views {
			c.shapes = append(c.shapes, IllShaped{Name: from[i], Got: v.Shape})
		}
	case err != nil && c.refused == nil:
		c.refused = &TensorError{Name: from[0], Err: err}
	case err == nil && len(made) == 0:
		size, _ := views[0].Size()
		c.dropped = append(c.dropped, Dropped{Name: from[0], Reason: "all zero, as the keys of a BEiT have no bias", Bytes: size})
	}
	for i, view := range made {
		name := fill(r.canonical[i], block)
		if _, twice := c.found[name]; twice {
			c.unexpected = append(c.unexpected, from...)
			continue
		}
		c.found[name] = found{view: view, from: from, row: r, place: i}
	}
}

// infer finds the architecture by the shapes.
func (c *candidate) infer() {
	shapes := make(map[string]tensor.Shape, len(c.found)+1)
	for name, f := range c.found {
		shapes[name] = f.view.Shape
	}
	if len(c.buffers) > 0 {
		shapes[fill(blockIndex, 0)] = c.buffers[0].Shape
	}
	c.config, c.configErr = arch.Infer(shapes)
}

// recognised is the number of tensors that the scheme knows.
func (c *candidate) recognised(total int) int { return total - len(c.unexpected) }

// signature tells two readings of the same tensors apart.
func (c *candidate) signature() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(c.found)) {
		f := c.found[name]
		b.WriteString(name + "\x00" + strings.Join(f.from, "\x00") + "\x00" + f.row.operation.Name + "\n")
	}
	return b.String()
}
