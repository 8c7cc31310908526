// Package features makes vectors of pictures from the activations of a model, and writes files of them.
//
// A [Feature] says which activation is wanted and what becomes of it; its names and values are those of timm: pool is forward_head(pre_logits=True), tokens is
// forward_features. [NewSafetensors] and [NewLines] write the features of any number of pictures with the memory of one.
package features
