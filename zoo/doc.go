// Package zoo finds, fetches, builds and publishes sets of weights described by manifests.
//
// A [Zoo] knows the manifests inside the program, and those of the places that it is given. [Zoo.Resolve] finds the manifest of a name,
// [Zoo.Pull] brings its weights into the local cache as one canonical safetensors file: from the places where they are published, else from
// the upstream checkpoint, which is downloaded, converted and checked.
//
//	local, err := cache.New("", cache.Options{}) // the user's cache
//	if err != nil { ... }
//	state, err := zoo.DefaultState()
//	if err != nil { ... }
//	z, err := zoo.New(zoo.Options{Manifests: manifests.Files, Embedded: embedded.Files, Cache: local, State: state})
//	if err != nil { ... }
//	match, err := z.Resolve(ctx, "beit_large_p16_512")
//	if err != nil { ... }
//	pulled, err := z.Pull(ctx, match, zoo.PullOptions{})
//	if err != nil { ... }
//	fmt.Println(pulled.Path)
//
// The package at the root of the module runs the weights: its Load takes the file, and its Open takes the name, pulls and loads.
//
// To pull from a place of your own, open it with place.Open and set Options.Places, and Options.Keys to its publisher's key, which
// trust.ReadPublicKey reads. The key is pinned when the place is first used, and may be left out from then on.
//
// [Zoo.Publish] goes the other way: it makes a checkpoint a signed entry of a place. [Zoo.Mirror] copies entries between places, and [Zoo.Bundle]
// puts them into one file that is itself a place. [Zoo.SetStatus] says of what is published that it is wrong or old. Bytes are moved by store.Copy
// alone, and none is used before it is verified.
package zoo
