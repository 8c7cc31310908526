package zoo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/zoo/hub"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
	"github.com/beitzoo/beitzoo/zoo/store/httpstore"
	"github.com/beitzoo/beitzoo/zoo/store/retry"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

// PlanesEncoding names the lossless compression of package encoding in manifests.
const PlanesEncoding = "planes"

// Known returns the architectures, formats, schemes and encodings of this program, with which manifests must agree.
func Known() manifest.Known {
	return manifest.Known{Architecture: arch.ByName, Formats: convert.Formats(), Schemes: naming.Names(), Encodings: []string{PlanesEncoding}}
}

// Options say what a Zoo works with.
type Options struct {
	// Manifests holds the manifests inside the program, *.yaml, or is nil. They need no signature.
	Manifests fs.FS
	// Embedded holds the files that addresses beginning with "embedded:" name, or is nil.
	Embedded fs.FS
	// Cache is where pulled weights are stored.
	Cache *cache.Cache
	// State is a folder of the user for what must outlive the cache: pinned digests, pinned keys, and the latest index of each place. DefaultState
	// returns the usual one.
	State string
	// Places publish weights. Earlier ones are preferred. They must stay open while the Zoo is used.
	Places []place.Place
	// Keys are trusted to sign for every place, besides the keys that are pinned for it. A place that was never used needs one of them.
	Keys trust.Keyring
	// Hub is the hub of Hugging Face, or another with the same API, and the token for it. The zero value is theirs, without a token; hub.FromEnvironment
	// returns what their own programs would use.
	Hub hub.Site
	// HTTP says how servers of upstream checkpoints are reached.
	HTTP httpstore.Options
	// Retry says how often, and how long, failed requests are repeated.
	Retry retry.Options
	// Offline forbids the network: only the cache, the program and local places are used.
	Offline bool
	// Now returns the time, for the expiry of indexes; nil is time.Now.
	Now func() time.Time
}

// Zoo finds and fetches weights. Its methods may be called from several goroutines, and by several processes with the same folders.
type Zoo struct {
	options  Options
	embedded []*manifest.Document
	trust    *trust.Ledger
}

// New returns a Zoo, for which it reads the manifests inside the program; a wrong one is a *manifest.Error. It does not access the places.
func New(options Options) (*Zoo, error) {
	if options.Cache == nil || options.State == "" {
		return nil, errors.New("a zoo needs a cache and a folder for its state")
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	embedded, err := loadManifests(options.Manifests)
	if err != nil {
		return nil, err
	}
	return &Zoo{options: options, embedded: embedded, trust: OpenTrust(options.State)}, nil
}

// loadManifests parses and validates every manifest of a file system.
func loadManifests(files fs.FS) ([]*manifest.Document, error) {
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

// ReadManifest parses a manifest and checks it against what the program knows. name is for messages. raw must not change afterwards. Errors are
// of type *manifest.Error.
func ReadManifest(name string, raw []byte) (*manifest.Document, error) {
	document, err := manifest.Parse(name, raw)
	if err != nil {
		return nil, err
	}
	return document, document.Validate(Known())
}

// Architecture returns the architecture of a manifest that ReadManifest accepted.
func Architecture(m *manifest.Manifest) (arch.Config, error) {
	if m.Config != nil {
		return *m.Config, nil
	}
	return arch.ByName(m.Architecture)
}

// Card returns what a manifest that ReadManifest accepted says of the weights: architecture with epsilon, labels, the first recipe, and what the logits mean.
// Its From has the items that are guesses.
func Card(m *manifest.Manifest) (card.Card, error) {
	config, err := Architecture(m)
	if err != nil {
		return card.Card{}, err
	}
	c := card.Card{Config: config, Facts: card.Facts{
		Labels: m.Categories.Names(), Palette: m.Categories.Palette, Problem: m.Categories.Problem, StateDict: m.StateDict, From: map[card.Item]card.Origin{},
	}}
	for _, item := range m.Assumed {
		c.From[item] = card.ManifestGuess
	}
	if len(m.Preprocessing) > 0 {
		c.Recipe, c.RecipeName = &m.Preprocessing[0].Recipe, recipeName(m.Preprocessing[0], config)
	}
	return c, nil
}

// recipeName returns the name of a recipe, or an empty text if it is not the one that the manifest calls so.
func recipeName(p manifest.Preprocessing, config arch.Config) string {
	if known, err := card.RecipeFor(p.Source, config.ImageHeight); err != nil || known != p.Recipe {
		return ""
	}
	return p.Source
}

// OfflineError says that What is not on this machine, and Options.Offline forbids fetching it.
type OfflineError struct{ What string }

func (e *OfflineError) Error() string {
	return fmt.Sprintf("%s is not on this machine, and the network is off", e.What)
}

// Unwrap makes an OfflineError a store.ErrUnreachable.
func (e *OfflineError) Unwrap() error { return store.ErrUnreachable }

// Hint says how to get it.
func (e *OfflineError) Hint() string { return "pull once with the network, or from a bundle" }

// DefaultState returns the usual folder for what must outlive the cache, such as pinned digests and keys: the folder "state" in BEITZOO_HOME if that is
// set, else "beitzoo" in the user's folder for settings (on Linux XDG_CONFIG_HOME, or ~/.config).
func DefaultState() (string, error) {
	if home := os.Getenv(cache.HomeVariable); home != "" {
		return filepath.Abs(filepath.Join(home, "state"))
	}
	folder, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("no folder for the state (set %s): %w", cache.HomeVariable, err)
	}
	return filepath.Join(folder, "beitzoo"), nil
}

// OpenTrust opens the ledger of trusted keys and accepted indexes in a folder such as Options.State.
func OpenTrust(state string) *trust.Ledger { return trust.Open(filepath.Join(state, "trust")) }
