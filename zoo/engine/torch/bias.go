//go:build libtorch

package torch

import "github.com/beitzoo/beitzoo/zoo/arch"

// positions gathers a table [rows, heads] into the bias of every head, query and key, [1, heads, T, T].
func (l *loader) positions(name string, index value) value {
	return l.scope.give(func(s *scope) value {
		tokens, heads := int64(l.config.Tokens()), int64(l.config.Heads)
		table := s.transpose(l.read(s, name, l.device, l.dtype), 0, 1)
		bias := s.gather(s.contiguous(table), index)
		return s.reshape(bias, 1, heads, tokens, tokens)
	})
}

// index is the relative position index, [T * T].
func (l *loader) index(s *scope) value {
	height, width := l.config.Window()
	return s.copyTo(s.integers(arch.RelativePositionIndex(height, width)), l.device, int64s)
}
