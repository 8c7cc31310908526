package naming

import (
	"cmp"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/tensor"
)

// choose tries the schemes and takes the one that fits.
func choose(tensors []tensor.Named, options Options) (*candidate, []string, error) {
	if options.Scheme != "" {
		if err := ByName(options.Scheme); err != nil {
			return nil, nil, err
		}
	}
	names := unwrap(tensors)
	var candidates []*candidate
	for _, s := range schemes {
		if options.Scheme == "" || options.Scheme == s.name {
			c := tables()[s.name].match(tensors, names)
			c.infer()
			c.excuseMaskToken()
			if options.Arch != nil && c.configErr != nil {
				c.config, c.configErr = *options.Arch, options.Arch.Validate()
			}
			c.judge(len(tensors))
			if options.Arch != nil {
				c.config, c.configErr = *options.Arch, options.Arch.Validate()
			}
			c.excuseMaskToken()
			candidates = append(candidates, c)
		}
	}
	slices.SortStableFunc(candidates, func(a, b *candidate) int { return cmp.Compare(b.score, a.score) })
	best := candidates[0]
	if known := best.recognised(len(tensors)); 2*known < len(tensors) || known == 0 {
		return nil, nil, best.stranged(len(tensors))
	}
	return settle(candidates, options.Prefer)
}

// judge sets the score by which candidates are ordered: those that fit exactly first, then by how much they explain. It is about the scheme, so
// it goes by the inferred architecture where there is one, not by the one that was asked for.
func (c *candidate) judge(total int) {
	c.score = 2*c.recognised(total) - c.implausible()
	if c.configErr != nil {
		c.score -= total
		return
	}
	mismatch := c.mismatch()
	if mismatch == nil {
		c.score = 4 * (total + 1)
		return
	}
	c.score -= len(mismatch.Missing) + len(mismatch.Shapes)
}

// implausible counts fused weights that don't have three times as many rows as columns: they are stored the other way round.
func (c *candidate) implausible() int {
	count := 0
	for name, f := range c.found {
		if shape := f.view.Shape; strings.HasSuffix(name, ".attn.qkv.weight") && (len(shape) != 2 || shape[0] != 3*shape[1]) {
			count++
		}
	}
	return count
}

// settle decides between candidates that score the same. They are sorted, best first.
func settle(candidates []*candidate, prefer string) (*candidate, []string, error) {
	best := candidates[0]
	equal := []*candidate{best}
	for _, c := range candidates[1:] {
		if c.score != best.score {
			continue
		}
		if c.signature() != best.signature() {
			return nil, nil, &TieError{Schemes: []string{best.name, c.name}}
		}
		equal = append(equal, c)
	}
	chosen := preferred(equal, prefer)
	var others []string
	for _, c := range equal {
		if c != chosen {
			others = append(others, c.name)
		}
	}
	return chosen, others, nil
}

// preferred is the candidate to name among those that mean the same: the one asked for, else unilm or a Paddle scheme where index buffers are in the
// file, else timm, which never had masked-image-modelling models, else canonical.
func preferred(equal []*candidate, prefer string) *candidate {
	order := []string{Timm, Canonical, PaddleViT}
	if len(equal[0].buffers) > 0 {
		order = []string{Unilm, PaddleViT}
	} else if equal[0].config.MaskToken {
		order = []string{Canonical, PASSL}
	}
	for _, name := range append([]string{prefer}, order...) {
		if at := slices.IndexFunc(equal, func(c *candidate) bool { return c.name == name }); at >= 0 {
			return equal[at]
		}
	}
	return equal[0]
}
