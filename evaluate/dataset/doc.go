// Package dataset lists images whose classes are known, and says which logit of a model stands for each class.
//
// [Open] lists a source: a folder with a folder for each class, a flat folder with a file of the right classes, a list as CSV or JSONL, tar files. The result
// is a [Collection], whose classes are names. [Collection.Match] matches them with the classes of a model, and stops before the first image if they do not
// fit. The result is a [Set], which package evaluate runs.
//
//	found, err := dataset.Open(ctx, []string{"imagenet/val"}, dataset.Options{})
//	if err != nil {
//		return err
//	}
//	set, err := found.Match(ctx, dataset.Model{Classes: config.Classes, Labels: labels}, dataset.Matching{})
//	if err != nil {
//		return err // the classes of the data are not those of the model
//	}
//	for _, note := range set.Notes() {
//		log.Print(note) // such as files that are no images
//	}
package dataset
