package enginetest

import (
	"fmt"
	"math"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// matrix is a list of rows.
type matrix [][]float64

// reference computes one image in float64 as its model is defined, in plain loops. It returns the activations by name, without the dimension of the batch.
// tokens are those of a tokenizer that are decoded, whichever it would find itself.
func reference(config arch.Config, weights map[string][]float64, image engine.Input, tokens []float64) map[string]matrix {
	pixels := make([]float64, len(image.Pixels))
	for i, v := range image.Pixels {
		pixels[i] = float64(v)
	}
	r := &definition{config, weights}
	switch config.Kind {
	case arch.DVAEEncoder:
		return r.encoded(pixels)
	case arch.DVAEDecoder:
		return r.decoded(image.Tokens)
	case arch.VQKD:
		return r.quantised(pixels, tokens)
	case arch.UPerNet:
		return r.segmented(pixels)
	}
	return r.transformed(pixels, image.Mask)
}

// transformed is reference for a transformer. Source: microsoft/unilm beit/modeling_finetune.py and beit/modeling_pretrain.py.
func (r *definition) transformed(pixels []float64, mask []bool) map[string]matrix {
	config, found := r.config, map[string]matrix{}
	x := r.embed(pixels, mask)
	found["embed"] = x
	for i := range config.Depth {
		p := fmt.Sprintf("blocks.%d.", i)
		attention := r.attention(p, r.norm(p+"norm1.", x))
		found[p+"attn"] = attention
		x = r.add(x, attention, p+"gamma_1")
		x = r.add(x, r.mlp(p+"mlp.", r.norm(p+"norm2.", x)), p+"gamma_2")
		found[fmt.Sprintf("blocks.%d", i)] = x
	}
	if config.Pooling == arch.NoPooling {
		return found
	}
	found["pool"] = r.pool(x)
	if config.Classes > 0 {
		head := "head."
		if config.Pooling == arch.AllTokens {
			head = "lm_head."
		}
		found["logits"] = r.linear(head, found["pool"])
	}
	return found
}

// definition is a forward pass in plain loops. Where most of its time goes, the race detector is off: it would take ten times as long, and each pass runs in one
// goroutine, with memory of its own.
type definition struct {
	config  arch.Config
	weights map[string][]float64
}

func (r *definition) embed(pixels []float64, mask []bool) matrix {
	c := r.config
	height, width := c.Window()
	x := matrix{r.weights["cls_token"]}
	for p := range height * width {
		var patch []float64
		for channel := range c.Channels {
			for y := range c.PatchSize {
				for dx := range c.PatchSize {
					at := (channel*c.ImageHeight+p/width*c.PatchSize+y)*c.ImageWidth + p%width*c.PatchSize + dx
					patch = append(patch, pixels[at])
				}
			}
		}
		token := r.linear("patch_embed.proj.", matrix{patch})[0]
		if mask != nil && mask[p] {
			token = r.weights["mask_token"]
		}
		x = append(x, token)
	}
	if c.AbsolutePosition {
		for t := range x {
			moved := make([]float64, c.EmbedDim)
			for i := range moved {
				moved[i] = x[t][i] + r.weights["pos_embed"][t*c.EmbedDim+i]
			}
			x[t] = moved
		}
	}
	return x
}

//go:norace
func (r *definition) norm(prefix string, x matrix) matrix {
	var out matrix
	for _, line := range x {
		var mean, variance float64
		for _, v := range line {
			mean += v / float64(len(line))
		}
		for _, v := range line {
			variance += (v - mean) * (v - mean) / float64(len(line))
		}
		normed := make([]float64, len(line))
		for i, v := range line {
			normed[i] = (v-mean)/math.Sqrt(variance+r.config.Epsilon)*r.weights[prefix+"weight"][i] + r.weights[prefix+"bias"][i]
		}
		out = append(out, normed)
	}
	return out
}

func (r *definition) linear(prefix string, x matrix) matrix {
	return r.product(r.weights[prefix+"weight"], r.weights[prefix+"bias"], x)
}

//go:norace
func (r *definition) product(weight, bias []float64, x matrix) matrix {
	var out matrix
	for _, line := range x {
		y := append([]float64(nil), bias...)
		for o := range y {
			for i, v := range line {
				y[o] += weight[o*len(line)+i] * v
			}
		}
		out = append(out, y)
	}
	return out
}

//go:norace
func (r *definition) attention(prefix string, x matrix) matrix {
	c := r.config
	bias := append(append(append([]float64(nil), r.weights[prefix+"attn.q_bias"]...), make([]float64, c.EmbedDim)...), r.weights[prefix+"attn.v_bias"]...)
	qkv := r.product(r.weights[prefix+"attn.qkv.weight"], bias, x)
	table := r.weights[prefix+"attn.relative_position_bias_table"]
	if c.Bias == arch.SharedBias {
		table = r.weights["rel_pos_bias.relative_position_bias_table"]
	}
	index := arch.RelativePositionIndex(c.Window())
	out := make(matrix, len(x))
	for q := range out {
		out[q] = make([]float64, c.EmbedDim)
		for h := range c.Heads {
			weights, total := make([]float64, len(x)), 0.0
			for k := range x {
				score := 0.0
				for d := h * c.HeadDim(); d < (h+1)*c.HeadDim(); d++ {
					score += qkv[q][d] / math.Sqrt(float64(c.HeadDim())) * qkv[k][c.EmbedDim+d]
				}
				if table != nil {
					score += table[index[q*len(x)+k]*int64(c.Heads)+int64(h)]
				}
				weights[k] = math.Exp(score)
				total += weights[k]
			}
			for k := range x {
				for d := h * c.HeadDim(); d < (h+1)*c.HeadDim(); d++ {
					out[q][d] += weights[k] / total * qkv[k][2*c.EmbedDim+d]
				}
			}
		}
	}
	return r.linear(prefix+"attn.proj.", out)
}

//go:norace
func (r *definition) mlp(prefix string, x matrix) matrix {
	hidden := r.linear(prefix+"fc1.", x)
	for _, line := range hidden {
		for i, v := range line {
			line[i] = v / 2 * (1 + math.Erf(v/math.Sqrt2))
		}
	}
	return r.linear(prefix+"fc2.", hidden)
}

func (r *definition) add(x, branch matrix, gamma string) matrix {
	var out matrix
	for t, line := range x {
		sum := make([]float64, len(line))
		for i, v := range line {
			factor := 1.0
			if r.config.LayerScale {
				factor = r.weights[gamma][i]
			}
			sum[i] = v + factor*branch[t][i]
		}
		out = append(out, sum)
	}
	return out
}

func (r *definition) pool(x matrix) matrix {
	switch r.config.Pooling {
	case arch.ClassToken:
		return r.norm("norm.", x[:1])
	case arch.AllTokens:
		return r.norm("norm.", x[1:])
	case arch.PatchTokens:
		return r.norm("fc_norm.", x[1:])
	}
	mean := make([]float64, r.config.EmbedDim)
	for _, line := range x[1:] {
		for i, v := range line {
			mean[i] += v / float64(r.config.Patches())
		}
	}
	return r.norm("fc_norm.", matrix{mean})
}

// decode returns the values of all weights by name.
func decode(weights []tensor.Named) (map[string][]float64, error) {
	decoded := make(map[string][]float64, len(weights))
	for _, w := range weights {
		values, err := tensor.Float64s(w.View)
		if err != nil {
			return nil, err
		}
		decoded[w.Name] = values
	}
	return decoded, nil
}

// batch computes all images of a batch and concatenates their activations. tokens are those of all images, as in reference.
func batch(config arch.Config, weights map[string][]float64, input engine.Input, tokens []float64) map[string][]float64 {
	joined := map[string][]float64{}
	for n := range images {
		var own []float64
		if tokens != nil {
			own = tokens[n*config.Patches() : (n+1)*config.Patches()]
		}
		for name, lines := range reference(config, weights, part(config, input, n), own) {
			for _, line := range lines {
				joined[name] = append(joined[name], line...)
			}
		}
	}
	return joined
}
