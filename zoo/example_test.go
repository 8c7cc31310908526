package zoo_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/beitzoo/beitzoo/manifests"
	"github.com/beitzoo/beitzoo/manifests/embedded"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
)

func ExampleZoo_Pull() {
	home, err := os.MkdirTemp("", "beitzoo")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(home)
	local, err := cache.New(filepath.Join(home, "cache"), cache.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	z, err := zoo.New(zoo.Options{Manifests: manifests.Files, Embedded: embedded.Files, Cache: local, State: home, Offline: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	found, err := z.Resolve(ctx, "digits_p16_64")
	if err != nil {
		fmt.Println(err)
		return
	}
	pulled, err := z.Pull(ctx, found, zoo.PullOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(found.Reference(), "from", pulled.From, pulled.Weights.Size, "bytes")
	// Output: digits_p16_64@1.0.0 from embedded 496632 bytes
}
