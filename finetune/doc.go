// Package finetune trains a classifier further, or a masked model that was made one, on pictures of known classes: step for step as unilm does it.
//
// [Settings] are the recipe, and know what it means for each parameter and each step. [Run] is the training: it takes an [engine.Learner], which computes
// gradients and changes parameters, and [Pictures]. All that is drawn by chance is a function of the seed and of the place in the training, so one that is
// interrupted, whatever way, goes on to the same bits.
//
// Nothing here needs libtorch; the learner that there is does, see beit/engine/torch.
package finetune
