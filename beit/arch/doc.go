// Package arch describes BEiT architectures: which parameters, of which shapes, each one has.
//
// A [Config] is data: it covers the classifiers (mean or class-token pooling, any class count, patch and image size) and the
// masked-image-modelling models of the family. [Config.Params] is the one list that converter, engines, manifests and test weights read.
//
//	config, err := arch.ByName("beit_base_p16_224")
//	for _, p := range config.Params() { fmt.Println(p.Name, p.Shape) }
//
// Names are canonical: those of microsoft/unilm beit/modeling_finetune.py, in torch layout, without index buffers.
package arch
