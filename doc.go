// Package beitzoo is where a Go program starts: it opens any BEiT checkpoint, classifies images, and lists the other packages.
//
// The five most common tasks follow. Error handling is left out; the examples of this package are complete.
//
// List the parameters of a checkpoint, whichever framework wrote it:
//
//	model, err := convert.Open(ctx, checkpoint, convert.OpenOptions{})
//	defer model.Close()
//	for _, t := range model.Tensors {
//		fmt.Println(t.Name, t.DType, t.Shape)
//	}
//
// Convert it to another framework; Prove reads the new file back and compares it before the file gets its name:
//
//	options := convert.Options{SaveOptions: convert.SaveOptions{To: "timm", Prove: true}}
//	report, err := convert.Convert(ctx, checkpoint, target, options)
//
// Classify an image:
//
//	model, err := beitzoo.Open(ctx, checkpoint, beitzoo.Options{})
//	defer model.Close()
//	predictions, err := model.Predict(ctx, []string{"manifests/embedded/images/7/005.png"}, 1)
//
// Verify a model of convert.Open against what another program computed with the same weights:
//
//	reference, err := recording.Read(ctx, recorded)
//	subject := verify.Subject{Name: "digits", Config: model.Config, Weights: model.Tensors, Engine: native.Engine{}}
//	result, err := verify.Verify(ctx, subject, verify.Recorded("passl", reference), verify.Options{})
//
// Download weights by name, or find them in the user's cache:
//
//	z, err := beitzoo.NewZoo(zoo.Options{})
//	found, err := z.Resolve(ctx, "digits_p16_64")
//	pulled, err := z.Pull(ctx, found, zoo.PullOptions{})
//
// [Open] takes a file, a folder or a name in the zoo, and finds out format, naming scheme, architecture and preprocessing. Some of this is not stored with
// the weights: [Facts] name the source of each, so a program can distinguish a fact from a guess. A program that only has files, and should stay small,
// calls convert.Open, an engine and package classify directly.
//
// # Packages
//
// The paths are below github.com/beitzoo/beitzoo.
//
// What weights are:
//
//   - tensor: dtype, shape, and bytes that are not read yet
//   - tensor/relation: how one tensor follows from another: rounded, transposed, in another order, scaled
//   - beit/arch: architectures, and the list of parameters that each one has
//   - beit/card: facts that weights do not state, such as the recipe that prepares images
//   - beit/vocabulary: the classes of ImageNet, by name and WordNet id
//   - beit/synth: weights and images as functions of a seed, for tests
//
// What reads and writes them:
//
//   - convert: Open, Convert, Save, Diff and Inspect, for files of any supported framework
//   - convert/checkpoint: file formats, each in a package below it
//   - convert/naming, convert/transform: naming schemes as tables, maps of your own, and the tensor operations that they need
//   - convert/naming/proposal: drafts of maps
//   - convert/adapt: another image size, another head
//   - convert/configs: config.json, preprocessor_config.json, PASSL's yaml files
//   - convert/output: files that appear whole or not at all
//
// What runs them:
//
//   - beit/engine: the interfaces Engine and Model, and the stages of a forward pass
//   - beit/engine/native, beit/engine/torch: the engines in plain Go and on libtorch
//   - beit/engine/whatif: stages in float64, as a program with a mistake would compute them
//   - beit/preprocess: turns image files into input tensors
//   - beit/preprocess/jpeg: decodes JPEG files to the samples of libjpeg-turbo
//   - beit/pictures: finds the pictures that folders, patterns and lists stand for
//   - beit/classify: turns images into logits, probabilities and labels
//   - beit/tokenizer: turns images into visual tokens
//   - beit/segment: says of each pixel of a picture what it shows
//   - beit/masking: chooses the patches that a masked-image model has to recover
//   - beit/features: vectors of pictures, and files of them
//   - beit/attention: shows which patches of a picture a model attends to
//   - finetune: trains a model on pictures of known classes
//   - finetune/probe: fits a linear classifier to features, which says how much they tell
//   - finetune/augment: changes pictures at random while a model is trained, as unilm and timm do
//   - evaluate: measures accuracy on a data set
//   - evaluate/dataset: images whose classes are known, in folders, lists and tar files
//   - evaluate/mim: measures how many visual tokens of masked patches a model recovers
//   - evaluate/segmentation: measures mIoU of maps of classes
//   - evaluate/tokens: files of the visual tokens of many images
//   - evaluate/report: an evaluation as a web page
//
// What shows that they are right:
//
//   - verify: compares a model with a recording of another program, with another checkpoint, or with itself in float64
//   - verify/recording: files of recorded activations
//   - verify/blame, verify/drift: find what would repair a wrong block, and measure how far two runs are apart
//   - verify/blame/loss: finds in the weights alone what was lost: zeros, copies, roundings, single values
//   - verify/report: writes results as text and as JSON
//
// What distributes them:
//
//   - zoo: finds weights by name, and publishes them: List, Resolve, Pull, Publish, Mirror, Bundle
//   - zoo/manifest: the documents that describe weights
//   - zoo/hub: models of Hugging Face's hub
//   - zoo/place, zoo/store: places that publish models, and stores of blobs by digest: caches, web servers, registries
//   - zoo/trust, zoo/pins: the keys that a user accepts, and the digests under which converted weights were seen before
//   - zoo/encoding, zoo/site: a lossless encoding of weights, and web pages about a zoo
//   - manifests, manifests/embedded: what ships with the program
//
// Every error is of one of the kinds in package errdef; errdef.Hint returns what a user can do about an error.
package beitzoo
