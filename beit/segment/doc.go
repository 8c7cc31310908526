// Package segment says of each pixel of a picture what it shows, with a BEiT that has UPerNet.
//
// A [Recipe] says how a picture is resized, cut into windows and normalised, by name as the programs do it that trained such models:
//
//	recipe, err := segment.RecipeByName("unilm-ade640")
//	s, err := segment.New(model, config, recipe, segment.Options{})
//	m, err := s.Picture(ctx, picture)
//	fmt.Println(m.Width, m.Height, m.Classes[0]) // the class of the pixel at the top left
//
// The logits of all windows are kept in the size in which the model returns them, a sixteenth of the pixels. They are added, resized to the picture and compared some lines
// at a time, so that memory is that of the windows, however large the picture is: 15 MB for each of 640 pixels with 150 classes. With several scales it is also that of
// the probabilities, 4 bytes for each class and pixel.
package segment
