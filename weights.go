package beitzoo

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/manifests"
	"github.com/beitzoo/beitzoo/manifests/embedded"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
)

// Weights say where the weights of a model are.
type Weights struct {
	// Path is the path of a checkpoint: a file or a folder.
	Path string
	// Entry is what the zoo knows about it; nil if it was not found in the zoo.
	Entry *zoo.Match
}

// Find returns the weights that name stands for. If a file or folder of that name exists, it is taken. Otherwise a name with a slash or a file name ending
// is a file that does not exist, a *[fs.PathError]. Anything else is a name in the zoo, such as beit_base_p16_224 or beit_base_p16_224@1.0.0: Find calls
// open for the zoo, and pulls weights that are not in its cache. The errors are then those of [zoo.Zoo.Resolve] and [zoo.Zoo.Pull].
func Find(ctx context.Context, name string, open func() (*zoo.Zoo, error), options zoo.PullOptions) (Weights, error) {
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		return Weights{Path: name}, nil
	} else if looksLikePath(name) {
		return Weights{}, err
	}
	z, err := open()
	if err != nil {
		return Weights{}, err
	}
	found, err := z.Resolve(ctx, name)
	if err != nil {
		return Weights{}, err
	}
	pulled, err := z.Pull(ctx, found, options)
	if err != nil {
		return Weights{}, err
	}
	return Weights{Path: pulled.Path, Entry: found}, nil
}

// looksLikePath reports whether a name can only mean a file or folder: it has a slash or an ending, which names in the zoo do not have.
func looksLikePath(name string) bool {
	if _, err := manifest.ParseReference(name); err != nil {
		return true
	}
	name, _, _ = strings.Cut(name, "@")
	return filepath.Ext(name) != ""
}

// Options adds to options what the manifest says of the weights: architecture and epsilon, the names of the classes, the recipe and what the logits mean.
// Options that state one of these come first.
func (w Weights) Options(options convert.OpenOptions) (convert.OpenOptions, error) {
	if w.Entry == nil {
		return options, nil
	}
	known, err := zoo.Card(&w.Entry.Manifest)
	options.Known = &known
	return options, err
}

// Open opens the checkpoint with [Weights.Options]. The caller closes the model. The errors are those of [convert.Open].
func (w Weights) Open(ctx context.Context, options convert.OpenOptions) (*convert.Model, error) {
	options, err := w.Options(options)
	if err != nil {
		return nil, err
	}
	return convert.Open(ctx, w.Path, options)
}

// NewZoo calls [zoo.New] with the defaults of the command line for what options leave out: the manifests and weights that ship with the program, and the
// user's cache and state, which are in BEITZOO_HOME or else in the system's usual folders.
func NewZoo(options zoo.Options) (*zoo.Zoo, error) {
	if options.Manifests == nil {
		options.Manifests = manifests.Files
	}
	if options.Embedded == nil {
		options.Embedded = embedded.Files
	}
	var err error
	if options.Cache == nil {
		if options.Cache, err = cache.New("", cache.Options{}); err != nil {
			return nil, err
		}
	}
	if options.State == "" {
		if options.State, err = zoo.DefaultState(); err != nil {
			return nil, err
		}
	}
	return zoo.New(options)
}
