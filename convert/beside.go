package convert

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/configs"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
)

// ConfigMismatchError says that the config.json beside weights describes another model than the weights are.
type ConfigMismatchError struct {
	// Path is the file or folder of the weights, Config the config.json.
	Path, Config string
	// Err says how they differ.
	Err error
}

func (e *ConfigMismatchError) Error() string {
	return fmt.Sprintf("%s is not the model that %s describes: %s", e.Path, e.Config, e.Err)
}

// Unwrap returns how they differ.
func (e *ConfigMismatchError) Unwrap() error { return e.Err }

// Is reports that the files are unusable together.
func (e *ConfigMismatchError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what to do.
func (e *ConfigMismatchError) Hint() string {
	return "put the config.json that belongs to these weights beside them, or move the weights to a folder of their own"
}

// blameConfig says that a mismatch of tensors, or of the kind of model, is one with the config.json beside them.
func (f folderConfigs) blameConfig(path string, err error) error {
	var mismatch *naming.MismatchError
	var masked *naming.MaskedModelError
	if f.card == nil || !errors.As(err, &mismatch) && !errors.As(err, &masked) {
		return fmt.Errorf("%s: %w", path, err)
	}
	return &ConfigMismatchError{Path: path, Config: f.path, Err: err}
}

// errOneBias says that a config.json promises two bias tables for each block.
var errOneBias = errdef.New(errdef.ErrInput, "config.json says that each block has a bias table beside one for all blocks, and the file has one of the two")

// disagreements says what the files beside weights state otherwise than a card does, a phrase for each item. What is a guess in the card counts only if guesses is set.
func (f folderConfigs) disagreements(c card.Card, guesses bool) []string {
	var all []string
	differ := func(item card.Item, what string, beside, own any) {
		switch guess := c.From[item].Guess(); {
		case beside == own || guess && !guesses:
		case guess:
			all = append(all, fmt.Sprintf("%s %v, not %v (a guess)", what, beside, own))
		default:
			all = append(all, fmt.Sprintf("%s %v, not %v", what, beside, own))
		}
	}
	var labels []string
	var problem card.Problem
	switch {
	case f.card != nil:
		stated, own := f.card.Config, c.Config
		if stated.Convolutional() && own.Convolutional() { // which takes pictures of any size
			stated.ImageHeight, stated.ImageWidth, stated.Epsilon = own.ImageHeight, own.ImageWidth, own.Epsilon
		}
		differ("", "kind", stated.Kind.What(), own.Kind.What())
		differ(card.Window, "images of", sizeWords(stated.ImageHeight, stated.ImageWidth), sizeWords(own.ImageHeight, own.ImageWidth))
		differ("", "patches of", stated.PatchSize, own.PatchSize)
		differ("", "channels", stated.Channels, own.Channels)
		differ("", "width", stated.EmbedDim, own.EmbedDim)
		differ("", "width in the MLP", stated.HiddenDim, own.HiddenDim)
		differ("", "depth", stated.Depth, own.Depth)
		differ(card.Heads, "heads", stated.Heads, own.Heads)
		differ("", "classes", stated.Classes, own.Classes)
		differ(card.Pooling, "pooling", stated.Pooling, own.Pooling)
		differ(card.Bias, "relative position bias", stated.Bias, own.Bias)
		differ("", "position embeddings", stated.AbsolutePosition, own.AbsolutePosition)
		differ("", "layer scale", stated.LayerScale, own.LayerScale)
		differ("", "mask token", stated.MaskToken, own.MaskToken)
		differ(card.Epsilon, "epsilon", stated.Epsilon, own.Epsilon)
		differ(card.Taps, "tapped blocks", arch.FormatTaps(stated.Segmentation.Taps), arch.FormatTaps(own.Segmentation.Taps))
		differ("", "channels of the segmentation heads", channelWords(stated.Segmentation), channelWords(own.Segmentation))
		labels, problem = f.card.Labels, f.card.Problem
	case f.timm != nil:
		labels = f.timm.Labels
		if f.timm.Heads > 0 {
			differ(card.Heads, "heads", f.timm.Heads, c.Config.Heads)
		}
		if f.timm.ImageHeight > 0 {
			differ(card.Window, "images of", sizeWords(f.timm.ImageHeight, f.timm.ImageWidth), sizeWords(c.Config.ImageHeight, c.Config.ImageWidth))
		}
	}
	if at := firstDifference(labels, c.Labels); at >= 0 && !card.Placeholder(labels) && !card.Placeholder(c.Labels) {
		all = append(all, fmt.Sprintf("class %d is %s, not %s", at, labelAt(labels, at), labelAt(c.Labels, at)))
	}
	if problem != "" && c.Problem != "" {
		differ(card.ProblemIs, "problem type", problem, c.Problem)
	}
	if beside := f.recipe(); beside != nil && c.Recipe != nil && !samePictures(*beside, *c.Recipe) {
		differ(card.Preparing, "the recipe for images:", recipeWords(*beside, ""), recipeWords(*c.Recipe, c.RecipeName))
	}
	return all
}

// recipe returns the recipe in the files, or nil.
func (f folderConfigs) recipe() *card.Recipe {
	if f.timm != nil {
		return f.timm.Recipe
	}
	if f.processor != nil {
		if recipe, err := configs.ParseProcessor(f.processor); err == nil {
			return &recipe
		}
	}
	return nil
}

// channelWords says how wide the heads of a segmentation model are, and how they pool.
func channelWords(s arch.Segmentation) string {
	return fmt.Sprint(s.Channels, s.AuxiliaryChannels, s.PoolScales)
}

func sizeWords(height, width int) string { return fmt.Sprintf("%d x %d pixels", height, width) }

// firstDifference returns the first index at which two lists differ, or -1.
func firstDifference(a, b []string) int {
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			return i
		}
	}
	return -1
}

func labelAt(labels []string, i int) string {
	if i >= len(labels) {
		return "nothing"
	}
	return fmt.Sprintf("%.40q", labels[i])
}

// setConflict says what the files beside the weights state otherwise than the weights' own metadata, which they outrank.
func (m *Model) setConflict(options OpenOptions, beside folderConfigs, own ownCard) {
	if own.Card == nil || options.Arch != nil || options.Known != nil {
		return
	}
	if all := beside.disagreements(*own.Card, true); len(all) > 0 {
		m.conflict = fmt.Sprintf("%s outranks the file's own metadata, which states something else: %s", beside.path, strings.Join(all, "; "))
	}
}

// setOverridden says which stated epsilon the caller's own replaces.
func (m *Model) setOverridden(options OpenOptions, beside folderConfigs, own ownCard, computed computed) {
	if computed.epsilon != 0 && computed.epsilon != m.Config.Epsilon {
		m.overridden = fmt.Sprintf("epsilon %g is taken (%s), and not that of the module in the file: %s", m.Config.Epsilon, m.From[card.Epsilon],
			text.List(computed.epsilons, mostStated, fmt.Sprintf("%g", computed.epsilon)))
		return
	}
	var stated float64
	var where string
	switch {
	case options.Known != nil:
		stated, where = options.Known.Config.Epsilon, "the manifest"
		if options.Known.From[card.Epsilon].Guess() {
			return
		}
	case beside.card != nil:
		stated, where = beside.card.Config.Epsilon, beside.path
	case own.Card != nil && !own.From[card.Epsilon].Guess():
		stated, where = own.Config.Epsilon, "the file's metadata"
	case own.Card == nil:
		stated, where = own.epsilon, "the file's metadata"
	}
	if (options.Epsilon != 0 || options.Arch != nil) && stated != 0 && stated != m.Config.Epsilon {
		m.overridden = fmt.Sprintf("epsilon %g is taken, as asked, and not %g, which %s states", m.Config.Epsilon, stated, where)
	}
}

// beside returns what the files say beside which a single file is written, if readers of the file take it: it has a name that transformers gives to weights.
// A *[TargetError] says that they contradict the model.
func (t target) beside(c card.Card) (folderConfigs, error) {
	if t.folder != "" || !isTransformersName(filepath.Base(t.path)) {
		return folderConfigs{}, nil
	}
	if info, err := os.Stat(filepath.Join(filepath.Dir(t.path), "config.json")); err != nil || !info.Mode().IsRegular() {
		return folderConfigs{}, nil
	}
	found, err := readFolderConfigs(t.path, "")
	advice := "write to another folder, or under a name such as beit" + filepath.Ext(t.path) + ", or write the folder as a whole, whose config.json is replaced"
	if err != nil {
		return found, &TargetError{
			Reason: fmt.Sprintf("whoever reads %s takes what the config.json beside it says, which can't be used: %s", t.path, err),
			Advice: advice,
		}
	}
	if all := found.disagreements(c, false); len(all) > 0 {
		return found, &TargetError{
			Reason: fmt.Sprintf("whoever reads %s takes what %s says, and that is another model's: %s", t.path, found.path, strings.Join(all, "; ")),
			Advice: advice,
		}
	}
	return found, nil
}

// kept returns the losses that the files beside the target do not make good, and a note if they state what the model's card does not.
func (f folderConfigs) kept(c card.Card, losses []Loss, path string) (kept []Loss, notes []string) {
	if f.card == nil && f.timm == nil {
		return losses, nil
	}
	stated := map[card.Item]bool{card.Preparing: f.processor != nil || f.timm != nil && (f.timm.Recipe != nil || f.timm.RecipeErr != nil)}
	epsilon, heads, problem := arch.Epsilon, 0, card.Problem("")
	var labels []string
	switch {
	case f.card != nil:
		epsilon, heads, problem, labels = f.card.Config.Epsilon, f.card.Config.Heads, f.card.Problem, f.card.Labels
		stated[card.Epsilon], stated[card.Heads], stated[card.Window] = true, true, true
		stated[card.Labels], stated[card.ProblemIs] = !card.Placeholder(labels), problem != ""
	case f.timm != nil:
		heads, labels = f.timm.Heads, f.timm.Labels
		stated[card.Heads], stated[card.Window] = f.timm.Heads > 0, f.timm.ImageHeight > 0 && f.timm.PatchSize > 0
		stated[card.Labels] = !card.Placeholder(labels)
	}
	var taken []string
	if epsilon != c.Config.Epsilon {
		taken = append(taken, fmt.Sprintf("epsilon %g", epsilon))
	}
	if heads > 0 && heads != c.Config.Heads {
		taken = append(taken, fmt.Sprintf("%d attention heads", heads))
	}
	if stated[card.Labels] && !slices.Equal(labels, c.Labels) {
		taken = append(taken, "the names of the classes")
	}
	if stated[card.ProblemIs] && problem != c.Problem {
		taken = append(taken, "what the logits mean")
	}
	if recipe := f.recipe(); stated[card.Preparing] && (recipe == nil || c.Recipe == nil || !samePictures(*recipe, *c.Recipe)) {
		taken = append(taken, "the recipe for images")
	}
	if len(taken) > 0 {
		notes = []string{fmt.Sprintf("whoever reads %s takes from %s: %s; if that is another model's, write to another folder",
			path, f.path, text.List(taken, len(taken), ""))}
	}
	return slices.DeleteFunc(losses, func(l Loss) bool { return stated[l.Item] }), notes
}

// samePictures reports whether two recipes are the same but for what the files of frameworks do not state: it is as their program has it.
func samePictures(a, b card.Recipe) bool {
	for _, r := range []*card.Recipe{&a, &b} {
		r.Rounding, r.Arithmetic, r.Orientation = card.HalfEven, card.Pillow, card.AsStored
	}
	return a == b
}
