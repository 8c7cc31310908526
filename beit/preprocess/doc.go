// Package preprocess turns image files into the input tensor that a set of weights was trained on.
//
// What is done is data, a [card.Recipe]: how to resize, what to crop, which mean and standard deviation. There is no single BEiT recipe;
// [card.RecipeFor] knows those of the sources that publish weights. [Decode] reads JPEG, PNG, GIF, BMP and WebP files into 8-bit RGB as Pillow's
// convert("RGB") does, [Pixels] resizes and crops with Pillow's 8-bit arithmetic, and [Apply] adds the float32 normalisation of torchvision, each to
// the last bit. One step is not exact: the inverse DCT of JPEG files is that of the standard library, which rounds some samples of a decoded plane to
// the other neighbour than libjpeg-turbo does. Both are within the standard's accuracy; of the golden photographs at most 6 in 100 samples of the
// result differ, by at most 3 of 255 grey levels (the table in the tests).
//
//	recipe, err := card.RecipeFor("timm", 224)
//	if err != nil {
//		return err
//	}
//	batch, err := preprocess.Files(ctx, recipe, []string{"cat.jpg", "dog.png"}) // [2, 3, 224, 224]
//
// EXIF orientation is not applied, because none of the sources applies it.
package preprocess
