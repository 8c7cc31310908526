// Package classify turns images into classes: it prepares them by a recipe, runs them through a loaded model, and ranks what comes out.
//
// A [Classifier] is given a model that an engine loaded, the recipe by which images become its input, and the names of its classes. Which recipe is
// right for a model is not written in the weights: [ChooseRecipe] takes what is known, and says which piece of knowledge decided.
//
//	choice, err := classify.ChooseRecipe(config, classify.Known{Usual: "timm"})
//	if err != nil {
//		return err
//	}
//	classifier, err := classify.New(model, config, choice.Recipe, labels)
//	if err != nil {
//		return err
//	}
//	logits, err := classifier.Files(ctx, []string{"cat.jpg"}) // one row for each image
//	if err != nil {
//		return err
//	}
//	best := classifier.Top(logits[0], 5) // [{Index: 281, Label: "tabby", Probability: 0.93} ...]
package classify
