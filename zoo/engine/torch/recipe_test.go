//go:build libtorch

package torch

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/convert/tensor"
	"github.com/beitzoo/beitzoo/zoo/arch"
)

// unit is the generator of the recipe weights (docs/recipe.md): n values of [-1, 1) for a name, seed 0.
func unit(name string, n int) []float64 {
	mix := func(x uint64) uint64 {
		z := x + 0x9E3779B97F4A7C15
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		return z ^ z>>31
	}
	hash := fnv.New64a()
	hash.Write([]byte(name))
	key := hash.Sum64() ^ mix(0)
	values := make([]float64, n)
	for i := range values {
		values[i] = float64(int64(mix(key+uint64(i)*0x9E3779B97F4A7C15)>>40)-(1<<23)) / (1 << 23)
	}
	return values
}

// spread is centre and scale of a parameter's recipe values.
func spread(p arch.Param) (centre, scale float64) {
	switch name := p.Name; {
	case strings.Contains(name, "norm") && strings.HasSuffix(name, "weight"):
		return 1, 1. / 8
	case strings.HasSuffix(name, "gamma_1"), strings.HasSuffix(name, "gamma_2"):
		return 1. / 4, 1. / 8
	case strings.HasSuffix(name, "table"):
		return 0, 1
	case strings.HasSuffix(name, "token"), name == "pos_embed":
		return 0, 1. / 8
	case strings.HasSuffix(name, "bias"):
		return 0, 1. / 16
	}
	fanIn := 1
	for _, n := range p.Shape[1:] {
		fanIn *= n
	}
	return 0, math.Exp2(-math.Floor(math.Log2(float64(fanIn)) / 2))
}

// recipe makes float32 weights of an architecture.
func recipe(t testing.TB, config arch.Config) []tensor.Named {
	t.Helper()
	var weights []tensor.Named
	for _, p := range config.Params() {
		n, err := p.Shape.Elements()
		if err != nil {
			t.Fatal(err)
		}
		centre, scale := spread(p)
		raw := make([]byte, 4*n)
		for i, u := range unit(p.Name, int(n)) {
			binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(float32(centre+scale*u)))
		}
		weights = append(weights, tensor.Named{Name: p.Name, View: tensor.View{DType: tensor.F32, Shape: p.Shape, Data: tensor.Memory(raw)}})
	}
	return weights
}
