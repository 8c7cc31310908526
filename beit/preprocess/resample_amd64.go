package preprocess

import "golang.org/x/sys/cpu"

var fast = cpu.X86.HasAVX2

// weighPixels makes count pixels of a line: the weighted sums of the pixels from src+first[i] on, two at a time, for which each has pairs of weights,
// [pairs, 2, 4], the fourth of which do not matter. It reads 2 bytes beyond the last pixel, and writes one beyond the last.
//
//go:noescape
func weighPixels(dst, src *uint8, first *int32, weights *int32, pairs, count int, half int32, shift uint64)

// weighLines makes count samples, a multiple of 16, of so many lines that lie pitch apart, with a weight each.
//
//go:noescape
func weighLines(dst, src *uint8, pitch int, weights *int32, lines, count int, half int32, shift uint64)
