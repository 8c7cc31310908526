package convert

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/configs"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/tensor"
)

// OpenOptions say what is known of a checkpoint beforehand. The zero value finds out everything.
type OpenOptions struct {
	// From is the naming scheme.
	From string
	// Arch is the architecture that the checkpoint must have. Its epsilon counts unless Epsilon is set.
	Arch *arch.Config
	// Heads is the number of attention heads, and Window the number of patches down and across, if they are known: the parameters of some models do not tell
	// them. If something beside the weights, or Arch, states others, Open returns an *arch.ConflictError.
	Heads  int
	Window arch.Window
	// Select names the state dict to take if a file holds several.
	Select string
	// Epsilon is that of every LayerNorm; 0 takes the one of Arch, of the config.json beside the file, of the file's metadata, or the default.
	Epsilon float64
	// SkipIndex leaves relative position indices in the file unread; they are compared with the computed ones otherwise.
	SkipIndex bool
}

// Model is an opened checkpoint whose tensors are the parameters of a BEiT.
type Model struct {
	naming.Model
	// File is the opened checkpoint. The tensors of Model are valid until it is closed.
	File *checkpoint.Checkpoint
	// EpsilonFrom says in words where Config.Epsilon comes from.
	EpsilonFrom string
	// Labels name the classes if the checkpoint's config.json does, else nil.
	Labels []string

	processor []byte
}

// Recipe reads the preprocessor_config.json beside the checkpoint: how the model's images are prepared. It returns nil if there is none, and a
// *configs.FileError if it can't be used.
func (m *Model) Recipe() (*card.Recipe, error) {
	if m.processor == nil {
		return nil, nil
	}
	recipe, err := configs.ParseProcessor(m.processor)
	if err != nil {
		return nil, err
	}
	return &recipe, nil
}

// Close unmaps the checkpoint.
func (m *Model) Close() error { return m.File.Close() }

// Keys of the metadata that Convert writes into files whose format can hold it, and that Open reads back.
const (
	MetadataScheme  = "beitzoo.scheme"
	MetadataEpsilon = "beitzoo.epsilon"
)

// Metadata returns what a file says of a model that it holds under the names of a scheme: the scheme, and the epsilon if it is not the usual one.
// Digests of canonical files depend on it.
func Metadata(scheme string, config arch.Config) map[string]string {
	metadata := map[string]string{MetadataScheme: scheme}
	if config.Epsilon != arch.Epsilon {
		metadata[MetadataEpsilon] = strconv.FormatFloat(config.Epsilon, 'g', -1, 64)
	}
	return metadata
}

// Open opens a file, or a folder of Hugging Face's kind or of shards, and finds out scheme, architecture and epsilon. The caller closes the model.
// Errors are those of packages checkpoint and naming, or *arch.InferenceError and *arch.ConflictError.
func Open(ctx context.Context, path string, options OpenOptions) (*Model, error) {
	file, err := openFile(ctx, path, options)
	if err != nil {
		return nil, err
	}
	model, err := understand(ctx, file, options)
	if err != nil {
		file.Close()
		return nil, err
	}
	return model, nil
}

// hints returns what is asked for of properties that parameters may leave open.
func (o OpenOptions) hints() arch.Hints {
	const asked = "as asked for"
	return arch.Hints{Heads: o.Heads, HeadsFrom: asked, Window: o.Window, WindowFrom: asked}
}

// openFile opens the checkpoint. If ctx has ended, the error is its cause.
func openFile(ctx context.Context, path string, options OpenOptions) (*checkpoint.Checkpoint, error) {
	file, err := checkpoint.Open(ctx, path, checkpoint.Options{Select: options.Select}, formats...)
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return file, err
}

// understand finds the model in an opened checkpoint.
func understand(ctx context.Context, file *checkpoint.Checkpoint, options OpenOptions) (*Model, error) {
	beside, err := readFolderConfigs(file.Path)
	if err != nil {
		return nil, err
	}
	wanted, wantedBy := options.Arch, arch.Source("the architecture that was asked for")
	if wanted == nil && beside.card != nil {
		wanted, wantedBy = &beside.card.Config, "config.json"
	}
	hints := options.hints()
	if wanted != nil {
		if err := wanted.CheckHints(hints, wantedBy); err != nil {
			return nil, fmt.Errorf("%s: %w", file.Path, err)
		}
	}
	model := &Model{File: file, processor: beside.processor}
	if beside.card != nil {
		model.Labels = beside.card.Labels
	}
	err = tensor.Guard(func() error {
		read, err := naming.Read(ctx, file.Tensors, naming.Options{
			Scheme: options.From, Prefer: file.Metadata[MetadataScheme], Arch: wanted, Hints: hints, SkipIndex: options.SkipIndex,
		})
		if err == nil {
			model.Model = *read
		}
		return err
	})
	if wanted != nil {
		model.HeadsFrom, model.WindowFrom, model.PoolingFrom = wantedBy, wantedBy, wantedBy
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file.Path, err)
	}
	if err := model.setEpsilon(options, beside.card != nil); err != nil {
		return nil, err
	}
	model.Notes = slices.Concat(file.Notes, model.Notes)
	scheme, err := naming.ByName(model.Scheme)
	if err != nil {
		return nil, err
	}
	if scheme.Epsilon != arch.Epsilon && beside.card == nil && model.EpsilonFrom == defaultEpsilon {
		model.Notes = append(model.Notes, fmt.Sprintf("no config.json is beside this file; %s runs such weights with epsilon %g, PASSL, unilm and timm with %g",
			scheme.Program, scheme.Epsilon, arch.Epsilon))
	}
	return model, nil
}

const defaultEpsilon = "the default of PASSL, unilm and timm"

// setEpsilon decides which epsilon the model runs with.
func (m *Model) setEpsilon(options OpenOptions, hasConfig bool) error {
	stated := m.File.Metadata[MetadataEpsilon]
	switch {
	case options.Epsilon != 0:
		m.Config.Epsilon, m.EpsilonFrom = options.Epsilon, "as asked for"
	case options.Arch != nil:
		m.EpsilonFrom = "the architecture that was asked for"
	case hasConfig:
		m.EpsilonFrom = "config.json"
	case stated != "":
		value, err := strconv.ParseFloat(stated, 64)
		if err != nil {
			return checkpoint.Malformed("the metadata %s is %.40q, not a number", MetadataEpsilon, stated)
		}
		m.Config.Epsilon, m.EpsilonFrom = value, "the file's metadata"
	default:
		m.EpsilonFrom = defaultEpsilon
	}
	return m.Config.Validate()
}

// folderConfigs are the files beside the weights in a Hugging Face folder; nil stands for one that is not there.
type folderConfigs struct {
	card      *card.Card
	processor []byte
}

// maxConfig bounds the files that are read whole, in bytes.
const maxConfig = 32 << 20

// readFolderConfigs reads config.json and preprocessor_config.json in a folder of transformers' kind. The config.json of other programs, such as timm's,
// is ignored; one of transformers for another type of model is an error.
func readFolderConfigs(path string) (folderConfigs, error) {
	folder := path
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		if !isTransformersName(filepath.Base(path)) {
			return folderConfigs{}, nil
		}
		folder = filepath.Dir(path)
	}
	raw, err := readSmall(filepath.Join(folder, "config.json"))
	if err != nil || !configs.IsTransformers(raw) {
		return folderConfigs{}, err
	}
	config, err := configs.ParseTransformers(raw)
	if err != nil {
		reason := err
		if file := (*configs.FileError)(nil); errors.As(err, &file) {
			reason = file.Err // the path below names the file
		}
		return folderConfigs{}, &checkpoint.Error{Path: filepath.Join(folder, "config.json"), Kind: checkpoint.ErrUnsupported, Offset: -1, Reason: reason.Error()}
	}
	processor, err := readSmall(filepath.Join(folder, "preprocessor_config.json"))
	return folderConfigs{card: &config, processor: processor}, err
}

// isTransformersName reports whether transformers gives such a name to a weight file, one of several or an index. Only what is before the first dot
// counts.
func isTransformersName(name string) bool {
	stem, _, _ := strings.Cut(name, ".")
	return slices.ContainsFunc(formats, func(f checkpoint.Format) bool {
		usual, _, _ := strings.Cut(f.FolderFile, ".")
		return f.Transformers && usual == stem
	})
}

// readSmall reads a file of at most maxConfig bytes. It returns nil if there is none, or something that is not a file.
func readSmall(path string) ([]byte, error) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return nil, nil
	}
	raw, err := disk.ReadFile(path, maxConfig)
	var large *disk.TooLargeError
	if errors.As(err, &large) {
		return nil, checkpoint.Unsafe("%s", err)
	}
	return raw, err
}
