package blame

import (
	"context"
	"math"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine/whatif"
)

// scores is one head between queries and keys: how a change of its scores changes the branch.
type scores struct {
	// rows are the tokens that are compared, tokens how many an image has.
	rows          []int
	tokens, width int
	head          int
	scale         float64
	// weights are the attention of the rows, [rows, T]; qkv are those of all tokens, and input is what qkv reads.
	weights, qkv, input *whatif.Rows
	// proj has the columns of proj that belong to the head, [C, width].
	proj []float64
	// difference is that of the branch, [rows, C], and along its product with these columns, [rows, width].
	difference, along *whatif.Rows
}

// singleInScores returns the single values of queries, keys and the bias table that explain most of a difference.
func singleInScores(ctx context.Context, b *blockCase, d *draft, block *whatif.Block, difference *whatif.Rows, total float64) ([]suspect, error) {
	qkv, err := block.QKVOf(ctx, b.x)
	if err != nil {
		return nil, err
	}
	c := d.Config
	s := &scores{rows: b.rows, tokens: c.Tokens(), width: c.HeadDim(), scale: 1 / math.Sqrt(float64(c.HeadDim())), qkv: qkv, input: block.NormedAttention(b.x), difference: difference}
	if s.rows == nil {
		for i := range b.x.Count {
			s.rows = append(s.rows, i)
		}
	}
	var index []int64
	if block.Table != nil {
		height, width := c.Window()
		index = arch.RelativePositionIndex(height, width)
	}
	var found []suspect
	for head := range c.Heads {
		s.head = head
		if s.weights, err = block.Weights(ctx, b.x, b.rows, head); err != nil {
			return nil, err
		}
		s.of(block.Proj.Weight.Values(), c.EmbedDim)
		found = append(found, s.suspects(ctx, index, c, total)...)
	}
	return found, nil
}

// of takes the columns of proj that belong to the head.
func (s *scores) of(proj []float64, dim int) {
	s.proj = make([]float64, 0, dim*s.width)
	for o := range dim {
		s.proj = append(s.proj, proj[o*dim+s.head*s.width:o*dim+(s.head+1)*s.width]...)
	}
	along := make([]float64, len(s.rows)*s.width)
	for t := range s.rows {
		for o, v := range s.difference.Row(t) {
			for i, p := range s.proj[o*s.width : (o+1)*s.width] {
				along[t*s.width+i] += v * p
			}
		}
	}
	s.along = whatif.RowsOf(along, s.width)
}

// part returns queries (0), keys (1) or values (2) of a token.
func (s *scores) part(token, part int) []float64 {
	at := part*s.qkv.Width/3 + s.head*s.width
	return s.qkv.Row(token)[at : at+s.width]
}

// pull returns what a score of row t draws the result to: the weight times the value of the key less the result, for each key, [T, width].
func (s *scores) pull(t int) [][]float64 {
	first := s.rows[t] / s.tokens * s.tokens
	result := make([]float64, s.width)
	for key, w := range s.weights.Row(t) {
		for i, v := range s.part(first+key, 2) {
			result[i] += w * v
		}
	}
	pulls := make([][]float64, s.tokens)
	for key, w := range s.weights.Row(t) {
		pulls[key] = make([]float64, s.width)
		for i, v := range s.part(first+key, 2) {
			pulls[key][i] = w * (v - result[i])
		}
	}
	return pulls
}

// square returns the square of what proj makes of a vector of the head, by the products of its columns.
func (s *scores) square(gram, v []float64) float64 {
	total := 0.0
	for i, a := range v {
		total += a * dot(gram[i*s.width:(i+1)*s.width], v)
	}
	return total
}

func (s *scores) gram() []float64 {
	gram := make([]float64, s.width*s.width)
	for o := 0; o < len(s.proj); o += s.width {
		line := s.proj[o : o+s.width]
		for i, a := range line {
			for j, b := range line {
				gram[i*s.width+j] += a * b
			}
		}
	}
	return gram
}

// suspects returns the values of one head.
func (s *scores) suspects(ctx context.Context, index []int64, c arch.Config, total float64) []suspect {
	gram, rows := s.gram(), len(s.rows)
	along, square := make([]float64, rows*s.width), make([]float64, rows*s.width)
	table := newTableSuspects(index, c)
	for t := range rows {
		if ctx.Err() != nil {
			return nil
		}
		first := s.rows[t] / s.tokens * s.tokens
		pulls := s.pull(t)
		for i := range s.width {
			direction := make([]float64, s.width)
			for key, pull := range pulls {
				k := s.scale * s.part(first+key, 1)[i]
				for j, v := range pull {
					direction[j] += k * v
				}
			}
			along[t*s.width+i] = dot(direction, s.along.Row(t))
			square[t*s.width+i] = s.square(gram, direction)
		}
		table.add(s, gram, t, pulls)
	}
	in := s.input.Pick(s.rows)
	query := sensitivity{along: whatif.RowsOf(along, s.width), square: whatif.RowsOf(square, s.width), in: in, first: s.head * s.width}
	found := query.suspects(ctx, "attn.qkv.weight", "attn.q_bias", total)
	for i := range found {
		if found[i].parameter == "attn.q_bias" {
			found[i].element[0] += s.head * s.width
		}
	}
	return append(append(found, s.keys(gram, total)...), table.suspects(s.head, total)...)
}

// keyWork bounds the work on keys: there are as many values as inputs and channels, and each moves all keys.
const keyWork = 1 << 29

// keys returns the values of the keys that explain most.
func (s *scores) keys(gram []float64, total float64) []suspect {
	dim := s.input.Width
	rows := min(len(s.rows), max(8, keyWork/(s.tokens*dim*s.width)))
	if s.tokens*dim*s.width > keyWork/8 || rows < len(s.rows) {
		return nil
	}
	both, square := make([]float64, s.width*dim), make([]float64, s.width*dim)
	direction := make([]float64, s.width)
	for t := range rows {
		first := s.rows[t] / s.tokens * s.tokens
		pulls, query := s.pull(t), s.part(s.rows[t], 0)
		for j := range dim {
			clear(direction)
			for key, pull := range pulls {
				x := s.scale * s.input.Row(first + key)[j]
				for i, v := range pull {
					direction[i] += x * v
				}
			}
			a, q := dot(direction, s.along.Row(t)), s.square(gram, direction)
			for i, v := range query {
				both[i*dim+j] += a * v
				square[i*dim+j] += q * v * v
			}
		}
	}
	var found []suspect
	for at, b := range both {
		if square[at] > 0 && b*b/square[at]/total > enough {
			row := s.qkv.Width/3 + s.head*s.width + at/dim
			found = append(found, suspect{"attn.qkv.weight", []int{row, at % dim}, b * b / square[at] / total, b / square[at]})
		}
	}
	return found
}

// tableSuspects collects what the rows of a bias table explain in one head.
type tableSuspects struct {
	index        []int64
	tokens       int
	both, square []float64
}

func newTableSuspects(index []int64, c arch.Config) *tableSuspects {
	return &tableSuspects{index: index, tokens: c.Tokens(), both: make([]float64, c.BiasRows()), square: make([]float64, c.BiasRows())}
}

func (a *tableSuspects) add(s *scores, gram []float64, t int, pulls [][]float64) {
	if a.index == nil {
		return
	}
	query := s.rows[t] % s.tokens
	directions := make(map[int64][]float64)
	for key, pull := range pulls {
		row := a.index[query*a.tokens+key]
		if directions[row] == nil {
			directions[row] = make([]float64, len(pull))
		}
		for i, v := range pull {
			directions[row][i] += v
		}
	}
	for row, direction := range directions {
		a.both[row] += dot(direction, s.along.Row(t))
		a.square[row] += s.square(gram, direction)
	}
}

func (a *tableSuspects) suspects(head int, total float64) []suspect {
	var found []suspect
	for row, b := range a.both {
		if q := a.square[row]; q > 0 && b*b/q/total > enough {
			found = append(found, suspect{table, []int{row, head}, b * b / q / total, b / q})
		}
	}
	return found
}
