//go:build libtorch

package torch

import "github.com/beitzoo/beitzoo/beit/arch"

// tail is the last norm and the head. A model without classes has no head, and one of features no norm either.
type tail struct {
	norm norm
	head linear
}

func (l *loader) tail() (t tail) {
	if l.config.Pooling == arch.NoPooling {
		return t
	}
	t.norm = l.norm(l.config.NormName() + ".")
	if l.config.Classes > 0 {
		t.head = l.linear(l.config.HeadName()+".", l.pooledRows(), l.layout)
	}
	return t
}

// pooledRows returns the number of vectors of one image that the head takes.
func (l *loader) pooledRows() int {
	if eachPatch(l.config) {
		return l.config.Patches()
	}
	return 1
}

// pool returns the input of the last norm: tokens, or their mean.
func (t *transformer) pool(s *scope, x value) value {
	switch t.config.Pooling {
	case arch.ClassToken:
		return s.pick(x, 1, 0)
	case arch.AllTokens, arch.PatchTokens:
		return s.from(x, 1)
	}
	return s.mean(s.from(x, 1))
}

// eachPatch reports whether a transformer returns something for each patch.
func eachPatch(config arch.Config) bool {
	return config.Pooling == arch.AllTokens || config.Pooling == arch.PatchTokens
}
