package blame

import (
	"context"
	"runtime"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/internal/parallel"
)

// last returns the number of blocks before the stage.
func (m *march) last() int {
	if m.stage.InBlock() {
		return m.stage.Block + 1
	}
	return m.search.model.Config.Depth
}

// atEnd returns the walker of the model with what is assumed, after the last block.
func (m *march) atEnd() *walker {
	w := m.assumed.with()
	w.state = m.plain[len(m.plain)-1]
	return w
}

// plainly computes the model with what is assumed, and returns what it has at the stage.
func (m *march) plainly(ctx context.Context) (*whatif.Rows, error) {
	w := m.assumed
	d, _ := m.draft(w, engine.Stage{Kind: engine.Embed}, atEmbed)
	first, err := d.Embed(ctx, d.input)
	if err != nil {
		return nil, err
	}
	m.plain = []*whatif.Rows{first}
	for i := range m.last() {
		d, _ := m.draft(w, engine.Stage{Kind: engine.Block, Block: i}, wholeBlock...)
		state, err := m.through(ctx, d, i, m.plain[i])
		if err != nil {
			return nil, err
		}
		m.plain = append(m.plain, state)
		m.search.model.Forget(prefix(i))
	}
	return m.end(ctx, m.atEnd())
}

// through computes a block, or its attention branch if that is where the march ends.
func (m *march) through(ctx context.Context, d *draft, i int, x *whatif.Rows) (*whatif.Rows, error) {
	block, err := d.Block(i)
	if err != nil {
		return nil, err
	}
	if m.stage.Kind == engine.Attention && m.stage.Block == i {
		return block.Attention(ctx, x, nil)
	}
	return block.Stream(ctx, x, nil)
}

// blockCost returns about how many operations a block takes.
func (m *march) blockCost() float64 {
	c, rows, tokens := float64(m.search.model.Config.EmbedDim), float64(m.plain[0].Count), float64(m.search.model.Config.Tokens())
	const overhead = 1e7 // of what is not proportional
	return rows*(24*c*c+4*tokens*c) + overhead
}

// headCost returns about how many operations pooling and head take.
func (m *march) headCost() float64 {
	if m.search.config.Segments() {
		return m.decoderCost()
	}
	return 2*float64(m.want.Count)*float64(m.search.model.Config.EmbedDim)*float64(m.want.Width) + float64(m.want.Width)*float64(m.want.Width)
}

// mostMemory bounds what walkers hold at once, in bytes.
const mostMemory = 1 << 30

// run moves walkers from before a block to the end, in groups that fit into memory and into what may be computed, and stops with the group that has a reason.
func (m *march) run(ctx context.Context, from int, walkers []*walker) error {
	const perRow = 8 * 12 // bytes for each channel of a row: the stream, queries, keys, values, hidden units
	group := max(4, mostMemory/(perRow*m.plain[0].Count*m.plain[0].Width))
	cost := m.blockCost()*float64(m.last()-from) + m.headCost()
	for len(walkers) > 0 {
		count := min(group, len(walkers))
		if affordable := m.left / cost; affordable < float64(count) {
			count = max(0, int(affordable))
		}
		if count == 0 {
			m.untried += len(walkers)
			return nil
		}
		m.left -= cost * float64(count)
		if err := m.group(ctx, from, walkers[:count]); err != nil || m.best != nil {
			return err
		}
		walkers = walkers[count:]
	}
	return nil
}

// group moves some walkers to the end, and chooses the best of those that agree.
func (m *march) group(ctx context.Context, from int, walkers []*walker) error {
	if err := m.advance(ctx, from, walkers); err != nil {
		return err
	}
	for _, w := range walkers {
		if w.void(m.last()) {
			continue
		}
		if err := m.endings(ctx, w, false); err != nil {
			return err
		}
	}
	return m.choose(ctx)
}

// advance moves walkers through the blocks. Those that turn out to change nothing stay.
func (m *march) advance(ctx context.Context, from int, walkers []*walker) error {
	if from == 0 {
		if err := m.each(ctx, walkers, func(w *walker) error { return m.embed(ctx, w) }); err != nil {
			return err
		}
	}
	for i := from; i < m.last(); i++ {
		err := m.each(ctx, walkers, func(w *walker) error {
			if from > 0 && i == from {
				w.state = m.plain[from]
			}
			if w.void(i - 1) {
				return nil
			}
			return m.step(ctx, i, w)
		})
		if err != nil {
			return err
		}
		m.search.model.Forget(prefix(i))
	}
	return nil
}

// each calls do for each walker, several at once.
func (m *march) each(ctx context.Context, walkers []*walker, do func(*walker) error) error {
	if len(walkers) >= runtime.GOMAXPROCS(0) {
		defer m.search.model.SetThreads(m.search.model.SetThreads(1))
	}
	return parallel.Each(ctx, len(walkers), func(_ context.Context, i int) error { return do(walkers[i]) })
}

// embed moves a walker to before the first block.
func (m *march) embed(ctx context.Context, w *walker) (err error) {
	w.state = m.plain[0]
	if d, touched := m.draft(w, engine.Stage{Kind: engine.Embed}, atEmbed); touched != nil {
		w.state, err = d.Embed(ctx, d.input)
		w.keep(m, 0)
	}
	return err
}

// step moves a walker through block i.
func (m *march) step(ctx context.Context, i int, w *walker) (err error) {
	d, touched := m.draft(w, engine.Stage{Kind: engine.Block, Block: i}, wholeBlock...)
	if w.state == m.plain[i] && touched == nil {
		w.state = m.plain[i+1]
		return nil
	}
	w.state, err = m.through(ctx, d, i, w.state)
	w.keep(m, i+1)
	return err
}

// end computes the stage from the stream after the blocks.
func (m *march) end(ctx context.Context, w *walker) (*whatif.Rows, error) {
	if decodes(m.search.config, m.stage) {
		return m.decoded(ctx, w)
	}
	if m.stage.Kind != engine.Pool && m.stage.Kind != engine.Logits {
		return w.state, nil
	}
	d, _ := m.draft(w, engine.Stage{Kind: engine.Pool}, atPool)
	pooled, err := d.Pool(w.state)
	if err != nil || m.stage.Kind == engine.Pool {
		return pooled, err
	}
	d, _ = m.draft(w, engine.Stage{Kind: engine.Logits}, atLogits)
	return d.Logits(ctx, pooled)
}
