// Package zoo finds, fetches, builds and publishes sets of weights described by manifests.
//
// A [Zoo] knows the manifests inside the program, and those of the places that it is given. [Zoo.Resolve] finds the manifest of a name,
// [Zoo.Pull] brings its weights into the local cache as one canonical safetensors file: from the places where they are published, else from
// the upstream checkpoint, which is downloaded, converted and checked.
//
//	z, err := zoo.New(zoo.Options{Manifests: manifests.Files, Embedded: embedded.Files, Cache: local, State: folder})
//	if err != nil { ... }
//	match, err := z.Resolve(ctx, "beit_large_p16_512")
//	if err != nil { ... }
//	pulled, err := z.Pull(ctx, match, zoo.PullOptions{})
//	fmt.Println(pulled.Path)
//
// [Zoo.Publish] is the way back: from a checkpoint to a signed entry of a place. [Zoo.Mirror] copies entries between places, and [Zoo.Bundle] puts
// them into one file that is itself a place. Bytes are moved by store.Copy alone, and none is used before it was verified.
package zoo
