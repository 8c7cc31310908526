// Package engine defines what it means to run a model, so that results from different runtimes can be compared.
//
// An [Engine] loads canonical weights into a [Model]; Forward takes normalised images and returns logits. A [Tap] is handed each named
// activation on the way: "embed", "blocks.{i}.attn", "blocks.{i}", "pool", "logits", in that order.
package engine
