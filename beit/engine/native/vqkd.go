package native

import (
	"context"
	"math"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/internal/elementary"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/internal/parallel"
	"github.com/beitzoo/beitzoo/tensor"
)

// vqkd is the tokenizer of BEiT v2. Source: microsoft/unilm beit2/modeling_vqkd.py and norm_ema_quantizer.py. Forward computes its decoder for a tap only.
type vqkd[T gemm.Float] struct {
	config  arch.Config
	threads int
	round   func([]T)
	encoder *model[T]
	// toCode and fromCode are a linear layer, tanh, and a linear layer.
	toCode, fromCode taskLayer[T]
	codebook         codebook[T]
	// decoder is nil if the model has none.
	decoder *model[T]
}

type taskLayer[T gemm.Float] struct{ first, second linear[T] }

// codebookName is the name of the parameter that holds the codes.
const codebookName = "quantize.embedding.weight"

// codebook finds the nearest code.
type codebook[T gemm.Float] struct {
	codes linear[T]
	// values are [Codes, Dim]; squares are the squares of their lengths.
	values, squares []T
}

func newVQKD[T gemm.Float](config arch.Config, threads int, round func([]T)) *vqkd[T] {
	m := &vqkd[T]{config: config, threads: threads, round: round, encoder: &model[T]{config: config.Encoder(), threads: threads, round: round}}
	if config.Codebook.Decoder.Depth > 0 {
		m.decoder = &model[T]{config: config.Decoder(), threads: threads, round: round}
	}
	return m
}

// vqkd reads all parameters but those that only training uses.
func (l *loader[T]) vqkd(ctx context.Context, threads int) (forwarder, error) {
	m := newVQKD(l.config, threads, l.round)
	c := l.config
	var err error
	if m.encoder, err = l.part(c.Encoder(), "encoder.").model(ctx, threads); err != nil {
		return nil, err
	}
	if m.toCode, err = l.taskLayer("encode_task_layer.", c.EmbedDim, c.Codebook.Dim); err != nil {
		return nil, err
	}
	if m.codebook, err = l.codebook(); err != nil || m.decoder == nil {
		return m, err
	}
	if m.decoder, err = l.part(c.Decoder(), "decoder.").model(ctx, threads); err != nil {
		return nil, err
	}
	m.fromCode, err = l.taskLayer("decode_task_layer.", c.Codebook.Decoder.EmbedDim, c.Codebook.Decoder.Features)
	return m, err
}

func (l *loader[T]) taskLayer(prefix string, in, out int) (t taskLayer[T], err error) {
	if t.first, err = l.linear(prefix+"0.", in, in); err != nil {
		return t, err
	}
	t.second, err = l.linear(prefix+"2.", out, in)
	return t, err
}

func (l *loader[T]) codebook() (b codebook[T], err error) {
	codes, dim := l.config.Codebook.Codes, l.config.Codebook.Dim
	if b.values, err = l.values(codebookName); err != nil {
		return b, err
	}
	if b.codes.weight, err = l.matrix(codebookName, codes, dim); err != nil {
		return b, err
	}
	b.codes.out, b.codes.in, b.codes.bias = codes, dim, b.codes.weight.Line(nil)
	for line := b.values; len(line) > 0; line = line[dim:] {
		b.squares = append(b.squares, elementary.Squares(line[:dim], 0))
	}
	return b, nil
}

// Forward implements [engine.Model]. When ctx ends, it stops as that of a transformer does.
func (m *vqkd[T]) Forward(ctx context.Context, input engine.Input, tap engine.Tap) (tokens engine.Activation, err error) {
	images, err := engine.Images(m.config, input)
	if err != nil {
		return tokens, err
	}
	x, err := m.encoder.embed(ctx, input, images)
	if err != nil {
		return tokens, err
	}
	if x, err = m.features(ctx, m.encoder, x, images, tap); err != nil {
		return tokens, err
	}
	codes, err := m.toCode.apply(ctx, m.threads, x, m.round)
	if err != nil {
		return tokens, err
	}
	if err := emit(m.threads, tap, engine.Stage{Kind: engine.Codes}, tensor.Shape{images, m.config.Patches(), m.config.Codebook.Dim}, codes); err != nil {
		return tokens, err
	}
	nearest, err := m.codebook.nearest(ctx, m.threads, codes)
	if err != nil {
		return tokens, err
	}
	stage, shape := engine.Stage{Kind: engine.Tokens}, tensor.Shape{images, m.config.Patches()}
	tokens = activation(m.threads, stage, shape, nearest)
	if tap == nil {
		return tokens, nil
	}
	if err := emit(m.threads, tap, stage, shape, nearest); err != nil || m.decoder == nil {
		return tokens, err
	}
	return tokens, m.decode(ctx, nearest, images, tap)
}

// features returns what a transformer makes of its tokens, [images, Patches, C].
func (m *vqkd[T]) features(ctx context.Context, t *model[T], x []T, images int, tap engine.Tap) ([]T, error) {
	x, err := t.run(ctx, x, images, tap, nil)
	if err != nil {
		return nil, err
	}
	pooled, shape, err := t.pool(ctx, x, images)
	if err != nil {
		return nil, err
	}
	return pooled, emit(m.threads, tap, engine.Stage{Kind: engine.Pool}, shape, pooled)
}

// decode shows a tap what the decoder makes of visual tokens.
func (m *vqkd[T]) decode(ctx context.Context, tokens []float64, images int, tap engine.Tap) error {
	x, err := m.embedCodes(ctx, tokens, images)
	if err != nil {
		return err
	}
	x, err = m.features(ctx, m.decoder, x, images, func(a engine.Activation) error { return tap(ofDecoder(a)) })
	if err != nil {
		return err
	}
	target, err := m.fromCode.apply(ctx, m.threads, x, m.round)
	if err != nil {
		return err
	}
	return emit(m.threads, tap, engine.Stage{Kind: engine.Target}, tensor.Shape{images, m.config.Patches(), m.config.Codebook.Decoder.Features}, target)
}

// ofDecoder returns an activation of the decoder under its name in the whole model.
func ofDecoder(a engine.Activation) engine.Activation {
	a.Name = "decoder." + a.Name
	return a
}

// embedCodes returns the decoder's tokens for visual tokens, [images, Patches].
func (m *vqkd[T]) embedCodes(ctx context.Context, tokens []float64, images int) ([]T, error) {
	patches, dim := m.config.Patches(), m.config.Codebook.Dim
	lines := make([]T, patches*dim)
	return m.decoder.tokens(ctx, images, func(n int, rows gemm.Rows[T]) ([]bool, error) {
		for i, token := range tokens[n*patches : (n+1)*patches] {
			m.codebook.look(lines[i*dim:(i+1)*dim], token)
		}
		rows.Fill(lines, dim, 0, rows.Tiles())
		return nil, nil
	})
}

// look writes the code of a visual token, or NaN if there is none.
func (b *codebook[T]) look(code []T, token float64) {
	if at := int(token); token >= 0 && at < len(b.squares) {
		copy(code, b.values[at*len(code):])
		return
	}
	for i := range code {
		code[i] = T(math.NaN())
	}
}

// apply computes the layer for vectors.
func (t *taskLayer[T]) apply(ctx context.Context, threads int, x []T, round func([]T)) ([]T, error) {
	rows := len(x) / t.first.in
	inside, out := make([]T, rows*t.first.out), make([]T, rows*t.second.out)
	err := t.first.apply(ctx, threads, inside, x, rows, func(line []T) {
		for i, v := range line {
			line[i] = T(math.Tanh(float64(v)))
		}
		if round != nil {
			round(line)
		}
	})
	if err != nil {
		return nil, err
	}
	return out, t.second.apply(ctx, threads, out, inside, rows, nil)
}

// shortest is the least length by which a vector is divided, as in torch.nn.functional.normalize.
const shortest = 1e-12

// nearest returns the index of the code nearest to each vector after its length was made 1, as whole numbers, and NaN for a vector that has one. As in unilm,
// this is not computed in half precision.
func (b *codebook[T]) nearest(ctx context.Context, threads int, codes []T) ([]float64, error) {
	dim := b.codes.in
	rows := len(codes) / dim
	tokens := make([]float64, rows)
	const together = 1024
	products := make([]T, min(rows, together)*b.codes.out)
	for first := 0; first < rows; first += together {
		count := min(together, rows-first)
		units := append([]T(nil), codes[first*dim:(first+count)*dim]...)
		squares := make([]T, count)
		for i := range squares {
			line := units[i*dim : (i+1)*dim]
			length := max(T(math.Sqrt(float64(elementary.Squares(line, 0)))), T(shortest))
			for j := range line {
				line[j] /= length
			}
			squares[i] = elementary.Squares(line, 0)
		}
		if err := b.codes.apply(ctx, threads, products, units, count, nil); err != nil {
			return nil, err
		}
		if err := parallel.Chunks(ctx, threads, count, rowsPerTask, func(_, from, to int) {
			for i := from; i < to; i++ {
				distances := products[i*b.codes.out : (i+1)*b.codes.out]
				for j, product := range distances {
					distances[j] = 2*product - (squares[i] + b.squares[j])
				}
				tokens[first+i] = largest(distances)
			}
		}); err != nil {
			return nil, err
		}
	}
	return tokens, nil
}
