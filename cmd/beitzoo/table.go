package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/beitzoo/beitzoo/internal/text"
)

// The layout of tables.
const (
	columnGap = 2
	// narrowestColumn is the width below which the words of a column are not broken further.
	narrowestColumn = 16
)

// printTable prints rows in columns. If standard output is a terminal and not wide enough, the cells of the column flexible, which is not the last, are
// broken into lines; otherwise each row is one line, for programs such as grep.
func (c *console) printTable(rows [][]string, flexible int) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			row[i] = text.Line(cell)
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	if c.columns > 0 {
		others := columnGap * (len(widths) - 1)
		for i, width := range widths {
			if i != flexible {
				others += width
			}
		}
		widths[flexible] = min(widths[flexible], max(narrowestColumn, c.columns-others))
	}
	for _, row := range rows {
		lines := wrap(row[flexible], widths[flexible])
		for n := range max(1, len(lines)) {
			var line strings.Builder
			for i, cell := range row {
				switch {
				case i == flexible && n < len(lines):
					cell = lines[n]
				case i == flexible || n > 0:
					cell = ""
				}
				line.WriteString(cell + strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(cell))+columnGap))
			}
			fmt.Fprintln(c.out, strings.TrimRight(line.String(), " "))
		}
	}
}
