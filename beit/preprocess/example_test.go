package preprocess_test

import (
	"fmt"
	"os"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/preprocess"
)

// Prepares an image as timm does.
func Example() {
	recipe, err := card.RecipeFor("timm", 224)
	if err != nil {
		fmt.Println(err)
		return
	}
	file, err := os.Open("../../testdata/preprocess/chelsea.png")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	decoded, err := preprocess.Decode(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	tensor, err := preprocess.Apply(recipe, decoded)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d x %d pixels, resized to %d, cropped to %d: %d values\n",
		decoded.Width, decoded.Height, recipe.ResizeTo, recipe.Crop, len(tensor))
	// Output: 451 x 300 pixels, resized to 248, cropped to 224: 150528 values
}
