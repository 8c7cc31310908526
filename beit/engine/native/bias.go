package native

import (
	"slices"

	"github.com/beitzoo/beitzoo/beit/engine/native/internal/gemm"
)

// positions is a relative position bias. In a table whose rows are reversed, the biases of a query for the keys in one row of patches are consecutive, so
// a row of the T x T matrix consists of a few copies. The matrix itself is never made: with 1,025 tokens and 16 heads it would take 67 MB for each block
// in float32.
type positions[T gemm.Float] struct {
	height, width int
	// heads has for each head the spatial rows of the table in reverse order, followed by its last three.
	heads [][]T
}

// positions reads a table [rows, heads].
func (l *loader[T]) positions(prefix string) (*positions[T], error) {
	table, err := l.values(prefix + "relative_position_bias_table")
	if err != nil {
		return nil, err
	}
	p := &positions[T]{heads: make([][]T, l.config.Heads)}
	p.height, p.width = l.config.Window()
	for h := range p.heads {
		column := make([]T, l.config.BiasRows())
		for row := range column {
			column[row] = table[row*l.config.Heads+h]
		}
		slices.Reverse(column[:len(column)-3])
		p.heads[h] = column
	}
	return p, nil
}

// fill writes the biases of one query token for all keys to line. A nil p means zeros.
func (p *positions[T]) fill(line []T, head, query int) {
	if p == nil {
		clear(line)
		return
	}
	column := p.heads[head]
	fromClass, toClass, classToClass := column[len(column)-3], column[len(column)-2], column[len(column)-1]
	if query == 0 {
		line[0] = classToClass
		for k := 1; k < len(line); k++ {
			line[k] = fromClass
		}
		return
	}
	line[0] = toClass
	y, x := (query-1)/p.width, (query-1)%p.width
	at := (p.height-1-y)*(2*p.width-1) + p.width - 1 - x
	for keys := line[1:]; len(keys) > 0; keys = keys[p.width:] {
		copy(keys[:p.width], column[at:at+p.width])
		at += 2*p.width - 1
	}
}
