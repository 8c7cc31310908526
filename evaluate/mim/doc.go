// Package mim measures how well a masked-image model recovers the visual tokens of masked patches, as its pre-training counts it.
//
// A [Pair] is a masked model with the tokenizer whose tokens it was trained to predict. Both see the same part of a picture, each by its own filter and
// statistics. [Pair.Evaluate] counts; [Pair.Diagnose] tries the mistakes that are known to bring a right model near chance.
package mim
