// Package card holds the facts that weights alone do not state but that a program needs to use them: how images are prepared, what the classes are called,
// and the architecture with its LayerNorm epsilon.
//
// A [Recipe] says how an image becomes the input of a model. [RecipeFor] knows those of the programs that BEiT weights come from. The package only has
// data: beit/preprocess applies a recipe, convert/configs reads and writes the files in which other programs keep such facts, and a manifest
// (zoo/manifest) holds them in YAML.
//
//	recipe, err := card.RecipeFor("timm", 224) // resize the shorter edge to 248, crop 224
package card
