// Package card says what turns weights into a usable model beyond their tensors: how images are prepared, what the classes are called, which
// epsilon the weights were trained with, and where each of these facts was found.
//
// It is data alone. Package preprocess applies a [Recipe], package configs reads and writes the files in which other programs keep these facts, and
// a manifest holds them in YAML.
//
//	recipe, err := card.RecipeFor("timm", 224) // resize the shorter edge to 248, crop 224
package card
