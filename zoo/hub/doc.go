// Package hub fetches models from the hub of Hugging Face, or from another server with the same API.
//
// A [Reference] such as hf://microsoft/beit-base-patch16-224 names a repository, and optionally a revision and a path in it. [Hub.Pull] finds out which commit the
// revision is, chooses the files of a model among those of the commit, copies them into the cache, and returns a folder, or a file, that package convert
// opens. The commit and the digests of the files are pinned: later pulls get the same files, without a network.
//
//	site, err := hub.FromEnvironment() // HF_ENDPOINT, HF_TOKEN
//	if err != nil { ... }
//	reference, _, err := hub.Parse("hf://microsoft/beit-base-patch16-224", site)
//	if err != nil { ... }
//	pulled, err := hub.New(hub.Options{Site: site, Cache: local, Records: records}).Pull(ctx, reference, hub.PullOptions{})
//	if err != nil { ... }
//	fmt.Println(pulled.Path)
//
// Nothing is fetched from anywhere but the hub that [Site] names and the storage to which it redirects; its token goes to the hub alone.
package hub
