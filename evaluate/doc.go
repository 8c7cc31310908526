// Package evaluate measures the accuracy of a model on images whose classes are known.
//
// Package dataset lists the images and matches their classes with those of the model. [Classification] runs them through a classifier and returns the accuracy.
// [Score] computes the accuracy from logits of any other source.
//
// A [classify.Classifier] is made by classify.New; the models that beitzoo.Open returns have one, too.
//
//	found, err := dataset.Open(ctx, []string{"imagenet/val"}, dataset.Options{})
//	if err != nil {
//		return err
//	}
//	data, err := found.Match(ctx, dataset.Model{Classes: classifier.Config().Classes, Labels: classifier.Labels()}, dataset.Matching{})
//	if err != nil {
//		return err
//	}
//	accuracy, err := evaluate.Classification(ctx, classifier, data, evaluate.Options{})
//	if err != nil {
//		return err
//	}
//	fmt.Printf("top-1 %.2f %%\n", 100*accuracy.Share1)
package evaluate
