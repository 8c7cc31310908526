// Package encoding shrinks files of weights without loss, chunk by chunk, and reads them back exactly.
//
// Use it to publish weights: [Encode] turns a file (a canonical safetensors file, but any bytes will do) into a smaller one, [Open] reads that
// back whole or in parts. Trained weights are noise except for their exponents, so general compressors save little. Here every float is
// split into bytes, and the byte with the exponent, which takes few values, is Huffman-coded.
//
//	regions, err := encoding.Safetensors(file, size)
//	if err != nil { ... }
//	table, err := encoding.Encode(ctx, coded, file, regions, encoding.Options{})
//
// The format is described for other implementers in docs/encoding.md.
package encoding
