//go:build libtorch

package torch

import "github.com/beitzoo/beitzoo/zoo/arch"

// tail is the last norm and the classifier, which a model without classes does not have.
type tail struct {
	norm norm
	head linear
}

func (l *loader) tail() (t tail) {
	name, head := "norm.", "head."
	if l.config.Pooling == arch.MeanPooling {
		name = "fc_norm."
	}
	if l.config.MaskToken {
		head = "lm_head."
	}
	t.norm = l.norm(name)
	if l.config.Classes > 0 {
		t.head = l.linear(head, l.pooledRows())
	}
	return t
}

// pooledRows is how many vectors of one image the head sees.
func (l *loader) pooledRows() int {
	if l.config.Pooling == arch.AllTokens {
		return l.config.Patches()
	}
	return 1
}

// pool gives what the head sees, normalised. Norms work token by token, so only the tokens that are kept are normalised.
func (m *model) pool(s *scope, x value) value {
	return s.give(func(s *scope) value {
		var kept value
		switch m.config.Pooling {
		case arch.ClassToken:
			kept = s.pick(x, 1, 0)
		case arch.AllTokens:
			kept = s.from(x, 1)
		default:
			kept = s.mean(s.from(x, 1))
		}
		return m.tail.norm.apply(s, kept, m.config)
	})
}
