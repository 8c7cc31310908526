// Package arch describes BEiT architectures: which parameters, of which shapes, each one has.
//
// A [Config] covers the classifiers (mean or class-token pooling, any number of classes, any patch and image size) and the
// masked-image-modelling models of the family, those of BEiT v2, DiT, data2vec-vision and EVA-01 among them. [ByName]
// returns that of a released model, and [Infer] that of given parameters. [Config.Params] is the one list of parameters: converter, engines, manifests and test weights all use it.
//
//	config, err := arch.ByName("beit_base_p16_224")
//	for _, p := range config.Params() { fmt.Println(p.Name, p.Shape) }
//
// Parameters have canonical names: those of microsoft/unilm beit/modeling_finetune.py. Shapes are those of PyTorch. The relative_position_index buffers are
// not parameters; [RelativePositionIndex] computes them.
package arch
