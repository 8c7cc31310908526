// Package beitzoo is the front door for Go programs: it opens any BEiT checkpoint and classifies images with it, in two calls.
//
//	model, err := beitzoo.Open(ctx, "beit_base_p16_224_ft.pdparams", beitzoo.Options{})
//	if err != nil {
//		return err
//	}
//	defer model.Close()
//	predictions, err := model.Predict(ctx, []string{"cat.jpg"}, 5)
//
// [Open] takes a file, a folder or a name of the zoo, and finds out format, naming scheme, architecture and preprocessing. What it had to guess is said in
// [Facts]. Everything else is in the packages below, each of which can be used alone; the examples of this package show the central ones.
//
// # What is where
//
// What weights are:
//
//   - tensor: dtype, shape, and bytes that are not read yet
//   - beit/arch: architectures, and the list of parameters that each one has
//   - beit/card: what makes weights a model beyond their tensors, such as the recipe that prepares images
//   - beit/synth: weights and images as functions of a seed, for tests
//
// What reads and writes them:
//
//   - convert: Open, Convert, Save, Diff and Inspect, for files of any supported framework
//   - convert/checkpoint: file formats, each in a package below it
//   - convert/naming: naming schemes as tables
//   - convert/configs: config.json, preprocessor_config.json, PASSL's yaml files
//
// What runs them:
//
//   - beit/engine: what running a model means; beit/engine/native is plain Go, beit/engine/torch is libtorch
//   - beit/preprocess: image files to input tensors
//   - beit/classify: logits, probabilities and labels of images
//   - evaluate: accuracy on a data set
//
// What shows that they are right:
//
//   - verify: compares a model with a recording of another program, another checkpoint, or itself in float64
//   - verify/recording: files of recorded activations
//   - verify/blame: which block is wrong, and what would repair it
//
// What distributes them:
//
//   - zoo: names to weights: List, Resolve, Pull, Publish, Mirror, Bundle
//   - zoo/manifest: the documents that describe weights
//   - zoo/store: blobs by digest, in caches, on web servers and in registries
//   - manifests, manifests/embedded: what ships with the program
//
// Errors are of the kinds in package errdef, which also finds out what a user can do about one.
package beitzoo
