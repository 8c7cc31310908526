package treestore_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/storetest"
	"github.com/beitzoo/beitzoo/zoo/store/treestore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newTree(t *testing.T) *treestore.Tree {
	t.Helper()
	tree, err := treestore.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Subject {
		tree := newTree(t)
		return storetest.Subject{Fetcher: tree, Pusher: tree}
	})
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	tree := newTree(t)
	if _, err := tree.Read("manifests/a/1.0.0.yaml"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("absent: %v", err)
	}
	for _, step := range []struct {
		write   func(string, []byte) error
		content string
		want    error
	}{
		{tree.Create, "one", nil},
		{tree.Create, "one", nil},
		{tree.Create, "two", store.ErrExists},
		{tree.Replace, "three", nil},
		{tree.Create, "one", store.ErrExists},
	} {
		if err := step.write("manifests/a/1.0.0.yaml", []byte(step.content)); !errors.Is(err, step.want) {
			t.Errorf("writing %q: got %v, want %v", step.content, err, step.want)
		}
	}
	if got, err := tree.Read("manifests/a/1.0.0.yaml"); err != nil || string(got) != "three" {
		t.Errorf("got %q, %v", got, err)
	}
	if entries, err := os.ReadDir(tree.Dir()); err != nil || len(entries) != 1 {
		t.Errorf("left in the folder: %v, %v", entries, err)
	}
}

func TestNamesStayInside(t *testing.T) {
	t.Parallel()
	tree := newTree(t)
	for _, name := range []string{"", ".", "..", "../x", "/etc/passwd", "a/../../x", "a//b", "blobs", "blobs/sha256/x", "a/", "a\x00b"} {
		if err := tree.Replace(name, nil); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%q: got %v", name, err)
		}
	}
	if err := tree.Replace("blobsters/x", nil); err != nil {
		t.Error(err)
	}
}

// TestAnyServer publishes the folder with the file server of the standard library.
func TestAnyServer(t *testing.T) {
	t.Parallel()
	tree := newTree(t)
	var from storetest.Memory
	blob := from.Put(storetest.Random(5000, 1), 0)
	if _, err := store.Copy(t.Context(), &from, tree, blob, store.Options{}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(tree.Dir())))
	defer server.Close()
	response, err := server.Client().Get(server.URL + "/blobs/sha256/" + blob.Digest.Encoded())
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK || response.ContentLength != 5000 || response.Header.Get("Accept-Ranges") != "bytes" {
		t.Errorf("got %v", response)
	}
}
