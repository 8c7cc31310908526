package convert

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/configs"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// OpenOptions say what is known of a checkpoint beforehand. The zero value finds out everything.
type OpenOptions struct {
	// From is the naming scheme. Map, which counts in its place, is one of the caller's own; see [naming.ReadMap].
	From string
	Map  *naming.Scheme
	// Drop are patterns of names in the file, in which * stands for any characters, dots too: these tensors are left out, as if they were not there. One that
	// stands for nothing is a *[DropError]. [DropWords] are words for parts, whatever names a file has for them.
	Drop []string
	// MayNotFit says that Map and Drop, and for Diff Select, may be for another file that is opened with the same options. Tensors that Map does not know are then read as if it were
	// not there.
	MayNotFit bool
	// Arch is the architecture that the checkpoint must have. Its epsilon counts unless Epsilon is set.
	Arch *arch.Config
	// Heads is the number of attention heads, and Window the number of patches down and across, if they are known: the parameters of some models do not tell
	// them. If something beside the weights, or Arch, states others, Open returns an *arch.ConflictError.
	Heads  int
	Window arch.Window
	// Taps are the blocks whose results the maps of a segmentation model are made of, the largest map first, if they are known: no parameter tells them. If something
	// beside the weights, or Arch, states others, Open returns an *arch.ConflictError.
	Taps *[arch.Levels]arch.Tap
	// Pooling is [arch.MeanPooling] or [arch.ClassToken] if it is known which tokens the head sees: names of timm do not always tell. If something else states
	// another one, Open returns an *arch.ConflictError; a *[PoolingError] if beitzoo does not compute such a model.
	Pooling arch.Pooling
	// Select names the state dict to take if a file holds several.
	Select string
	// Epsilon is that of every LayerNorm; 0 takes the one of Arch, of Known, of the config.json beside the file, of the file's metadata, or the default.
	Epsilon float64
	// Labels are the names of the classes; nil takes those of Known, of the files beside the weights, or of the file's metadata.
	Labels []string
	// Recipe says how images are prepared, RecipeName the same by its name, one of [card.RecipeNames]. If both are empty, the recipe is that of Known, of the
	// files beside the weights, of the file's metadata, of the architecture, or the usual one of the naming scheme.
	Recipe     *card.Recipe
	RecipeName string
	// Problem is what the logits mean; empty takes that of Known, of the config.json beside the file, or of the file's metadata.
	Problem card.Problem
	// Known is what a manifest says of the weights; nil if there is none.
	Known *card.Card
	// KeyBias takes models whose keys have a bias that is not zero, and leaves it out; see [naming.Options]. It is for whoever runs the model, and writes none.
	KeyBias bool
	// Headless says that the model is wanted without its head: without it, a *[HeadBesideError] says that a head lies in another part of the file than the model.
	Headless bool
	// SkipIndex leaves relative position indices in the file unread; they are compared with the computed ones otherwise.
	SkipIndex bool
}

// Model is an opened checkpoint whose tensors are the parameters of a BEiT.
type Model struct {
	naming.Model
	// Facts are what is known of the model beside its Config, and where each item comes from, those of Config included. Facts.Recipe is stated somewhere;
	// see [Model.Recipe] for one that is not.
	card.Facts
	// Steps are the changes to the model that the file's metadata records, in order.
	Steps []adapt.Step
	// File is the opened checkpoint. The tensors of Model are valid until it is closed.
	File *checkpoint.Checkpoint

	// processor is the preprocessor_config.json beside the checkpoint, and recipeErr says why no recipe follows from the files beside the checkpoint.
	processor []byte
	recipeErr error
	// doubt says why the values of the parameters look wrong; empty if they don't.
	doubt string
	// conflict says what the files beside the weights state otherwise than their own metadata; empty if they don't.
	conflict string
	// warnings are sentences about what the file does with its parameters beside what the model does.
	warnings []string
	// leftOut are the tensors that Drop took out, and unusedDrop the patterns that stand for none.
	leftOut    []naming.Dropped
	unusedDrop []string
	// shifted says that config.json is of a class of transformers that taps the block two below each of its numbers, and that these are the taps of the model.
	shifted bool
	// overridden says which stated epsilon the caller's own replaces; empty if none.
	overridden string
}

// Card returns the architecture and the facts of the model.
func (m *Model) Card() card.Card { return card.Card{Config: m.Config, Facts: m.Facts} }

// Recipe returns how the model's images are prepared: as it is stated somewhere, or else as all models of the architecture, or usually those of the naming
// scheme, want it. The error is [card.ErrNoRecipe] if nothing is known, a *[configs.FileError] if what the files beside the checkpoint say can't be done,
// [card.ErrNotSquare], [card.ErrNotRGB], or a *[card.UnknownRecipeError].
func (m *Model) Recipe() (card.Choice, error) {
	if !m.StatesRecipe() && m.recipeErr != nil {
		return card.Choice{}, m.recipeErr
	}
	known := card.Known{Stated: m.Facts.Recipe, StatedName: m.RecipeName, StatedIn: m.From[card.Preparing]}
	if m.By != nil {
		known.Usual = m.By.Recipe
	}
	if m.Facts.Recipe == nil {
		known.Asked = m.RecipeName
	}
	return card.ChooseRecipe(m.Config, known)
}

// HeadBesideError says that the model in a file has no head, and that something else in the file has the name of one.
type HeadBesideError struct {
	Path string
	// StateDict is the key of the model in the file.
	StateDict string
	// Heads are keys of what may be its head. They come from the file: quote them.
	Heads []string
}

func (e *HeadBesideError) Error() string {
	return fmt.Sprintf("%s: the model under %s has no head, and beside it lies what may be its head: %s", e.Path, text.Quote(e.StateDict),
		text.List(quotedNames(e.Heads), mostNeeded, ""))
}

// Is reports that the file is unusable input as it is.
func (e *HeadBesideError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what to do.
func (e *HeadBesideError) Hint() string {
	return "for the model without a head, select " + text.Quote(e.StateDict) + "; for both, save them as one state dict, with the names that its program gives to a model with a head"
}

// TapsShifted reports whether the taps of the model are those of a class of transformers that taps the block two below each number that its config.json states.
func (m *Model) TapsShifted() bool { return m.shifted }

// Close unmaps the checkpoint.
func (m *Model) Close() error { return m.File.Close() }

// Open opens a file, or a folder of Hugging Face's kind or of shards, and finds out scheme, architecture and epsilon. The caller closes the model.
// Errors are those of packages checkpoint and naming, or *arch.InferenceError and *arch.ConflictError; one about what was selected is in a *[ChoiceError].
func Open(ctx context.Context, path string, options OpenOptions) (*Model, error) {
	file, err := openFile(ctx, path, options)
	if err != nil {
		return nil, offer(ctx, path, options, nil, err)
	}
	model, err := understand(ctx, file, options)
	if err != nil {
		err = offer(ctx, path, options, file, err)
		file.Close()
		return nil, err
	}
	return model, nil
}

// hints returns what is asked for of properties that parameters may leave open.
func (o OpenOptions) hints(timm *configs.TimmFacts) arch.Hints {
	hints := arch.Hints{Heads: o.Heads, HeadsFrom: arch.Source(card.Asked), Window: o.Window, WindowFrom: arch.Source(card.Asked), Taps: o.Taps, TapsFrom: arch.Source(card.Asked)}
	if hints.Heads == 0 && timm != nil && timm.Heads > 0 {
		hints.Heads, hints.HeadsFrom = timm.Heads, arch.Source(card.TimmConfig)
	}
	if hints.Window == (arch.Window{}) && timm != nil && timm.PatchSize > 0 && timm.ImageHeight > 0 {
		hints.Window = arch.Window{Height: timm.ImageHeight / timm.PatchSize, Width: timm.ImageWidth / timm.PatchSize}
		hints.WindowFrom = arch.Source(card.TimmConfig)
	}
	return hints
}

// openFile opens the checkpoint. If ctx has ended, the error is its cause.
func openFile(ctx context.Context, path string, options OpenOptions) (*checkpoint.Checkpoint, error) {
	file, err := checkpoint.Open(ctx, path, checkpoint.Options{Select: options.Select}, formats...)
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return file, err
}

// strangerIn returns the error that says which model is in a file if it is known not to be a BEiT, or nil.
func strangerIn(ctx context.Context, file *checkpoint.Checkpoint) error {
	err := tensor.Guard(func() error {
		_, err := naming.Read(ctx, file.Tensors, naming.Options{SkipIndex: true})
		return err
	})
	if stranger := (*naming.StrangerError)(nil); errors.As(err, &stranger) {
		return fmt.Errorf("%s: %w", file.Path, stranger)
	}
	return nil
}

// recordingFormat is how recordings of all versions begin to call their format, in their metadata.
const recordingFormat = "beitzoo.recording."

// RecordingError says that a file is a recording of what a model computed, and not a model.
type RecordingError struct{ Path string }

func (e *RecordingError) Error() string {
	return e.Path + " is a recording: it holds what a model computed, not the model"
}

// Is reports that the file is unusable input.
func (e *RecordingError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint returns what to do.
func (e *RecordingError) Hint() string { return "give the model, and compare it with the recording" }

// architecture returns the architecture that is stated somewhere, and where; nil if it is not.
func (o OpenOptions) architecture(beside, own *card.Card) (*arch.Config, card.Origin) {
	switch {
	case o.Arch != nil:
		return o.Arch, card.Asked
	case o.Known != nil:
		return &o.Known.Config, card.Manifest
	case beside != nil:
		return &beside.Config, card.Config
	case own != nil:
		return &own.Config, card.Metadata
	}
	return nil, card.Parameters
}

// mostUsual is far above the epsilon of any norm that works: those of released models are 1e-12 to 1e-5.
const mostUsual = 1e-2

// noteEpsilon says that the epsilon was assumed where the program that has such names uses another one, or is one that no model has.
func (m *Model) noteEpsilon() {
	if m.Config.Epsilon > mostUsual {
		m.warn(fmt.Sprintf("the epsilon %g (%s) is implausible, as released models have 1e-12 to 1e-5: state another if it is wrong", m.Config.Epsilon, m.From[card.Epsilon]))
	}
	if m.By.Epsilon != arch.Epsilon && m.From[card.Epsilon] == card.Usual {
		m.Notes = append(m.Notes, fmt.Sprintf("no config.json is beside this file, so epsilon %g is a guess: it is the default of %s for weights with such names, "+
			"while PASSL, unilm and timm run theirs with %g; state the epsilon if you know it", m.Config.Epsilon, m.By.Program, arch.Epsilon))
	}
}

// folderConfigs are what the files beside the weights say; nil stands for one that is not there.
type folderConfigs struct {
	path string // of config.json
	card *card.Card
	// transformers is what else config.json says.
	transformers configs.TransformersFacts
	processor    []byte
	// processorFile is the path of processor.
	processorFile string
	timm          *configs.TimmFacts
	// ignored is the path of a config.json that is no regular file, or empty.
	ignored string
}

// maxConfig bounds the files that are read whole, in bytes.
const maxConfig = 32 << 20

// readFolderConfigs reads config.json and preprocessor_config.json in a folder of transformers' kind, or the config.json of timm. That of other programs is
// ignored; one of transformers for another type of model is an error. selected is the state dict that was asked for, by which one part of a configuration counts.
func readFolderConfigs(path, selected string) (folderConfigs, error) {
	folder := path
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		if !isTransformersName(filepath.Base(path)) {
			return folderConfigs{}, nil
		}
		folder = filepath.Dir(path)
	}
	name := filepath.Join(folder, "config.json")
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return folderConfigs{ignored: name}, nil
	}
	raw, err := readSmall(name)
	if err == nil && raw != nil {
		err = besides(name, configs.CheckJSON(raw))
	}
	if err == nil && configs.IsTimm(raw) {
		facts, err := configs.ParseTimm(raw)
		return folderConfigs{path: name, timm: facts}, besides(name, err)
	}
	if err != nil || !configs.IsTransformers(raw) {
		return folderConfigs{}, err
	}
	raw = configs.Part(raw, selected)
	facts, err := configs.ParseTransformers(raw)
	if err != nil {
		return folderConfigs{}, besides(name, err)
	}
	beside := folderConfigs{path: name, card: &facts.Card, transformers: facts, processorFile: filepath.Join(folder, "preprocessor_config.json")}
	if facts.Type == configs.FLAVACodebook {
		return beside, nil // what a processor says first is of other parts of FLAVA
	}
	beside.processor, err = readSmall(beside.processorFile)
	return beside, err
}

// besides says which file beside the weights an error is about.
func besides(path string, err error) error {
	if file := (*configs.FileError)(nil); errors.As(err, &file) {
		return &configs.FileError{File: path, Err: file.Err, Advice: file.Advice}
	}
	return err
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
