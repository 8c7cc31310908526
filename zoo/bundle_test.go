package zoo_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/manifests/embedded"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

func bundle(t testing.TB, z *zoo.Zoo, found ...*zoo.Match) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "models.tar")
	bundled, err := z.Bundle(t.Context(), path, found, zoo.PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != bundled.Bytes || len(bundled.Entries) != len(found) {
		t.Errorf("the bundle is reported as %v, error %v", bundled, err)
	}
	return path
}

func openBundle(t testing.TB, path string) *place.Bundle {
	t.Helper()
	pack, err := place.OpenBundle(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pack.Close() })
	return pack
}

// TestBundleOfAPlace carries a published entry to a machine without a network.
func TestBundleOfAPlace(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	target, _ := folderPlace(t)
	published := publish(t, target, p.publication("1.0.0"))
	z := open(t, reader(t, p, target))
	found := resolve(t, z, "digits_p16_64")
	path := bundle(t, z, found)
	if !bytes.Equal(read(t, path), read(t, bundle(t, z, found))) {
		t.Error("two bundles of the same entry differ")
	}
	options := reader(t, p, openBundle(t, path))
	options.Offline = true
	away := open(t, options)
	pulled := pull(t, away, resolve(t, away, "digits_p16_64@1.0.0"), zoo.PullOptions{})
	if string(pulled.Weights.Digest) != string(published.Weights.Digest) {
		t.Error("the weights from the bundle are not the published ones")
	}
	options = reader(t, newPublisher(t), openBundle(t, path))
	if _, err := open(t, options).Resolve(t.Context(), "digits_p16_64"); !errors.Is(err, trust.ErrUnknownKey) {
		t.Errorf("nobody trusts the publisher; error is %v", err)
	}
}

// TestBundleOfACheckpoint carries the upstream checkpoint of an entry that no place has.
func TestBundleOfACheckpoint(t *testing.T) {
	t.Parallel()
	server := serve(t, map[string][]byte{"weights": shipped(t, embedded.Checkpoint)})
	found := upstream(t, server.URL+"/weights")
	path := bundle(t, open(t, folders(t)), found)
	server.Close()
	options := folders(t)
	options.Offline, options.Places = true, []place.Place{openBundle(t, path)}
	pulled := pull(t, open(t, options), found, zoo.PullOptions{})
	if pulled.Pinned == nil || digest.FromBytes(read(t, pulled.Path)) != digest.FromBytes(canonicalDigits(t)) {
		t.Errorf("pinned is %v", pulled.Pinned)
	}
}

// TestHostileBundles opens files that are not bundles, or damaged ones.
func TestHostileBundles(t *testing.T) {
	t.Parallel()
	pack := func(files map[string]string) []byte {
		var content bytes.Buffer
		w := tar.NewWriter(&content)
		for name, text := range files {
			if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Mode: 0o644}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
		return content.Bytes()
	}
	other := digest.FromBytes([]byte("other"))
	tagged := `{"schemaVersion":2,"manifests":[{"digest":"` + string(other) + `","size":5,"annotations":{"org.opencontainers.image.ref.name":"zoo-upstream"}}]}`
	for name, test := range map[string]struct {
		content []byte
		want    error
	}{
		"empty":          {nil, store.ErrInvalid},
		"not an archive": {bytes.Repeat([]byte("x"), 2000), store.ErrInvalid},
		"no index":       {pack(map[string]string{"a": "b"}), store.ErrInvalid},
		"index not JSON": {pack(map[string]string{"index.json": "{"}), store.ErrInvalid},
		"blob missing":   {pack(map[string]string{"index.json": tagged}), nil},
		"wrong blob":     {pack(map[string]string{"index.json": tagged, "blobs/sha256/" + other.Encoded(): "wrong"}), store.ErrDigestMismatch},
		"huge blob":      {pack(map[string]string{"index.json": tagged, "blobs/sha256/" + other.Encoded(): "much too long"}), store.ErrDigestMismatch},
	} {
		path := filepath.Join(t.TempDir(), "bundle.tar")
		if err := os.WriteFile(path, test.content, 0o600); err != nil {
			t.Fatal(err)
		}
		opened, err := place.OpenBundle(t.Context(), path)
		if test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%s: error is %v, want %v", name, err, test.want)
		}
		if opened != nil {
			opened.Close()
		}
	}
	if _, err := place.OpenBundle(t.Context(), filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error is %v", err)
	}
}
