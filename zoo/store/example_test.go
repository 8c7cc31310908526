package store_test

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
	"github.com/beitzoo/beitzoo/zoo/store/treestore"
)

func ExampleCopy() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	published, err := treestore.New(dir + "/published")
	if err != nil {
		fmt.Println(err)
		return
	}
	weights := []byte("weights")
	blob, err := published.Push(ctx, store.Blob{Name: "tiny", Size: store.UnknownSize}, bytes.NewReader(weights))
	if err != nil {
		fmt.Println(err)
		return
	}
	local, err := cache.New(dir+"/cache", cache.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	blob, err = store.Copy(ctx, published, local, blob, store.Options{})
	fmt.Println(blob.Size, blob.Digest, err)
	// Output: 7 sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c <nil>
}
