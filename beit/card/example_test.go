package card_test

import (
	"fmt"

	"github.com/beitzoo/beitzoo/beit/card"
)

// Prints how different programs prepare images for the same weights.
func ExampleRecipeFor() {
	for _, name := range []string{"unilm", "timm", "hf"} {
		recipe, err := card.RecipeFor(name, 224)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(name, recipe.Resize, recipe.ResizeTo, recipe.Interpolation)
	}
	// Output:
	// unilm shorter-edge 256 bicubic
	// timm shorter-edge 248 bicubic
	// hf squash 224 bilinear
}
