//go:build registry

package ocistore_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/ocistore"
	"github.com/beitzoo/beitzoo/zoo/store/storetest"
)

func TestRealRegistryConformance(t *testing.T) {
	reference := storetest.StartRegistry(t) + "/zoo/beit"
	number := 0
	storetest.Run(t, func(t *testing.T) storetest.Subject {
		number++
		r := newRegistry(t, fmt.Sprintf("%s%d", reference, number), ocistore.RegistryOptions{})
		return storetest.Subject{Fetcher: r, Pusher: r}
	})
}

// TestRealRegistry publishes, publishes again, and reads what is there with plain HTTP and with this package.
func TestRealRegistry(t *testing.T) {
	reference := storetest.StartRegistry(t) + "/zoo/beit"
	place := newRegistry(t, reference, ocistore.RegistryOptions{})
	var from storetest.Memory
	artifact := example(&from)
	large := storetest.Random(3<<20, 5)
	artifact.Files = append(artifact.Files, ocistore.File{Path: "large.bin", Blob: from.Put(large, 1<<18)})
	manifest, err := ocistore.Publish(t.Context(), &from, place, "1.0.0", artifact, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ocistore.Publish(t.Context(), &from, place, "1.0.0", artifact, store.Options{}); err != nil || cmp.Diff(manifest, again) != "" {
		t.Errorf("again: %v, %v", again, err)
	}
	response, err := http.Get("http://" + reference[:len(reference)-len("/zoo/beit")] + "/v2/zoo/beit/blobs/" + string(artifact.Files[2].Blob.Digest))
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer response.Body.Close()
	if plain, err := io.ReadAll(response.Body); err != nil || !bytes.Equal(plain, large) {
		t.Errorf("plain HTTP returned %d other bytes, %v", len(plain), err)
	}
	got, digest, err := ocistore.Read(t.Context(), place, "1.0.0")
	if err != nil || digest != manifest.Digest {
		t.Fatalf("read %v, %v", digest, err)
	}
	layout := newLayout(t)
	if _, err := ocistore.Mirror(t.Context(), place, layout, "1.0.0", store.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, file := range got.Files {
		if _, err := layout.Stat(t.Context(), file.Blob); err != nil {
			t.Errorf("%s: %v", file.Path, err)
		}
	}
	// Chunks are fetched by ranges.
	var to storetest.Memory
	if _, err := store.Copy(t.Context(), place, &to, artifact.Files[2].Blob, store.Options{}); err != nil {
		t.Error(err)
	}
	part, err := place.FetchRange(t.Context(), artifact.Files[2].Blob, "", store.Span{Offset: 1 << 20, Size: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer part.Close()
	if some, err := io.ReadAll(part); err != nil || !bytes.Equal(some, large[1<<20:1<<20+1000]) {
		t.Errorf("a range has %d other bytes, %v", len(some), err)
	}
}
