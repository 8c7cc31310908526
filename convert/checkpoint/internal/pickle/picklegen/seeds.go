package picklegen

import (
	"bytes"
	"math"
)

// Seeds returns short files of every kind, for fuzz targets to begin with.
func Seeds() [][]byte {
	var all [][]byte
	for _, c := range Hostile() {
		if len(c.Content) < 4096 {
			all = append(all, c.Content)
		}
	}
	for protocol := range 6 {
		all = append(all, New(protocol).Dict(func(w *Writer) {
			w.Text("weight").Array(Array{Code: "f4", Shape: []int{8, 8}, Data: bytes.Repeat([]byte{0, 0x80, 0x3f, 0xc0}, 64), Buffer: protocol == 5})
			w.Text("more").List(func(w *Writer) { w.Ints(1, -2, math.MaxInt).Float(0.5).None().Bool(true).Op('2') })
		}).Stop())
	}
	return append(all,
		Doubled(40),
		[]byte("(dp0\nS'a'\np1\n(I1\nL2L\nF0.5\nVb\ntp2\nsg0\n0."),
		[]byte("\x80\x05\x95\x03\x00\x00\x00\x00\x00\x00\x00K\x01\x95\x00\x00\x00\x00\x00\x00\x00\x000N."))
}
