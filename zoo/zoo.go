package zoo

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
	"github.com/beitzoo/beitzoo/zoo/store/httpstore"
	"github.com/beitzoo/beitzoo/zoo/store/retry"
)

// Encoding is the word in manifests for the lossless coding of package encoding.
const Encoding = "planes"

// Known is what manifests must agree with in this program.
func Known() manifest.Known {
	return manifest.Known{Architecture: arch.ByName, Formats: convert.Formats(), Schemes: naming.Names(), Encodings: []string{Encoding}}
}

// Options say what a Zoo works with.
type Options struct {
	// Manifests holds *.yaml, the manifests inside the program; nil for none. What they name needs no signature.
	Manifests fs.FS
	// Embedded has the files that addresses beginning with embedded: name; nil for none.
	Embedded fs.FS
	// Cache is where weights are brought to.
	Cache *cache.Cache
	// State is a folder of the user, for what must outlive the cache: pinned digests and keys, and the indexes that were seen.
	State string
	// Places publish weights, the first preferred.
	Places []Place
	// Keys may sign for the places, beside those that are pinned for them.
	Keys manifest.Keyring
	// HTTP says how servers of upstream checkpoints are asked.
	HTTP httpstore.Options
	// Retry says how patiently.
	Retry retry.Options
	// Offline forbids the network: only the cache, the program and local places are used.
	Offline bool
	// Now tells the time, for the expiry of indexes; nil takes the clock.
	Now func() time.Time
}

// Zoo finds and fetches weights. Its methods may be called from several goroutines, and by several processes with the same folders.
type Zoo struct {
	options  Options
	embedded []*manifest.Document
	trust    *manifest.Trust
}

// New reads the manifests inside the program. It asks no place.
func New(options Options) (*Zoo, error) {
	if options.Cache == nil || options.State == "" {
		return nil, errors.New("a zoo needs a cache and a folder for its state")
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	embedded, err := load(options.Manifests)
	if err != nil {
		return nil, err
	}
	return &Zoo{options: options, embedded: embedded, trust: OpenTrust(options.State)}, nil
}

// load parses and validates every manifest of a file system.
func load(files fs.FS) ([]*manifest.Document, error) {
	if files == nil {
		return nil, nil
	}
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, err
	}
	var documents []*manifest.Document
	for _, name := range names {
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		document, err := ReadManifest(name, raw)
		if err != nil {
			return nil, err
		}
		documents = append(documents, document)
	}
	return documents, nil
}

// ReadManifest parses a manifest and checks it against what the program knows. name is for messages. Errors are of type *manifest.Error.
func ReadManifest(name string, raw []byte) (*manifest.Document, error) {
	document, err := manifest.Parse(name, raw)
	if err != nil {
		return nil, err
	}
	return document, document.Validate(Known())
}

// Architecture gives the architecture of a manifest that ReadManifest accepted.
func Architecture(m *manifest.Manifest) (arch.Config, error) {
	if m.Config != nil {
		return *m.Config, nil
	}
	return arch.ByName(m.Architecture)
}

// blobOf translates a blob of a manifest. name is for messages.
func blobOf(b *manifest.Blob, name string) store.Blob {
	blob := store.Blob{Digest: b.Digest, Size: b.Size, Name: name}
	for i, chunk := range b.Chunks {
		size := min(b.ChunkSize, b.Size-int64(i)*b.ChunkSize)
		blob.Chunks = append(blob.Chunks, store.Chunk{Digest: chunk, Size: size})
	}
	return blob
}

// contentOf is the blob of a small file that an index or a manifest names.
func contentOf(content manifest.Content, name string) store.Blob {
	return store.Blob{Digest: content.Digest, Size: content.Size, Name: name}
}

// OfflineError says that something would have to be fetched from a network that must not be used.
type OfflineError struct{ What string }

func (e *OfflineError) Error() string {
	return fmt.Sprintf("%s is not here, and the network is off", e.What)
}

// Unwrap makes errors.Is find store.ErrUnreachable.
func (e *OfflineError) Unwrap() error { return store.ErrUnreachable }

// Hint says how to get it.
func (e *OfflineError) Hint() string {
	return "pull once without --offline, or from a bundle: beitzoo pull NAME --from FILE"
}

// sorted gives references by name, then version.
func sorted(all []Listing) []Listing {
	slices.SortStableFunc(all, func(a, b Listing) int {
		if a.Name != b.Name {
			if a.Name < b.Name {
				return -1
			}
			return 1
		}
		return manifest.CompareVersions(a.Version, b.Version)
	})
	return all
}

// OpenTrust gives what the user whose state that is remembers about places.
func OpenTrust(state string) *manifest.Trust {
	return manifest.OpenTrust(filepath.Join(state, "trust"))
}
