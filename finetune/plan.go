package finetune

import (
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/internal/random"
	"github.com/beitzoo/beitzoo/tensor"
)

// Plan is what settings mean for a model and a number of pictures.
type Plan struct {
	Settings Settings
	Config   arch.Config
	// Pictures is how many there are, PerEpoch how many steps an epoch has, and Steps how many the training has.
	Pictures, PerEpoch, Steps int

	groups []Group
}

// NewPlan returns a plan, or a *[SettingsError].
func NewPlan(settings Settings, config arch.Config, pictures int) (*Plan, error) {
	if err := settings.Validate(); err != nil {
		return nil, err
	}
	p := &Plan{Settings: settings, Config: config, Pictures: pictures, PerEpoch: pictures / settings.Batch, groups: settings.Groups(config)}
	p.Steps = p.PerEpoch * settings.Epochs
	switch {
	case p.PerEpoch == 0:
		return nil, &SettingsError{
			Problems: []string{fmt.Sprintf("batches of %d pictures, and there are only %d", settings.Batch, pictures)}, help: fmt.Sprintf("a batch has up to %d here", pictures),
		}
	case settings.Blocks > config.Depth:
		return nil, &SettingsError{
			Problems: []string{fmt.Sprintf("%d blocks to train, and the model has %d", settings.Blocks, config.Depth)},
			help:     fmt.Sprintf("0 to %d blocks can be trained; without it all are, and what is before them", config.Depth),
		}
	}
	return p, nil
}

// Rate returns the learning rate of a step, from 0 on, of the head.
func (p *Plan) Rate(step int) float64 { return p.Settings.RateAt(step, p.Steps, p.PerEpoch) }

// Update returns the step of the optimiser for a step, from 0 on.
func (p *Plan) Update(step int) engine.Update {
	s := p.Settings
	u := engine.Update{Step: step + 1, Beta1: s.Beta1, Beta2: s.Beta2, Epsilon: s.Epsilon, Clip: s.Clip, Average: s.Average}
	rate := p.Rate(step)
	for _, g := range p.groups {
		u.Rates, u.Decays = append(u.Rates, rate*g.Scale), append(u.Decays, g.Decay)
	}
	return u
}

// What is drawn: the first number of the place of each stream.
const (
	drawOrder = iota + 1
	drawPaths
)

// Order returns the numbers of the pictures in the order of an epoch.
func (p *Plan) Order(epoch int) []int {
	return random.New(p.Settings.Seed, drawOrder, uint64(epoch)).Permutation(p.Pictures)
}

// Paths returns the factors of branches of a step, [2 Depth, Batch], as [engine.Batch] has them; nil without drop path. The rates of the blocks are those of
// microsoft/unilm (beit/modeling_finetune.py), and the others make up for what is left out.
func (p *Plan) Paths(step int) []float64 {
	s, depth := p.Settings, p.Config.Depth
	if s.DropPath == 0 {
		return nil
	}
	stream := random.New(s.Seed, drawPaths, uint64(step))
	var all []float64
	for branch := range 2 * depth {
		rate := 0.0
		if depth > 1 {
			rate = s.DropPath * float64(branch/2) / float64(depth-1)
		}
		for range s.Batch {
			factor := 1 / (1 - rate)
			if stream.Float64() < rate {
				factor = 0
			}
			all = append(all, factor)
		}
	}
	return all
}

// Memory says what a training needs, in bytes. Activations are an estimate.
type Memory struct {
	// Parameters are those of the model, Gradients those that are trained, and Optimiser what is remembered of each: two averages, and one more of parameters.
	Parameters int64 `json:"parameters"`
	Gradients  int64 `json:"gradients"`
	Optimiser  int64 `json:"optimiser"`
	// Activations is what is kept of a forward pass, and what is computed with at once.
	Activations int64 `json:"activations"`
}

// Total returns the sum.
func (m Memory) Total() int64 { return m.Parameters + m.Gradients + m.Optimiser + m.Activations }

// Memory returns what the plan needs when activations have a dtype, and blocks are computed again or not.
func (p *Plan) Memory(dtype tensor.DType, recompute bool) Memory {
	size, activation := int64(4), int64(max(dtype.Size(), 1))
	if dtype == tensor.F64 {
		size = 8
	}
	if dtype == tensor.Invalid {
		activation = 4
	}
	var m Memory
	first := p.Config.Depth + 1 // the first layer that is trained
	for i, param := range p.Config.Params() {
		elements, _ := param.Shape.Elements()
		m.Parameters += size * elements
		if p.groups[i].Frozen {
			continue
		}
		first = min(first, p.groups[i].Layer)
		m.Gradients += size * elements
		m.Optimiser += 2 * size * elements
		if p.Settings.Average > 0 {
			m.Optimiser += size * elements
		}
	}
	c := p.Config
	images, tokens, width := int64(p.Settings.Part), int64(c.Tokens()), int64(c.EmbedDim)
	if images == 0 {
		images = int64(p.Settings.Batch)
	}
	// Of a block the inputs of both norms and both sums stay in the dtype of parameters, and what linear layers and attention take and return in that of
	// activations: the norms' results, queries, keys and values, what attention returns, twice in different order, both branches, and the MLP's inside.
	block := images * tokens * (4*width*size + (9*width+2*int64(c.HiddenDim)+int64(c.Heads)*tokens)*activation)
	blocks := int64(c.Depth - max(first-1, 0))
	if recompute && blocks > 0 {
		m.Activations = int64(c.Depth)*images*tokens*width*size + block
	} else {
		m.Activations = blocks * block
	}
	// Beside these a block that is computed, or its gradients, takes three matrices of scores and two of what is inside the MLP for a while.
	m.Activations += images * tokens * (3*int64(c.Heads)*tokens + 2*int64(c.HiddenDim)) * activation
	return m
}
