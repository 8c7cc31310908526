package preprocess_test

import (
	"fmt"
	"os"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/preprocess"
)

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
	picture, err := preprocess.Decode(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	tensor, err := preprocess.Apply(recipe, picture)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d x %d pixels, resized to %d, cropped to %d: %d values\n",
		picture.Width, picture.Height, recipe.ResizeTo, recipe.Crop, len(tensor))
	// Output: 451 x 300 pixels, resized to 248, cropped to 224: 150528 values
}
