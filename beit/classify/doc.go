// Package classify turns images into classes: it prepares them by a recipe, runs them through a loaded model, and ranks the classes by probability.
//
// A [Classifier] needs a model that an engine loaded, the recipe that turns images into its input, and the names of its classes. The weights do not say
// which recipe is the right one: [card.ChooseRecipe] decides from what is known, and says on which fact the choice rests.
//
// The root package does all of this for any checkpoint. Without it, config and the tensors come from convert.Open:
//
//	model, err := native.Engine{}.Load(ctx, config, tensors, engine.Options{})
//	if err != nil {
//		return err
//	}
//	defer model.Close()
//	choice, err := card.ChooseRecipe(config, card.Known{Usual: "timm"})
//	if err != nil {
//		return err
//	}
//	classifier, err := classify.New(model, card.Card{Config: config, Facts: card.Facts{Recipe: &choice.Recipe, Labels: labels}})
//	if err != nil {
//		return err
//	}
//	logits, err := classifier.Files(ctx, []string{"cat.jpg"}) // one row for each image
//	if err != nil {
//		return err
//	}
//	best := classifier.Top(logits[0], 5) // [{Index: 281, Label: "tabby", Probability: 0.93} ...]
package classify
