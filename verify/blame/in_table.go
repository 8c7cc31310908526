package blame

import (
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
)

// inTable returns the mistakes in the table of the relative position bias, and in how it is indexed.
func inTable() []hypothesis {
	const rolledRows = "roll the rows"
	all := []hypothesis{
		editing("transposed-index", attention, table, "the relative position index is transposed (rows are queries)", "reverse the offsets", turnIndex),
		editing("no-relative-position-bias", attention, table, "there is no relative position bias", "zero", zeros),
		ordered("window-turned", "across and down are exchanged in the relative position index", "exchange across and down",
			func(h, w, row, column int) int { return column*h + row }),
		ordered("table-order", "the spatial rows of the relative position bias table are reversed", "reverse the spatial rows",
			func(h, w, row, column int) int { return h*w - 1 - row*w - column }),
		ordered("table-order", "the relative position bias table is flipped upside down", "flip", func(h, w, row, column int) int { return (h-1-row)*w + column }),
		ordered("table-order", "the relative position bias table is flipped left to right", "flip",
			func(h, w, row, column int) int { return row*w + w - 1 - column }),
		editing("table-order", attention, table, "all rows of the relative position bias table are reversed", "reverse the rows",
			rows(func(i, count int) int { return count - 1 - i })),
		editing("table-order", attention, table, "the class rows come first in the relative position bias table", "move the first 3 rows behind the others",
			rollRows(3)),
		editing("table-order", attention, table, "the class rows are the first of the relative position bias index", "move the last 3 rows to the front",
			rollRows(-3)),
		editing("reshaped", attention, table, "the relative position bias table was read as [heads, rows] where it should have been transposed",
			"read as [heads, rows] and transpose", reread),
	}
	for i := range all {
		all[i].alone = i > 5
	}
	var more []hypothesis
	for _, order := range [][3]int{{1, 0, 2}, {0, 2, 1}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1}} {
		more = append(more, editing("table-order", attention, table,
			fmt.Sprintf("the last 3 rows of the relative position bias table, for the class token, are in the order %v", order),
			"put the class rows in order", rows(func(i, count int) int {
				if first := count - 3; i >= first {
					return first + order[i-first]
				}
				return i
			})))
	}
	for _, by := range []int{1, -1} {
		more = append(more,
			editing("table-order", attention, table, fmt.Sprintf("the rows of the relative position bias table are rolled by %d", by), rolledRows, rollRows(by)),
			ordered("table-order", fmt.Sprintf("the relative position bias table is rolled across by %d", by), rolledRows,
				func(h, w, row, column int) int { return row*w + (column+by+w)%w }),
			ordered("table-order", fmt.Sprintf("the relative position bias table is rolled down by %d", by), rolledRows,
				func(h, w, row, column int) int { return (row+by+h)%h*w + column }),
		)
	}
	more = append(more, editing("negated", attention, table, "the relative position bias table is negated", "negate", scale(-1)))
	for _, f := range []struct {
		says string
		of   func(c arch.Config) float64
	}{
		{"2", func(arch.Config) float64 { return 2 }},
		{"1/2", func(arch.Config) float64 { return 0.5 }},
		{"√d", func(c arch.Config) float64 { return sqrt(c.HeadDim()) }},
		{"1/√d, as if it were added before the scale", func(c arch.Config) float64 { return 1 / sqrt(c.HeadDim()) }},
	} {
		more = append(more, hypothesis{
			name: "bias-scale", at: attention, ruled: true, slack: storedSlack, says: "the relative position bias table is multiplied by " + f.says,
			apply: func(d *draft) bool {
				factor := f.of(d.Config)
				return d.edit(table, "multiply by "+factorText(round(factor)), scale(factor))
			},
		})
	}
	return append(append(all, lonely(more...)...), sharedTable())
}

func rollRows(by int) changeFunc {
	return rows(func(i, count int) int { return (i + by + count) % count })
}

// ordered returns the hypothesis that the spatial rows of the table are in another order. from gets the numbers of rows and columns of the offsets, 2 H - 1 and 2 W - 1,
// and the place of one, and returns the row of the stored table that belongs there.
func ordered(name, says, repair string, from func(h, w, row, column int) int) hypothesis {
	return hypothesis{name: name, at: attention, says: says, apply: func(d *draft) bool {
		height, width := d.Config.Window()
		h, w := 2*height-1, 2*width-1
		return d.edit(table, repair, rows(func(i, _ int) int {
			if i >= h*w {
				return i
			}
			return from(h, w, i/w, i%w)
		}))
	}}
}

// sharedTable returns the hypothesis that all blocks have the table of the first.
func sharedTable() hypothesis {
	return hypothesis{name: otherTensor, at: attention, says: "all blocks have the relative position bias table of blocks.0", apply: func(d *draft) bool {
		names := d.names(table)
		if d.Config.Bias != arch.BlockBias || !d.Has(prefix(0)+table) {
			return false
		}
		for _, name := range names {
			if name != prefix(0)+table && !d.take(name, prefix(0)+table) {
				return false
			}
		}
		return len(d.places) > 0
	}, whole: true}
}
