package convert

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/configs"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// SaveOptions say what is written. The zero value takes format and scheme from the name of the output.
type SaveOptions struct {
	// To is the naming scheme, Format the file format.
	To, Format string
	// ToMap is a scheme of the caller's own, which counts in place of To; see [naming.ReadMap].
	ToMap *naming.Scheme
	// Wrapper is, for the scheme passl, PASSL's class around the backbone (see package naming), and otherwise, in files that can have one, such as
	// PyTorch's, the key under which the state dict lies. Empty takes what is usual: "model" for unilm ("state_dict" if the model segments), no key for others.
	// "none" leaves the key out.
	Wrapper string
	// Facts are what is known of the model beside its architecture. What the target can hold of them is written, the rest is listed in Saved.Lost.
	Facts card.Facts
	// Steps are what was done to the model before, and are recorded in the metadata of the file.
	Steps []adapt.Step
	// AllowOtherTaps writes the config.json of a segmentation model for a class of transformers that can't tap its blocks with the numbers of these blocks: transformers
	// then computes another network, which is said. Without it such a folder is a *[TargetError].
	AllowOtherTaps bool
	// Bare leaves the card and the steps out of the metadata of the file: with the scheme canonical, the bytes are those that the zoo stores, whose manifest has the card.
	Bare bool
	// Prove reads the output back and compares every tensor bit for bit before it gets its name.
	Prove bool
	// Check, if not nil, is called with the weight file before it gets its name, opened like any other. An error leaves nothing behind.
	Check func(ctx context.Context, written *Model) error
	// DryRun plans everything and writes nothing.
	DryRun bool
	// NoSync leaves it to the system when the bytes reach the disk.
	NoSync bool
	// Announce, if not nil, is called before anything is written, with the size of the weight file, and with that of the tensors in it beside the parameters, in
	// bytes.
	Announce func(size, beside int64)
	// Progress is called with the bytes written so far, which never decrease, and in total. Calls never overlap.
	Progress func(done, total int64)

	// processor is the preprocessor_config.json of the source, and recipeErr says why no recipe follows from what the source states, which no default replaces.
	processor []byte
	recipeErr error
}

// Saved says what was written.
type Saved struct {
	// Path is the weight file; Folder the folder that was written around it, or empty.
	Path   string `json:"path"`
	Folder string `json:"folder,omitempty"`
	Format string `json:"format"`
	Scheme string `json:"scheme"`
	// Wrapper is the key around the state dict, or PASSL's class if one was asked for; or empty.
	Wrapper string `json:"wrapper,omitempty"`
	// Bytes is the size of the weight file, Tensors their number, index buffers included.
	Bytes   int64 `json:"bytes"`
	Tensors int   `json:"tensors"`
	// Added are the tensors that the scheme stores beside the parameters.
	Added []string `json:"added,omitempty"`
	// LeftOut is the number of counters of batch norms that the scheme has no place for.
	LeftOut int `json:"counters_left_out,omitempty"`
	// segmentationClass is the class of transformers that loads a folder with a segmentation model, or empty.
	segmentationClass string
	// Proved says that the file was read back and compared.
	Proved bool `json:"proved"`
	// Lost is what the target can't hold of the model's card, so that whoever opens it has to state it again.
	Lost  []Loss   `json:"lost,omitempty"`
	Notes []string `json:"notes,omitempty"`
	// Names are those of each parameter in the file, in the order of config.Params.
	Names [][]string `json:"-"`
}

// Save writes the canonical parameters of a model, which must be exactly config.Params(), to a file, or to a folder that transformers'
// from_pretrained takes. On any error nothing new is left behind, and what stood there before is untouched.
func Save(ctx context.Context, path string, config arch.Config, canonical []tensor.Named, options SaveOptions) (*Saved, error) {
	t, err := newTarget(path, options)
	if err != nil {
		return nil, err
	}
	if err := t.vacant(""); err != nil {
		return nil, err
	}
	return t.save(ctx, config, canonical, options)
}

func (t target) save(ctx context.Context, config arch.Config, canonical []tensor.Named, options SaveOptions) (*Saved, error) {
	if err := t.suit(config); err != nil {
		return nil, err
	}
	wrapper, key := t.wrappers(options.Wrapper, config)
	stated := config
	config, canonical, left, added := t.scheme.FitCounters(config, canonical)
	named, err := t.scheme.Write(config, canonical, naming.WriteOptions{Wrapper: wrapper})
	if err != nil {
		return nil, err
	}
	model := card.Card{Config: config, Facts: options.Facts}
	beside, err := t.beside(model)
	if err != nil {
		return nil, err
	}
	metadata, err := t.metadata(model, options)
	if err != nil {
		return nil, err
	}
	written := t.writeOptions(model, key, options.Bare)
	written.Metadata = metadata
	parts, err := t.format.Write(named, written)
	if err != nil {
		return nil, err
	}
	saved := &Saved{
		Path: t.path, Folder: t.folder, Format: t.format.Name, Scheme: t.scheme.Name, Wrapper: cmp.Or(wrapper, key), Bytes: output.Total(parts), Tensors: len(named),
	}
	saved.Lost, saved.Notes = beside.kept(model, t.lost(model, named, written, options.Bare), t.path)
	saved.Notes = append(saved.Notes, t.notes(model, options, beside)...)
	if metadata[MetadataSteps] == "" {
		saved.Notes = append(saved.Notes, options.unrecorded()...)
	}
	saved.LeftOut = left
	saved.Notes = append(saved.Notes, t.segmentationNotes(config, options)...)
	if config.Segments() && t.folder != "" {
		saved.segmentationClass = configs.SegmentationClass(t.segmenterType(config, options))
	}
	saved.Notes = append(saved.Notes, t.counterNotes(left, added)...)
	if err := saved.list(t.scheme, config, stated, named, wrapper); err != nil {
		return nil, err
	}
	if options.Announce != nil {
		options.Announce(saved.Bytes, besideBytes(named, saved.Added))
	}
	files, err := t.configs(config, options)
	if err != nil || options.DryRun {
		return saved, err
	}
	how := output.Options{Progress: options.Progress, NoSync: options.NoSync}
	if options.Prove || options.Check != nil {
		how.Check = t.checks(config, canonical, options)
		saved.Proved = options.Prove
	}
	return saved, t.write(ctx, parts, files, how, func() error {
		if !options.Prove || t.folder == "" {
			return nil
		}
		return t.proveFolder(ctx, t.asTapped(config, options), canonical)
	})
}

// suit takes the scheme that suits the model, if the caller chose none, or returns an error if a folder of the model would be of no use.
func (t *target) suit(config arch.Config) error {
	if other := t.scheme.NotSquareNote(config); t.folder != "" && config.AbsolutePosition && other != "" {
		return &TargetError{Reason: "a folder of this model would be of no use: " + other, Advice: "write a file, under the names of timm or unilm"}
	}
	if !t.usual {
		return nil
	}
	scheme, err := naming.ByName(naming.Suited(t.scheme.Name, config))
	if err == nil && (t.folder == "" || scheme.Folder) {
		t.scheme = scheme
	}
	return err
}

// asTapped returns the configuration that a folder of transformers states: a class that can't tap the blocks of the model taps others.
func (t target) asTapped(config arch.Config, options SaveOptions) arch.Config {
	if config.Segments() && t.scheme.ModelType != "" {
		if stages, err := t.stages(config, options); err == nil && t.segmenterType(config, options) != configs.UPerNet {
			config.Segmentation.Taps = shifted(stages)
		}
	}
	return config
}

// unrecorded says that the steps are not in a file.
func (o SaveOptions) unrecorded() []string {
	if len(o.Steps) == 0 {
		return nil
	}
	why := "files of its format have no metadata"
	if o.Bare {
		why = "a bare file says nothing of itself"
	}
	return []string{"what was changed in the model is not recorded in the output: " + why}
}

// checks returns what is done with the weight file before it gets its name.
func (t target) checks(config arch.Config, canonical []tensor.Named, options SaveOptions) func(ctx context.Context, path string) error {
	how := OpenOptions{From: t.scheme.Name}
	if t.scheme.File() != "" {
		how = OpenOptions{Map: t.scheme}
	}
	return func(ctx context.Context, path string) error {
		return readBack(ctx, path, how, config, func(ctx context.Context, written *Model) error {
			if options.Prove {
				if err := proveTensors(ctx, written.Tensors, canonical); err != nil {
					return err
				}
			}
			if options.Check != nil {
				return options.Check(ctx, written)
			}
			return nil
		})
	}
}

// wrappers returns what SaveOptions.Wrapper means here: PASSL's class around the backbone, or the key of a state dict.
func (t target) wrappers(asked string, config arch.Config) (class, key string) {
	switch {
	case len(t.scheme.WrappersFor(config)) > 0:
		return asked, ""
	case !t.format.HasKeys:
		return asked, "" // refused by package naming, unless empty
	case asked == "none":
		return "", ""
	case asked == "" && config.Convolutional() && t.scheme.Name == naming.Unilm: // which has OpenAI's classes, and loads no checkpoint of its own into them
		return "", ""
	case asked == "":
		return "", t.scheme.KeyFor(config)
	}
	return "", asked
}

// metadata is what a file says of itself, nil if its format can't. In a folder of transformers config.json says all but the steps.
func (t target) metadata(c card.Card, options SaveOptions) (metadata map[string]string, err error) {
	switch {
	case !t.format.HasMetadata:
		return nil, nil
	case options.Bare && t.folder != "" && t.scheme.ModelType != "":
		return nil, nil
	case options.Bare && t.scheme.StatesEpsilon(): // a reader would take that of the map
		metadata = Metadata(t.scheme.Name, c.Config)
		metadata[MetadataEpsilon] = strconv.FormatFloat(c.Config.Epsilon, 'g', -1, 64)
		return metadata, nil
	case options.Bare:
		return Metadata(t.scheme.Name, c.Config), nil
	case t.folder != "" && t.scheme.ModelType != "":
		metadata = map[string]string{}
	default:
		if metadata, err = CardMetadata(t.scheme.Name, c); err != nil {
			return nil, err
		}
	}
	return metadata, addSteps(metadata, options.Steps)
}

// writeOptions returns what is written beside the tensors: under the key of mmcv the names and colours of the classes of a segmentation model too, as mmcv keeps them.
func (t target) writeOptions(c card.Card, key string, bare bool) checkpoint.WriteOptions {
	options := checkpoint.WriteOptions{Key: key}
	if bare || !t.format.HasMeta || key != mmcvKey || !c.Config.Segments() {
		return options
	}
	if !card.Placeholder(c.Labels) && !slices.ContainsFunc(c.Labels, func(name string) bool { return !utf8.ValidString(name) }) {
		options.Classes = c.Labels
	}
	for _, colour := range c.Palette {
		options.Palette = append(options.Palette, colour)
	}
	return options
}

// mmcvKey is the key under which mmcv has a state dict.
const mmcvKey = "state_dict"

// besideBytes returns the size of the tensors that are no parameters.
func besideBytes(named []tensor.Named, added []string) int64 {
	names, total := map[string]bool{}, int64(0)
	for _, name := range added {
		names[name] = true
	}
	for _, n := range named {
		if names[n.Name] {
			size, _ := n.Size() // which package output has checked
			total += size
		}
	}
	return total
}

// counterNotes say what became of the counters of batch norms in a program that has none, or that needs some.
func (t target) counterNotes(left, added int) []string {
	switch {
	case left > 0:
		return []string{fmt.Sprintf("%s of batch norms (num_batches_tracked) left out, since %s has none; no forward pass uses them",
			text.Count(left, "counter", "counters"), t.scheme.Program)}
	case added > 0:
		return []string{fmt.Sprintf("%s of batch norms (num_batches_tracked) that the source does not have written as zero, since %s loads nothing without them; "+
			"no forward pass uses them", text.Count(added, "counter", "counters"), t.scheme.Program)}
	}
	return nil
}

// list finds the names of the parameters, and what is there beside them.
// config is the architecture as it is written, and stated that of the model, whose parameters are listed.
func (s *Saved) list(scheme *naming.Scheme, config, stated arch.Config, named []tensor.Named, wrapper string) error {
	names, err := scheme.Spell(config, naming.WriteOptions{Wrapper: wrapper})
	if err != nil {
		return err
	}
	spelled := map[string][]string{}
	for i, p := range config.Params() {
		spelled[p.Name] = names[i]
	}
	parameters := map[string]bool{}
	for _, p := range stated.Params() {
		s.Names = append(s.Names, spelled[p.Name])
		for _, name := range spelled[p.Name] {
			parameters[name] = true
		}
	}
	for _, n := range named {
		if !parameters[n.Name] {
			s.Added = append(s.Added, n.Name)
		}
	}
	return nil
}
