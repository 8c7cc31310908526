// Package vocabulary has the classes of data sets that models are usually trained on: their names and WordNet ids, in the order of the logits.
//
// ImageNet-1k has 1000 classes, ImageNet-22k 21,841; of both, the order is that of the WordNet ids, as in torchvision, timm and the models of microsoft/unilm.
// The ids and names are those in timm/data/_info of huggingface/pytorch-image-models (Apache-2.0); the names are the words of WordNet's synsets (Princeton
// University, WordNet licence, https://wordnet.princeton.edu/license-and-commercial-use). The numbers of ImageNet's development kit are those in its own file
// map_clsloc.txt. testdata/make.py made the lists.
//
// That a model has 1000 classes does not say that they are these: somebody has to state it, such as a manifest.
package vocabulary
