// Package evaluate measures how good a model is on images whose classes are known.
//
// [Folder] and [ClassFolders] list a data set in the usual form, a folder for each class. [Classification] runs it through a classifier, and [Score]
// counts what comes out of any other source of logits.
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
