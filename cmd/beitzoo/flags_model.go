package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/vocabulary"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/configs"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// modelFlags say how a checkpoint is opened.
type modelFlags struct {
	from, arch, selected, window, taps string
	// ownMap is the file of a naming scheme of the user's own, drop are patterns of tensors to leave out.
	ownMap  string
	drop    cli.StringSlice
	heads   int
	epsilon float64
	// pooling is one of poolings, or empty.
	pooling string
	// recipe names a recipe or a file, labels a file, problem what the logits mean; they are empty if the model's own are to be used.
	recipe, labels, problem string
	// keyBias takes models whose keys have a bias, and leaves it out. It is no flag: a command that only runs the model sets it.
	keyBias bool
}

func (f *modelFlags) flags() []cli.Flag {
	heads := countFlag("heads", &f.heads, "that of the bias tables or config", "the `NUMBER` of attention heads, for a model without bias tables")
	heads.Category = modelSection
	return []cli.Flag{
		&cli.StringFlag{
			Name: "from", Destination: &f.from, Category: modelSection, DefaultText: "recognised by the names",
			Usage: "the naming `SCHEME` of the checkpoint: " + strings.Join(naming.Names(), ", "),
		},
		&cli.PathFlag{
			Name: "map", Destination: &f.ownMap, Category: modelSection,
			Usage: "read the names of the checkpoint by the map in this `FILE`; `beitzoo schemes NAME` prints one, `beitzoo inspect --propose-map` drafts one",
		},
		&cli.StringSliceFlag{
			Name: "drop", Destination: &f.drop, Category: modelSection,
			Usage: "leave out the tensors with names like this `PATTERN`, in which * stands for anything, dots too; " + convert.ClassBranch +
				" is the branch for the class token in files of BEiT v2's pre-training, " + convert.TrainingOfVQKD + " what only the training of VQ-KD uses",
		},
		&cli.StringFlag{
			Name: "arch", Destination: &f.arch, Category: modelSection, DefaultText: "recognised by the shapes",
			Usage: "the architecture `ARCH`: a name such as beit_base_p16_224, or a PASSL yaml config",
		},
		heads,
		&cli.StringFlag{
			Name: "window", Destination: &f.window, Category: modelSection, DefaultText: "that of the config or index, else a square",
			Usage: "the `WINDOW`: the number of patches down and across, such as 14x14; an image of 32 x 224 pixels in patches of 16 is 2x14",
		},
		&cli.StringFlag{
			Name: "taps", Destination: &f.taps, Category: modelSection, DefaultText: "those of the config, else the usual ones of the depth",
			Usage: "the `BLOCKS` whose results a segmentation model is made of, counted from 0, such as 3,5,7,11; embed is what the first block sees",
		},
		&cli.StringFlag{
			Name: "select", Destination: &f.selected, Category: modelSection,
			Usage: "the `KEY` of the state dict to take if a file holds several, such as model_ema; or what the names of the wanted tensors begin with, such as ema_model",
		},
		&cli.Float64Flag{
			Name: "epsilon", Destination: &f.epsilon, Category: modelSection, DefaultText: "that of the scheme or config", Action: checkEpsilon,
			Usage: "the LayerNorm `EPSILON`: 1e-6 in PASSL, unilm and timm, 1e-12 in Hugging Face's configs",
		},
		&cli.StringFlag{
			Name: "pooling", Destination: &f.pooling, Category: modelSection, DefaultText: "that of the names or config", Action: checkPooling,
			Usage: "the `TOKENS` that the head sees: " + strings.Join(poolings(), " or ") + ", where the names of timm leave it open",
		},
		&cli.StringFlag{
			Name: "recipe", Destination: &f.recipe, Category: modelSection, DefaultText: "that of the model",
			Usage: "prepare images by this `RECIPE`: a name (" + strings.Join(card.RecipeNames(), ", ") + "), or a file that states one: " +
				"preprocessor_config.json, timm's config.json, a manifest",
		},
		&cli.PathFlag{
			Name: "labels", Destination: &f.labels, Category: modelSection, DefaultText: "those of the model",
			Usage: "take the names of the classes from this `FILE`: one a line, a config.json of transformers or timm, a JSON list, or a manifest; " +
				"imagenet-1k and imagenet-22k are built in",
		},
		&cli.StringFlag{
			Name: "problem-type", Destination: &f.problem, Category: modelSection, DefaultText: "that of the model",
			Usage: "what the logits mean, a `TYPE` of transformers: " + strings.Join(card.Problems(), ", "),
		},
	}
}

// poolings are the values of --pooling.
func poolings() []string { return []string{string(arch.MeanPooling), string(arch.ClassToken)} }

// checkPooling is the check of --pooling.
func checkPooling(_ *cli.Context, value string) error {
	if slices.Contains(poolings(), value) {
		return nil
	}
	return &usageError{fmt.Sprintf("--pooling %q is unknown", text.Cut(value, 40)), suggest.Hint(suggest.Nearest(value, poolings()), poolings())}
}

// checkEpsilon is the check of --epsilon, which is added to a variance: 1 would drown it.
func checkEpsilon(_ *cli.Context, value float64) error {
	if value > 0 && value < 1 {
		return nil
	}
	return &usageError{fmt.Sprintf("--epsilon %g is not between 0 and 1", value), "frameworks use 1e-5, 1e-6 or 1e-12; leave out --epsilon for that of the scheme or config"}
}

// options returns what the flags say, checked.
func (f modelFlags) options() (convert.OpenOptions, error) {
	options := convert.OpenOptions{From: f.from, Heads: f.heads, Select: f.selected, Epsilon: f.epsilon, Drop: words(f.drop), KeyBias: f.keyBias, Pooling: arch.Pooling(f.pooling)}
	var err error
	if f.ownMap != "" {
		if f.from != "" {
			return options, &usageError{"--map and --from exclude each other", "leave out --from: a map says what the names mean"}
		}
		if options.Map, err = naming.ReadMap(f.ownMap); err != nil {
			return options, err
		}
	}
	if options.Window, err = parseWindow(f.window); err != nil {
		return options, err
	}
	if options.Taps, err = parseTaps("--taps", f.taps); err != nil {
		return options, err
	}
	if f.from != "" {
		if _, err := naming.ByName(f.from); err != nil {
			return options, err
		}
	}
	if f.arch != "" {
		config, err := readArchitecture(f.arch)
		if err != nil {
			return options, err
		}
		options.Arch = &config
	}
	return options, f.setFacts(&options)
}

// setFacts sets what the flags state beside the architecture.
func (f modelFlags) setFacts(options *convert.OpenOptions) error {
	options.Problem = card.Problem(f.problem)
	if f.problem != "" && !slices.Contains(card.Problems(), f.problem) {
		return &usageError{fmt.Sprintf("--problem-type %q is unknown", f.problem), suggest.Hint(suggest.Nearest(f.problem, card.Problems()), card.Problems())}
	}
	for _, flag := range []struct{ name, value string }{{"labels", f.labels}, {"recipe", f.recipe}} {
		if flag.value == none {
			return &usageError{
				fmt.Sprintf("--%s %s leaves something out of what is published, and nothing is published here", flag.name, none),
				fmt.Sprintf("leave out --%s; for a file that says nothing of itself: convert --bare; for a file named %s: --%s ./%s", flag.name, none, flag.name, none),
			}
		}
	}
	var err error
	if f.labels != "" {
		if options.Labels, err = configs.FindLabels(f.labels); err != nil {
			return unknownLabels(f.labels, err)
		}
	}
	if f.recipe == "" {
		return nil
	}
	if slices.Contains(card.RecipeNames(), f.recipe) {
		options.RecipeName = f.recipe
		return nil
	}
	recipe, err := configs.ReadRecipe(f.recipe)
	if errors.Is(err, fs.ErrNotExist) {
		return &card.UnknownRecipeError{Name: f.recipe}
	}
	options.Recipe = &recipe
	return err
}

// unknownLabels adds to the error for a missing file of names of classes which built-in list may have been meant.
func unknownLabels(value string, err error) error {
	built := strings.ToLower(strings.Join(vocabulary.Names(), " "))
	near := suggest.Nearest(strings.ToLower(value), strings.Fields(built))
	if !errors.Is(err, fs.ErrNotExist) || near == "" {
		return err
	}
	return &usageError{fmt.Sprintf("--labels %s is neither a file nor a list that is built in", text.Quote(value)), "did you mean --labels " + near + "?"}
}

// parseWindow reads the value of --window. It returns the zero value if the flag is not given.
func parseWindow(value string) (arch.Window, error) {
	if value == "" {
		return arch.Window{}, nil
	}
	down, across, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(value, " ", "")), "x")
	height, errDown := strconv.ParseUint(down, 10, 16)
	width, errAcross := strconv.ParseUint(across, 10, 16)
	if errDown != nil || errAcross != nil || height == 0 || width == 0 {
		return arch.Window{}, &usageError{
			fmt.Sprintf("--window %q is not two numbers of patches, down and across", text.Cut(value, 40)), "for an image of 32 x 224 pixels in patches of 16 give: --window 2x14",
		}
	}
	return arch.Window{Height: int(height), Width: int(width)}, nil
}

// parseTaps reads the value of a flag such as --taps. It returns nil if the flag is not given.
func parseTaps(flag, value string) (*[arch.Levels]arch.Tap, error) {
	if value == "" {
		return nil, nil
	}
	names := strings.Split(strings.ReplaceAll(value, " ", ""), ",")
	wrong := func(why string) error {
		return &usageError{fmt.Sprintf("%s %s %s", flag, text.Quote(text.Cut(value, 40)), why), "for a model of 12 blocks as unilm has it give: " + flag + " 3,5,7,11"}
	}
	var taps [arch.Levels]arch.Tap
	if len(names) != len(taps) {
		return nil, wrong(fmt.Sprintf("is not a list of %d blocks", len(taps)))
	}
	for i, name := range names {
		tap, err := arch.ParseTap(name)
		if err != nil {
			return nil, wrong("has something else in it: " + err.Error())
		}
		if taps[i] = tap; i > 0 && tap < taps[i-1] {
			return nil, wrong("is not in the order of the blocks")
		}
	}
	return &taps, nil
}

// propertyFlags are the flags that state what an architecture may leave open.
var propertyFlags = map[arch.Property]string{
	arch.PropertyHeads: "--heads N", arch.PropertyWindow: "--window HxW", arch.PropertyPooling: "--pooling mean|class_token", arch.PropertyTaps: "--taps B,B,B,B",
}

// remarkGuesses says what was guessed when a checkpoint was opened, what other programs compute otherwise with it, and which of several state dicts was taken.
func remarkGuesses(c *console, read convert.Input) { remarkSide(c, read, "--select") }

// remarkSide is remarkGuesses for one of two checkpoints, in which another flag than --select selects a state dict.
func remarkSide(c *console, read convert.Input, selectFlag string) {
	for _, a := range read.Assumptions {
		c.remark(a.String() + "; state it with " + propertyFlags[a.Property])
	}
	for _, warning := range read.Warnings {
		c.remark(warning)
	}
	if len(read.OtherDicts) > 0 {
		taken := "the state dict at the top"
		if read.Wrapper != "" {
			taken = fmt.Sprintf("the state dict %q", read.Wrapper)
		}
		remark := fmt.Sprintf("%s was taken; the file also holds %s, which %s takes instead", taken, text.List(quotedAll(read.OtherDicts), mostDicts, ""),
			keyFlag(selectFlag, read.OtherDicts))
		if read.Reason != "" {
			remark += ": " + read.Reason
		}
		c.remark(remark)
	}
}

// keyFlag returns the flag that selects the only one of several state dicts, or stands for any of them.
func keyFlag(flag string, names []string) string {
	if len(names) == 1 {
		return flag + " " + text.Shell(names[0])
	}
	return flag + " KEY"
}

// mostDicts is how many state dicts a note names.
const mostDicts = 8

func quotedAll(names []string) []string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = strconv.Quote(text.Cut(name, 100))
	}
	return quoted
}

// maxConfig is far more bytes than a config of PASSL has.
const maxConfig = 1 << 20

// readArchitecture takes a name, or the path of a PASSL yaml config.
func readArchitecture(name string) (arch.Config, error) {
	if !strings.HasSuffix(name, ".yaml") && !strings.HasSuffix(name, ".yml") {
		return arch.ByName(name)
	}
	raw, err := disk.ReadFile(name, maxConfig)
	if err != nil {
		return arch.Config{}, err
	}
	config, err := configs.ParsePASSL(raw)
	if file := (*configs.FileError)(nil); errors.As(err, &file) {
		return arch.Config{}, &configs.FileError{File: name, Err: file.Err, Advice: file.Advice}
	}
	return config, err
}

// dtypesOf are the dtypes by their names in frameworks.
var dtypesOf = map[string]string{
	"float": "f32", "float32": "f32", "fp32": "f32", "single": "f32", "double": "f64", "float64": "f64", "fp64": "f64",
	"half": "f16", "float16": "f16", "fp16": "f16", "bfloat16": "bf16", "bfloat": "bf16",
}

// parseDType reads the value of a --dtype flag. It returns tensor.Invalid if the flag is not given.
func parseDType(name string) (tensor.DType, error) {
	if name == "" {
		return tensor.Invalid, nil
	}
	dtype, err := tensor.ParseDType(name)
	if err != nil || !dtype.IsFloat() {
		hint := "for half precision: --dtype bf16"
		if meant := dtypesOf[strings.ToLower(name)]; meant != "" {
			hint = "did you mean --dtype " + meant + "?"
		}
		return tensor.Invalid, &usageError{fmt.Sprintf("--dtype %s is not one of f32, f64, bf16, f16", text.Quote(name)), hint}
	}
	return dtype, nil
}
