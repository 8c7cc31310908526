package checkpointtest

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// truncated reads every beginning of the smallest sample, and some of the others. All must be refused.
func (s Suite) truncated(t *testing.T) {
	t.Parallel()
	small := s.smallest(t)
	for n := range small {
		s.refuses(t, small[:n:n], "the first %d bytes of %d", n, len(small))
	}
	for name, content := range s.Samples {
		for _, n := range []int{len(content) / 3, len(content) * 2 / 3, len(content) - 22, len(content) - 2, len(content) - 1} {
			s.refuses(t, content[:max(0, n):max(0, n)], "the first %d bytes of %s", n, name)
		}
	}
}

// extended reads samples with bytes before or after them. All must be refused.
func (s Suite) extended(t *testing.T) {
	t.Parallel()
	for name, content := range s.Samples {
		for _, more := range [][]byte{{0}, {'\n'}, make([]byte, 100), content} {
			s.refuses(t, slices.Concat(content, more), "%s and %d bytes", name, len(more))
			s.refuses(t, slices.Concat(more, content), "%d bytes and %s", len(more), name)
			s.refuses(t, slices.Concat(more, content)[:len(content)], "%d bytes and the beginning of %s", len(more), name)
		}
	}
}

func (s Suite) refuses(t *testing.T, content []byte, what string, args ...any) {
	t.Helper()
	opened, err := Whole(s.Format, content)
	if err != nil {
		t.Errorf(what+": %v", append(args, err)...)
	}
	if opened != nil && !bytes.Equal(content, nil) && !s.isSample(content) {
		t.Errorf(what+" passes for a file of %d tensors", append(args, len(opened.Tensors))...)
	}
}

// isSample reports whether content is the same as a sample, as the result of joining two pieces can be.
func (s Suite) isSample(content []byte) bool {
	for _, sample := range s.Samples {
		if bytes.Equal(sample, content) {
			return true
		}
	}
	return false
}

// flipped changes single bits and bytes everywhere in the smallest sample, and in random places of the others.
func (s Suite) flipped(t *testing.T) {
	t.Parallel()
	try := func(content []byte, at int, change byte) {
		content[at] ^= change
		defer func() { content[at] ^= change }()
		if _, err := Whole(s.Format, content); err != nil {
			t.Errorf("byte %d of %d xor %#02x: %v", at, len(content), change, err)
		}
	}
	small := slices.Clone(s.smallest(t))
	changes := []byte{0x01, 0x80, 0xff, 0x10}
	for at := range small {
		try(small, at, changes[at%len(changes)])
		if at < 1000 {
			try(small, at, changes[(at+1)%len(changes)])
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, sample := range s.Samples {
		content := slices.Clone(sample)
		for range min(100, 1+(4<<20)/len(content)) {
			try(content, random.IntN(len(content)), byte(1+random.IntN(255)))
		}
	}
}
