// Package augment changes pictures at random while a model is trained, as microsoft/unilm's fine-tuning of BEiT does with timm: crops of random size, mirroring,
// RandAugment or jitter of colours, erased rectangles; and it mixes the pictures of a batch with one another, and their classes.
//
// Each operation computes what Pillow, timm or torch compute for the same parameters, to the bit. The parameters are drawn by a generator of our own, and are a
// function of a seed, the epoch, and the number of the picture or of the batch: how many workers there are, and where a training was resumed, changes nothing.
//
//	p := augment.Usual(recipe, size)
//	pixels, err := p.Picture(picture, seed, epoch, index)
//
// Sources: huggingface/pytorch-image-models timm/data/auto_augment.py, mixup.py, random_erasing.py, transforms.py; python-pillow/Pillow src/PIL/ImageOps.py,
// ImageEnhance.py, Image.py, src/libImaging/Blend.c, Filter.c, Geometry.c.
package augment
