package zoo_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

// FuzzOpenBundle wants an error, or a place whose index is not accepted, because the key that signed the seeds is unknown.
func FuzzOpenBundle(f *testing.F) {
	p := newPublisher(f)
	target, _ := folderPlace(f)
	publication := p.publication("1.0.0")
	publication.Recordings = nil
	publish(f, target, publication)
	z := open(f, reader(f, p, target))
	found, err := z.Resolve(f.Context(), "digits_p16_64")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(read(f, bundle(f, z, found))[:200_000])
	f.Add([]byte("index.json"))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "bundle.tar")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		pack, err := place.OpenBundle(t.Context(), path)
		if err != nil {
			return
		}
		defer pack.Close()
		index, signature, err := pack.Index(t.Context())
		if err != nil {
			return
		}
		if _, err := (trust.Keyring{newPublisher(t).ring[0]}).Check("index", index, signature); err == nil {
			t.Error("an unknown key was accepted")
		}
	})
}
