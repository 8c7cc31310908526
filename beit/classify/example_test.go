package classify_test

import (
	"context"
	"fmt"
	"log"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/naming"
)

// Opens a checkpoint, loads it into an engine and classifies an image.
func Example() {
	ctx := context.Background()
	opened, err := convert.Open(ctx, "../../manifests/embedded/digits_p16_64.pdparams", convert.OpenOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer opened.Close()
	model, err := native.Engine{}.Load(ctx, opened.Config, opened.Tensors, engine.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	choice, err := card.ChooseRecipe(opened.Config, card.Known{Usual: naming.RecipeName(opened.Scheme)})
	if err != nil {
		log.Fatal(err)
	}
	labels := []string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}
	classifier, err := classify.New(model, card.Card{Config: opened.Config, Facts: card.Facts{Recipe: &choice.Recipe, Labels: labels}})
	if err != nil {
		log.Fatal(err)
	}
	logits, err := classifier.Files(ctx, []string{"../../manifests/embedded/images/7/005.png"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("prepared by:", choice.Name, "from", choice.From)
	for _, class := range classifier.Top(logits[0], 2) {
		fmt.Printf("%4.1f %% %s\n", 100*class.Probability, class)
	}
	// Output:
	// prepared by: passl-digits from the architecture
	// 99.4 % seven (class 7)
	//  0.3 % four (class 4)
}
