package jpeg

import "golang.org/x/sys/cpu"

// inversePair transforms two blocks, which lie one after the other, as inverseGo does, but for blocks that overflow and have nothing below the first line.
//
//go:noescape
func inversePair(a, b *uint8, stride int, blocks *[128]int16, quant *[64]uint16, table *[10]int32)

var fast = cpu.X86.HasAVX2

// factors is the table of the assembly.
var factors = func() *[10]int32 {
	pair := func(first, second int32) int32 { return first&0xffff | second<<16 }
	return &[10]int32{
		pair(f0541196100+f0765366865, f0541196100), pair(f0541196100, f0541196100-f1847759065),
		pair(f1175875602-f1961570560, f1175875602), pair(f1175875602, f1175875602-f0390180644),
		pair(f0298631336-f0899976223, -f0899976223), pair(-f0899976223, f1501321110-f0899976223),
		pair(f2053119869-f2562915447, -f2562915447), pair(-f2562915447, f3072711026-f2562915447),
		1 << 10, 1 << 17,
	}
}()
