// Package evaluate measures the accuracy of a model on images whose classes are known.
//
// [Folder] and [ClassFolders] list a data set with a folder for each class. [Classification] runs it through a classifier and returns the accuracy. [Score]
// computes the accuracy from logits of any other source.
//
// A [classify.Classifier] is made by classify.New; the models that beitzoo.Open returns have one, too.
//
//	data, err := evaluate.Folder("imagenet/val")
//	if err != nil {
//		return err
//	}
//	accuracy, err := evaluate.Classification(ctx, classifier, data, evaluate.Options{})
//	if err != nil {
//		return err
//	}
//	fmt.Printf("top-1 %.2f %%\n", 100*accuracy.Share1)
package evaluate
