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

// Weights are where a model lies.
type Weights struct {
	// Path is a checkpoint: a file or a folder.
	Path string
	// Entry is what the zoo knows of it; nil if it does not come from the zoo.
	Entry *zoo.Match
}

// Find returns the weights that name stands for. What exists as a file or folder is that. Anything else without a slash and an ending is a name of the
// zoo, such as beit_base_p16_224 or beit_base_p16_224@1.0.0: the zoo is opened, and weights that are not in its cache are pulled. A file that does not
// exist is a *[fs.PathError]; the errors of the zoo are those of Resolve and Pull.
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

// looksLikePath reports whether a name can only be meant as a file or folder: it has a slash or an ending, which names of the zoo have not.
func looksLikePath(name string) bool {
	if _, err := manifest.ParseReference(name); err != nil {
		return true
	}
	name, _, _ = strings.Cut(name, "@")
	return filepath.Ext(name) != ""
}

// Open opens the checkpoint. If options do not say which architecture and epsilon it must have, those of the manifest count. The caller closes the
// model. The errors are those of [convert.Open].
func (w Weights) Open(ctx context.Context, options convert.OpenOptions) (*convert.Model, error) {
	if w.Entry == nil || options.Arch != nil {
		return convert.Open(ctx, w.Path, options)
	}
	config, err := zoo.Architecture(&w.Entry.Manifest)
	if err != nil {
		return nil, err
	}
	options.Arch = &config
	model, err := convert.Open(ctx, w.Path, options)
	if err == nil && options.Epsilon == 0 {
		model.EpsilonFrom = "the manifest"
	}
	return model, err
}

// NewZoo is [zoo.New] for the zoo that the command line has: what options leave out are the manifests and weights that ship with the program, and the
// cache and state of the user, which lie in BEITZOO_HOME or in the system's usual folders.
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
