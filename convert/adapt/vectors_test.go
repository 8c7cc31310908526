package adapt

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/tensor"
)

// wave is the table on which the figures below were computed, for a window and heads.
func wave(rows, heads int) []float64 {
	values := make([]float64, 0, rows*heads)
	for r := range rows {
		for h := range heads {
			values = append(values, 0.5*math.Sin(0.37*float64(r)+0.9*float64(h))+0.01*float64((7*r+h)%11))
		}
	}
	return values
}

func doubles(values []float64) tensor.Memory {
	raw := make(tensor.Memory, 0, 8*len(values))
	for _, x := range values {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(x))
	}
	return raw
}

// square is a classifier with a window of so many patches a side, two heads and one block.
func square(window int) arch.Config {
	return arch.Config{
		ImageHeight: 16 * window, ImageWidth: 16 * window, PatchSize: 16, Channels: 3, EmbedDim: 8, HiddenDim: 8, Depth: 1, Heads: 2, Classes: 3, Pooling: arch.MeanPooling,
		Bias: arch.BlockBias, Epsilon: arch.Epsilon,
	}
}

// parameters returns those of a configuration: zeros, but for the tables and pos_embed, which have the given values for each shape.
func parameters(c arch.Config, values func(rows, columns int) []float64) []tensor.Named {
	var all []tensor.Named
	for _, p := range c.Params() {
		elements, _ := p.Shape.Elements()
		data := make([]float64, elements)
		if n := len(p.Shape); p.Name == positionName || p.Name == "blocks.0.attn."+tableSuffix {
			data = values(p.Shape[n-2], p.Shape[n-1])
		}
		all = append(all, tensor.Named{Name: p.Name, View: tensor.View{DType: tensor.F64, Shape: p.Shape, Data: doubles(data)}})
	}
	return all
}

// resizedTable returns the table after a model was resized to a window.
func resizedTable(t *testing.T, c arch.Config, method Method, height, width int, values func(rows, columns int) []float64) []float64 {
	t.Helper()
	return resizedTensor(t, c, "blocks.0.attn."+tableSuffix, method, height, width, values)
}

func resizedTensor(t *testing.T, c arch.Config, name string, method Method, height, width int, values func(rows, columns int) []float64) []float64 {
	t.Helper()
	result, err := Apply(card.Card{Config: c}, parameters(c, values), Options{ImageHeight: height * c.PatchSize, ImageWidth: width * c.PatchSize, Resize: method})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range result.Tensors {
		if n.Name == name {
			got, err := tensor.Float64s(n.View)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
	}
	t.Fatalf("%s is not among the parameters", name)
	return nil
}

// vector has sums over the rows of a resized table, and some of its rows.
type vector struct {
	from, to  int // windows
	sums, abs [2]float64
	rows      map[int][2]float64
}

// The figures were computed by SciPy 1.17.1 in float64, from unilm's rule.
var unilmVectors = []vector{
	{3, 5, [2]float64{25.121662530, 20.997454571}, [2]float64{34.233002275, 33.184671013}, map[int][2]float64{
		1: {0, 0.401663455}, 41: {-0.467619913, -0.231155510}, 80: {0.289114103, -0.133899275},
	}},
	{4, 6, [2]float64{16.930218795, -2.062059250}, [2]float64{52.738814916, 52.078945836}, map[int][2]float64{
		1: {0.157701320, 0.460121957}, 61: {0.186944743, -0.331650811}, 120: {-0.383210724, -0.024211395},
	}},
	{14, 24, [2]float64{98.495602399, 125.633934848}, [2]float64{630.425275945, 631.315920463}, map[int][2]float64{
		1: {0.129362052, 0.479140029}, 1105: {0.049237303, -0.339415359}, 2208: {-0.334537060, 0.081468208},
	}},
	{14, 32, [2]float64{162.648156, 241.643790}, [2]float64{1155.522928, 1158.539173}, map[int][2]float64{
		1: {0.088671739, 0.451070670}, 1985: {0.049237303, -0.339415359},
	}},
	{14, 40, [2]float64{236.197828, 402.448589}, [2]float64{1860.304944, 1870.105153}, map[int][2]float64{
		1: {0.066465295, 0.436489542}, 3121: {0.049237303, -0.339415359},
	}},
	{24, 32, [2]float64{200.099550, 203.725196}, [2]float64{1264.328296, 1266.132913}, map[int][2]float64{
		1: {0.179352439, 0.515151436}, 1985: {0.234305586, 0.517078131},
	}},
	{24, 14, [2]float64{37.731444381, 39.097407140}, [2]float64{232.701734858, 233.521878594}, map[int][2]float64{
		1: {0.508469176, 0.480834524}, 365: {0.234305586, 0.517078131}, 728: {-0.313022301, 0.115140618},
	}},
}

// The figures are what timm 1.0.31 makes of the same tables in float32, summed in float64.
var timmVectors = []vector{
	{3, 5, [2]float64{18.988048257, 15.608470578}, [2]float64{}, map[int][2]float64{1: {0, 0.401663423}}},
	{4, 6, [2]float64{7.033968450, 5.977552656}, [2]float64{}, map[int][2]float64{1: {0.083602242, 0.453625589}}},
	{14, 24, [2]float64{107.818105812, 114.469280787}, [2]float64{}, map[int][2]float64{1: {0.088863678, 0.456895769}}},
}

func TestApply_ResizesAsMeasured(t *testing.T) {
	t.Parallel()
	for method, vectors := range map[Method][]vector{Unilm: unilmVectors, Timm: timmVectors} {
		for _, v := range vectors {
			t.Run(fmt.Sprintf("%s_%d_to_%d", method, v.from, v.to), func(t *testing.T) {
				t.Parallel()
				got := resizedTable(t, square(v.from), method, v.to, v.to, wave)
				v.compare(t, got, map[Method]float64{Unilm: 1e-6, Timm: 1e-5}[method])
				before := wave((2*v.from-1)*(2*v.from-1)+tableExtra, 2)
				for i := 1; i <= 2*tableExtra; i++ {
					if got[len(got)-i] != before[len(before)-i] {
						t.Errorf("the rows of the class token changed: element %d from the end is %g instead of %g", i, got[len(got)-i], before[len(before)-i])
					}
				}
			})
		}
	}
}

func (v vector) compare(t *testing.T, got []float64, tolerance float64) {
	t.Helper()
	spatial := (2*v.to - 1) * (2*v.to - 1)
	if len(got) != 2*(spatial+tableExtra) {
		t.Fatalf("the table has %d elements", len(got))
	}
	near := func(what string, got, want float64) {
		if math.Abs(got-want) > tolerance {
			t.Errorf("%s is %.9f instead of %.9f", what, got, want)
		}
	}
	for h := range 2 {
		var sum, abs float64
		for r := range spatial + tableExtra {
			sum += got[2*r+h]
			abs += math.Abs(got[2*r+h])
		}
		near(fmt.Sprintf("the sum of head %d", h), sum, v.sums[h])
		if v.abs != [2]float64{} {
			near(fmt.Sprintf("the sum of absolute values of head %d", h), abs, v.abs[h])
		}
		for row, want := range v.rows {
			near(fmt.Sprintf("row %d, head %d", row, h), got[2*row+h], want[h])
		}
	}
}
