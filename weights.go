package beitzoo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/manifests"
	"github.com/beitzoo/beitzoo/manifests/embedded"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/hub"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
)

// Weights say where the weights of a model are.
type Weights struct {
	// Path is the path of a checkpoint: a file or a folder.
	Path string
	// Entry is what the zoo knows about it; nil if it was not found in the zoo.
	Entry *zoo.Match
	// Snapshot says which files of the hub it is; nil if it was not found there.
	Snapshot *hub.Snapshot
}

// name returns what a message calls the weights: their name in the zoo or on the hub, or their path.
func (w Weights) name() string {
	switch {
	case w.Entry != nil:
		return w.Entry.Reference().String()
	case w.Snapshot != nil:
		return w.Snapshot.Reference.String()
	}
	return w.Path
}

// Find returns the weights that name stands for. If a file or folder of that name exists, it is taken. Otherwise it is one of these:
//
//   - hf://OWNER/NAME, with a revision and a path if need be, the address of a page of the hub, or OWNER/NAME (if there is no folder OWNER): a model of the hub
//     of Hugging Face, which [zoo.Zoo.PullHub] fetches
//   - a name in the zoo, such as beit_base_p16_224 or beit_base_p16_224@1.0.0, which [zoo.Zoo.Resolve] and [zoo.Zoo.Pull] find
//   - a file that does not exist, a *[fs.PathError], if it has a slash or a file name ending
//
// Find calls open for the zoo, if it is needed. What is not in its cache is fetched. For OWNER/NAME that the hub does not have the error is a *[NoSuchModelError].
func Find(ctx context.Context, name string, open func() (*zoo.Zoo, error), options zoo.PullOptions) (Weights, error) {
	_, missing := os.Stat(name)
	if !errors.Is(missing, fs.ErrNotExist) {
		return Weights{Path: name}, nil
	}
	site, environmentErr := hub.FromEnvironment()
	reference, form, err := hub.Parse(name, site)
	if err != nil {
		return Weights{}, err
	}
	isModel := form == hub.Explicit || form == hub.Plain && !isFolder(reference.Owner)
	switch {
	case isModel && environmentErr != nil:
		return Weights{}, environmentErr
	case !isModel && looksLikePath(name):
		return Weights{}, missing
	}
	z, err := open()
	if err != nil {
		return Weights{}, err
	}
	if isModel {
		pulled, err := z.PullHub(ctx, reference, false, options)
		if err != nil {
			return Weights{}, explainModel(z, name, reference, form, err)
		}
		return Weights{Path: pulled.Path, Snapshot: pulled}, nil
	}
	found, err := z.Resolve(ctx, name)
	if missing := (*manifest.NotFoundError)(nil); errors.As(err, &missing) && len(missing.Versions) == 0 {
		return Weights{}, fmt.Errorf("%w, and there is no file or folder of that name", err)
	}
	if err != nil {
		return Weights{}, err
	}
	pulled, err := z.Pull(ctx, found, options)
	if err != nil {
		return Weights{}, err
	}
	return Weights{Path: pulled.Path, Entry: found}, nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// NoSuchModelError says that a model of the hub could not be fetched, and what else may have been meant.
type NoSuchModelError struct {
	// Name is what was asked for.
	Name string
	// Plain reports that Name may also have been meant as a path, where there is nothing.
	Plain bool
	// Entries are those of the zoo that have this model as a source.
	Entries []manifest.Reference
	// Err is the error of the hub.
	Err error
}

func (e *NoSuchModelError) Error() string {
	if e.Plain {
		return fmt.Sprintf("there is no file or folder %s, and as a model of the hub: %s", text.Quote(e.Name), e.Err)
	}
	return e.Err.Error()
}

func (e *NoSuchModelError) Unwrap() error { return e.Err }

// Hint names the entry of the zoo, if there is one, else it is that of the hub.
func (e *NoSuchModelError) Hint() string {
	if len(e.Entries) > 0 {
		return "the zoo has these weights as " + e.Entries[0].Name + ", also from other sources"
	}
	return errdef.Hint(e.Err)
}

// explainModel says what else may have been meant by the name of a model that could not be fetched.
func explainModel(z *zoo.Zoo, name string, reference hub.Reference, form hub.Form, err error) error {
	entries := z.EntriesFrom(reference)
	if !errors.Is(errdef.Kind(err), errdef.ErrNetwork) || form == hub.Explicit && len(entries) == 0 {
		return err
	}
	return &NoSuchModelError{Name: name, Plain: form == hub.Plain, Entries: entries, Err: err}
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
	if options.Hub == (hub.Site{}) {
		options.Hub, _ = hub.FromEnvironment() // Find returns the error to those who need the hub
	}
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
