// Package preprocess turns image files into the input tensor that a set of weights was trained on.
//
// A [card.Recipe] says how to resize, what to crop, and which mean and standard deviation to normalise with. There is no single BEiT recipe;
// [card.RecipeFor] knows those of the sources that publish weights. [Decode] reads JPEG, PNG, GIF, BMP, WebP, TIFF and Netpbm files into 8-bit RGB as
// Pillow's convert("RGB") does, [Pixels] resizes and crops with Pillow's 8-bit arithmetic, and [Apply] adds the float32 normalisation of torchvision. All
// of this is equal to the last bit; package jpeg has libjpeg-turbo's arithmetic.
//
//	recipe, err := card.RecipeFor("timm", 224)
//	if err != nil {
//		return err
//	}
//	batch, err := preprocess.Files(ctx, recipe, []string{"cat.jpg", "dog.png"}) // [2, 3, 224, 224]
//
// A recipe of the other arithmetic, [card.Tensors], is as exact. Whether an image is turned as its file says is a matter of the recipe, too; [Prepare], which
// makes the tensor of one file, says if it was not.
package preprocess
