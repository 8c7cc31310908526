// Package relpos reads the relative position bias of any two tokens from a table of parameters. The engines share it.
package relpos

import (
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
)

// Table is a relative position bias table. Its rows are kept in reverse order: there the biases of a query for the keys in one row of patches are
// consecutive, so a line of the T x T matrix of biases consists of a few copies. arch.RelativePositionIndex defines the order of the original rows.
type Table[T float32 | float64] struct {
	height, width int
	// heads has for each head the spatial rows of the table in reverse order, followed by the last three, those of the class token.
	heads [][]T
}

// New returns the table of a model from the values of its parameter, [config.BiasRows(), config.Heads]. It copies them.
func New[T float32 | float64](config arch.Config, values []T) *Table[T] {
	t := &Table[T]{heads: make([][]T, config.Heads)}
	t.height, t.width = config.Window()
	for head := range t.heads {
		column := make([]T, config.BiasRows())
		for row := range column {
			column[row] = values[row*config.Heads+head]
		}
		slices.Reverse(column[:len(column)-3])
		t.heads[head] = column
	}
	return t
}

// Fill writes the biases of one query token for all keys to line, of T values. A nil t means zeros.
func (t *Table[T]) Fill(line []T, head, query int) { t.FillFrom(line, head, query, 0) }

// FillFrom writes the biases of one query token for the keys from one on to line, of as many values as there are to be. A nil t means zeros.
func (t *Table[T]) FillFrom(line []T, head, query, key int) {
	if t == nil || len(line) == 0 {
		clear(line)
		return
	}
	column := t.heads[head]
	fromClass, toClass, classToClass := column[len(column)-3], column[len(column)-2], column[len(column)-1]
	if query == 0 {
		for i := range line {
			line[i] = fromClass
		}
		if key == 0 {
			line[0] = classToClass
		}
		return
	}
	if key == 0 {
		line[0] = toClass
		line, key = line[1:], 1
	}
	queryRow, queryColumn := (query-1)/t.width, (query-1)%t.width
	row, left := (key-1)/t.width, (key-1)%t.width
	at := (t.height-1-queryRow+row)*(2*t.width-1) + t.width - 1 - queryColumn
	for ; len(line) > 0; left = 0 {
		line = line[copy(line, column[at+left:at+t.width]):]
		at += 2*t.width - 1
	}
}
