// Package adapt changes a model so that it can be trained further: to images of another size, with another head, from a masked model to a classifier.
//
// Programs that fine-tune a BEiT do this while they load a checkpoint. [Apply] does it without them, and says each step: what it did, to which tensors, and
// whether something is lost.
//
//	result, err := adapt.Apply(model.Card(), model.Tensors, adapt.Options{ImageHeight: 384, ImageWidth: 384})
//
// Nothing is resampled whose size stays. A model that was resized, or has a new head, is where training starts: nobody has published its accuracy.
//
// Sources: microsoft/unilm beit/run_class_finetuning.py and beit/modeling_finetune.py, huggingface/pytorch-image-models timm/layers/pos_embed_rel.py and
// timm/layers/pos_embed.py, open-mmlab/mmpretrain mmpretrain/models/utils/embed.py.
package adapt
