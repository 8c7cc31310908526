package report

import (
	"fmt"
	"math"
	"strconv"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/verify"
)

// heat shows the share of the tolerance of each part of each block, by colours and numbers.
type heat struct {
	Tiles []tile
	// Alone says that shares are those of the stages alone, and Attention that there are cells for the attention branches.
	Alone, Attention bool
}

// tile is a block, or a stage outside of the blocks.
type tile struct {
	Name string
	// Cells are the attention branch, if the page has any, and the stream after the block; a stage outside of the blocks has one.
	Cells []cell
}

type cell struct {
	// Class is that of the colour: "h0" (far below the tolerance) to "h5", or "none".
	Class, Text, Title string
	Fails              bool
}

// newHeat returns the tiles of a result, or nil if no block was compared.
func newHeat(r *verify.Result) *heat {
	h := &heat{}
	blocks := false
	for _, t := range r.Taps {
		stage, err := engine.ParseStage(t.Name)
		blocks = blocks || err == nil && stage.InBlock()
		h.Attention = h.Attention || err == nil && stage.Kind == engine.Attention
		h.Alone = h.Alone || t.Local != nil
	}
	if !blocks {
		return nil
	}
	at := map[int]int{} // tiles by the index of the block
	for _, t := range r.Taps {
		stage, err := engine.ParseStage(t.Name)
		if err != nil || !stage.InBlock() {
			h.Tiles = append(h.Tiles, tile{t.Name, []cell{h.cell(t)}})
			continue
		}
		n, exists := at[stage.Block]
		if !exists {
			n = len(h.Tiles)
			at[stage.Block] = n
			empty := tile{Name: strconv.Itoa(stage.Block), Cells: []cell{{Class: "none", Text: "–", Title: "not recorded"}}}
			if h.Attention {
				empty.Cells = append(empty.Cells, empty.Cells[0])
			}
			h.Tiles = append(h.Tiles, empty)
		}
		part := len(h.Tiles[n].Cells) - 1
		if stage.Kind == engine.Attention {
			part = 0
		}
		h.Tiles[n].Cells[part] = h.cell(t)
	}
	return h
}

// cell returns the cell of a tap.
func (h *heat) cell(t verify.Tap) cell {
	value, fails := share(t), !t.OK
	if h.Alone {
		if t.Local == nil {
			return cell{Class: "none", Text: "–", Title: t.Name + ": the reference does not have the activation before it"}
		}
		value, fails = shareOf(t.Local.MaxAbs, t.Local.Tolerance), !t.Local.OK
	}
	c := cell{Class: "h" + strconv.Itoa(warmth(value, fails)), Text: shortShare(value), Fails: fails}
	c.Title = fmt.Sprintf("%s: %s of the tolerance", t.Name, formatNumber(value))
	return c
}

// warmth returns the number of the colour of a share. What fails is never in the colours of what does not.
func warmth(share float64, fails bool) int {
	at := 5
	for i, limit := range []float64{0.1, 0.5, 1, 10, 100} {
		if share <= limit {
			at = i
			break
		}
	}
	if fails {
		return max(at, 3)
	}
	return min(at, 2)
}

// shortShare returns a share in at most four characters.
func shortShare(share float64) string {
	switch {
	case math.IsInf(share, 0) || math.IsNaN(share):
		return "∞"
	case share == 0:
		return "0"
	case share < 0.01:
		return "<.01"
	case share < 9.95:
		return strconv.FormatFloat(share, 'g', 2, 64)
	case share < 9999.5:
		return strconv.FormatFloat(share, 'f', 0, 64)
	}
	return "1e" + strconv.Itoa(int(math.Floor(math.Log10(share))))
}
