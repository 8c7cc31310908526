package ocistore_test

import (
	"bytes"
	"context"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"go.uber.org/goleak"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/ocistore"
	"github.com/beitzoo/beitzoo/zoo/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// anonymous has no login: tests do not depend on those of whoever runs them.
func anonymous(context.Context, string) (auth.Credential, error) { return auth.EmptyCredential, nil }

// startRegistry starts a registry of another project and returns the address of a repository in it.
func startRegistry(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://") + "/zoo/beit"
}

func newRegistry(t testing.TB, reference string, options ocistore.RegistryOptions) *ocistore.Registry {
	t.Helper()
	if options.Credential == nil {
		options.Credential = anonymous
	}
	r, err := ocistore.NewRegistry(reference, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.CloseIdleConnections)
	return r
}

func newLayout(t testing.TB) *ocistore.Layout {
	t.Helper()
	l, err := ocistore.NewLayout(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// places are the kinds of Place.
var places = map[string]func(t testing.TB) ocistore.Place{
	"layout":   func(t testing.TB) ocistore.Place { return newLayout(t) },
	"registry": func(t testing.TB) ocistore.Place { return newRegistry(t, startRegistry(t), ocistore.RegistryOptions{}) },
}

func TestConformance(t *testing.T) {
	for name, open := range places {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) storetest.Subject {
				place := open(t)
				return storetest.Subject{Fetcher: place, Pusher: place}
			})
		})
	}
}

// TestBundleConformance makes a new bundle whenever something is put into it.
func TestBundleConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Subject {
		var from storetest.Memory
		var files []ocistore.File
		current := new(bundleHolder)
		t.Cleanup(func() { current.Close() })
		return storetest.Subject{Fetcher: current, Put: func(content []byte) {
			files = append(files, ocistore.File{Path: "f", Blob: from.Put(content, 0)})
			current.replace(t, bundle(t, &from, ocistore.Artifact{Files: files}))
		}}
	})
}

// bundleHolder holds the newest bundle, or none.
type bundleHolder struct{ *ocistore.Bundle }

func (h *bundleHolder) replace(t *testing.T, b *ocistore.Bundle) {
	h.Close()
	h.Bundle = b
}

func (h *bundleHolder) Close() {
	if h.Bundle != nil {
		h.Bundle.Close()
	}
}

// bundle returns a bundle of an artifact, as version 1.0.0.
func bundle(t testing.TB, from store.Fetcher, artifact ocistore.Artifact) *ocistore.Bundle {
	t.Helper()
	layout := newLayout(t)
	if _, err := ocistore.Publish(t.Context(), from, layout, "1.0.0", artifact, store.Options{}); err != nil {
		t.Fatal(err)
	}
	var content bytes.Buffer
	if err := ocistore.WriteBundle(t.Context(), &content, layout, "1.0.0"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "bundle.tar")
	if err := os.WriteFile(path, content.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := ocistore.OpenBundle(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
