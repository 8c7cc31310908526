// Package dataset lists images whose classes are known, and says which logit of a model stands for each class.
//
// A [Set] is such a list: of class folders, of a list file, of tar files. [Mapping] says by what its classes were matched with those of the model.
package dataset
