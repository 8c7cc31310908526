package main

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/attention"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/features"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/evaluate/tokens"
	"github.com/beitzoo/beitzoo/finetune"
	"github.com/beitzoo/beitzoo/manifests"
	"github.com/beitzoo/beitzoo/verify/recording"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
)

// values are what may stand for the value of a flag, or for an argument.
type values struct {
	// words are ours. list is set instead of them if several may be given, with commas between them.
	words, list func(*typedWords) []proposal
	files       files
}

func (v values) answer(t *typedWords, head string) answer {
	a := answer{files: v.files, head: head}
	if v.words != nil {
		a.words = v.words(t)
	}
	return a
}

// Kinds of files.
var (
	fileValues        = values{files: files{any: true}}
	folderValues      = values{files: files{folders: true}}
	checkpointFiles   = files{any: true, endings: append(convert.Endings(), ".ckpt", ".index.json")}
	yamlValues        = values{files: files{any: true, endings: []string{".yaml", ".yml"}}}
	safetensorsValues = values{files: files{any: true, endings: []string{".safetensors"}}}
	imageValues       = values{files: files{any: true, endings: []string{
		".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".JPG", ".JPEG", ".PNG", ".GIF", ".BMP", ".WEBP",
	}}}
)

// freeValues is for what only the user knows: a number, a new name, a date.
var freeValues = values{}

// valuesOf says what may stand for each placeholder of the help, such as SCHEME in "--to SCHEME". The same placeholder may mean something else after one flag,
// or in one command: then the flag ("--trust"), or the command and the placeholder ("publish NAME"), or the command and the flag, stands here, too.
var valuesOf = map[string]values{
	"ARCH":        {words: architectureWords, files: yamlValues.files},
	"A":           modelValues,
	"B":           modelValues,
	"ADDRESS":     placeValues,
	"AGE":         freeValues,
	"BLOCKS":      freeValues,
	"SCALES":      freeValues,
	"BYTES":       freeValues,
	"CHECKPOINT":  modelValues,
	"COMMAND":     {words: func(t *typedWords) []proposal { return commandWords(t.commands) }},
	"DATA":        fileValues,
	"DATE":        freeValues,
	"DEST":        placeValues,
	"DEVICE":      {words: deviceWords},
	"DEVICES":     {list: deviceWords},
	"DTYPE":       {words: dtypeWords},
	"DTYPES":      {list: dtypeWords},
	"ENGINE":      {words: engineWords},
	"ENGINES":     {list: engineWords},
	"EPOCHS":      freeValues,
	"EPSILON":     {words: fixedWords("1e-6", "1e-12")},
	"FACTOR":      freeValues,
	"FILE":        fileValues,
	"FOLDER":      folderValues,
	"FORMAT":      {words: func(*typedWords) []proposal { return proposals(convert.Formats()) }},
	"PART":        freeValues,
	"PREDICTIONS": {files: files{any: true, endings: []string{".jsonl"}}},
	"FRAMEWORK":   {words: func(*typedWords) []proposal { return proposals(recording.Frameworks()) }},
	"FROM":        placeValues,
	"HOST":        freeValues,
	"IMAGE":       imageValues,
	"K":           freeValues,
	"KEY":         fileValues,
	"LONG":        {words: func(*typedWords) []proposal { return proposals(slices.Sorted(maps.Keys(efforts))) }},
	"MODEL":       modelValues,
	"N":           freeValues,
	"NORM":        freeValues,
	"PROBABILITY": freeValues,
	"RATE":        freeValues,
	"SHARE":       freeValues,
	"NAME":        {words: zooNameWords},
	"NEWKEY":      fileValues,
	"NUMBER":      freeValues,
	"PATCHES":     {words: fixedWords("none")},
	"PLACE":       placeValues,
	"PROGRAM":     fileValues,
	"PUBLICKEY":   fileValues,
	"ROLE":        {words: fixedWords(string(manifest.Publisher), string(manifest.Root))},
	"SCHEME":      {words: func(*typedWords) []proposal { return proposals(naming.Names()) }},
	"SIZE":        {words: fixedWords("224", "384", "512")},
	"SHELL":       {words: fixedWords(slices.Sorted(maps.Keys(completionScripts))...)},
	"SOURCE":      {words: sourceWords},
	"SRC":         modelValues,
	"STAGES":      {list: func(*typedWords) []proposal { return proposals(recording.StageWords()) }},
	"TEXT":        freeValues,
	"TO":          placeValues,
	"TYPE":        {words: func(*typedWords) []proposal { return proposals(card.Problems()) }},
	"VERSION":     freeValues,
	"WAY":         {words: func(*typedWords) []proposal { return proposals(wayWords()) }},
	"WHICH":       {words: fixedWords(amongAll, amongOwn), files: files{any: true}},
	"WINDOW":      freeValues,
	"ATTENTION":   {words: func(*typedWords) []proposal { return proposals(attention.Kinds()) }},
	"FEATURE":     {words: fixedWords(features.Pool, features.Tokens, "blocks.0")},
	"PNG":         {files: files{any: true, endings: []string{".png"}}},
	"TOKENS":      {words: func(*typedWords) []proposal { return proposals(attention.Views()) }},

	"DECODER":   modelValues,
	"TOKENIZER": modelValues,

	"mim --mask":              {files: files{any: true, endings: []string{".safetensors", ".jsonl"}}},
	"reconstruct --mask":      {files: files{any: true, endings: []string{".safetensors", ".jsonl"}}},
	"--tokenizer-recipe":      {words: func(*typedWords) []proposal { return proposals(card.RecipeNames()) }, files: files{any: true, endings: []string{".json", ".yaml", ".yml"}}},
	"tokenize --format":       {words: fixedWords(string(tokens.Safetensors), string(tokens.Lines))},
	"tokenize merge --format": {words: fixedWords(string(tokens.Safetensors), string(tokens.Lines))},
	"tokenize merge PART":     {files: files{any: true, endings: []string{".safetensors", ".jsonl"}}},

	"finetune --schedule":    {words: fixedWords(string(finetune.Overlapping), string(finetune.Unilm))},
	"finetune --choose":      {words: fixedWords("best", "last")},
	"bench MODEL":            {words: modelOrArchitectureWords, files: checkpointFiles},
	"eval --split":           {words: fixedWords("validation", "training", "val", "train", "test")},
	"--reduce-zero-label":    {words: fixedWords(switchOn, switchOff)},
	"inspect FILE":           modelValues,
	"manifest validate FILE": yamlValues,
	"manifest sign FILE":     yamlValues,
	"manifest check FILE":    yamlValues,
	"schemes NAME":           {words: func(*typedWords) []proposal { return proposals(naming.Names()) }, files: yamlValues.files},
	"yank NAME":              {words: publishedWords},
	"deprecate NAME":         {words: publishedWords},
	"key add --name":         freeValues,
	"key rotate --name":      freeValues,
	"trust forget PLACE":     {words: placeWords, files: files{folders: true}},
	"--describe":             yamlValues,
	"--drop":                 {words: fixedWords(convert.DropWords()...)},
	"--features":             {files: files{any: true, endings: []string{".safetensors", ".jsonl"}}},
	"--pooling":              {words: fixedWords(poolings()...)},
	"--pooling-a":            {words: fixedWords(poolings()...)},
	"--pooling-b":            {words: fixedWords(poolings()...)},
	"--head":                 {words: func(*typedWords) []proposal { return proposals(adapt.Heads()) }},
	"--lossy":                {list: func(*typedWords) []proposal { return proposals(adapt.LossyNames()) }},
	"--manifest":             yamlValues,
	"--map":                  yamlValues,
	"--norm":                 {words: func(*typedWords) []proposal { return proposals(adapt.Norms()) }},
	"--resize":               {words: func(*typedWords) []proposal { return proposals(adapt.Methods()) }},
	"--re-sign":              {words: publishedWords},
	"--recording":            safetensorsValues,
	"--recipe":               {words: func(*typedWords) []proposal { return proposals(card.RecipeNames()) }, files: files{any: true, endings: []string{".json", ".yaml", ".yml"}}},
	"--report":               {files: files{any: true, endings: []string{".html"}}},
	"--select":               {words: fixedWords("model", "model_ema", "module", "state_dict", "teacher")},
	"--select-a":             {words: fixedWords("model", "model_ema", "module", "state_dict", "teacher")},
	"--select-b":             {words: fixedWords("model", "model_ema", "module", "state_dict", "teacher")},
	"--against-select":       {words: fixedWords("model", "model_ema", "module", "state_dict", "teacher")},
	"--to-map":               yamlValues,
	"--torchscript":          {files: files{any: true, endings: []string{".pt", ".pth"}}},
	"--wrapper":              {words: wrapperWords},
}

// modelValues are a checkpoint, or a name of the zoo.
var modelValues = values{words: zooNameWords, files: checkpointFiles}

// placeValues is an address of a place, a folder or a bundle.
var placeValues = values{words: placeWords, files: files{any: true}}

// flagValues returns what may stand for the value of a flag of the command that path names, such as "cache prune".
func flagValues(path string, flag cli.Flag) (values, bool) {
	name := "--" + flag.Names()[0]
	return firstValues(path+" "+name, name, flagPlaceholder(flag))
}

// argumentValues is the same for an argument. placeholder is as in ArgsUsage: "[NAME[@VERSION]...]".
func argumentValues(path, placeholder string) (values, bool) {
	name := placeholderName.FindString(placeholder)
	return firstValues(path+" "+name, name)
}

func firstValues(keys ...string) (values, bool) {
	for _, key := range keys {
		if found, ok := valuesOf[key]; ok {
			return found, true
		}
	}
	return values{}, false
}

var placeholderName = regexp.MustCompile(`[A-Z]+`)

// flagPlaceholder returns the word that the help writes for the value of a flag.
func flagPlaceholder(flag cli.Flag) string {
	documented, ok := flag.(cli.DocGenerationFlag)
	if !ok {
		return ""
	}
	return placeholder(documented)
}

// argumentPlaceholders splits an ArgsUsage such as "SRC -o DST"; what begins with a flag is not about arguments.
func argumentPlaceholders(usage string) []string {
	all := strings.Fields(usage)
	if at := slices.IndexFunc(all, func(word string) bool { return strings.HasPrefix(word, "-") }); at >= 0 {
		all = all[:at]
	}
	return all
}

func proposals(words []string) []proposal {
	all := make([]proposal, len(words))
	for i, word := range words {
		all[i].word = word
	}
	return all
}

func fixedWords(words ...string) func(*typedWords) []proposal {
	return func(*typedWords) []proposal { return proposals(words) }
}

func architectureWords(*typedWords) []proposal { return proposals(arch.Names()) }

func dtypeWords(*typedWords) []proposal {
	return []proposal{
		{"f32", "single precision"},
		{"f64", "double precision"},
		{"bf16", "half precision, with the range of f32"},
		{"f16", "half precision"},
	}
}

func deviceWords(*typedWords) []proposal {
	return []proposal{{"cpu", "the processor"}, {"cuda", "an NVIDIA GPU"}, {"cuda:0", "the first NVIDIA GPU"}, {"cuda:1", "the second NVIDIA GPU"}}
}

func engineWords(*typedWords) []proposal {
	return []proposal{{"native", "plain Go"}, {"torch", "libtorch"}}
}

// wrapperWords lists PASSL's classes, and the usual keys of state dicts.
func wrapperWords(*typedWords) []proposal {
	all := []proposal{{"none", "no wrapper"}, {"model", "a key"}, {"module", "a key"}, {"state_dict", "a key"}}
	for _, name := range naming.Names() {
		scheme, err := naming.ByName(name)
		if err != nil {
			continue
		}
		for _, w := range scheme.Wrappers {
			all = append(all, proposal{w.Name, "a class of " + scheme.Name})
		}
	}
	return all
}

// modelOrArchitectureWords is for bench, whose flag --synth changes what the argument is.
func modelOrArchitectureWords(t *typedWords) []proposal {
	if _, synthetic := t.given["synth"]; synthetic {
		return architectureWords(t)
	}
	return zooNameWords(t)
}

// zooNameWords lists what the program and the places that the line names have, as far as this machine knows it: nothing is fetched. After an @ it lists versions.
func zooNameWords(t *typedWords) []proposal {
	var all []proposal
	add := func(reference manifest.Reference, title string) {
		word := reference.Name
		if t.versioned || strings.Contains(t.word, "@") {
			word = reference.String()
		}
		all = append(all, proposal{word, title})
	}
	if t.path != "mirror" { // copies from a place alone
		for _, document := range embeddedManifests(func(string) bool { return true }) {
			add(document.Reference(), document.Title)
		}
	}
	eachEntry(t.placesGiven(), func(entry manifest.Entry) { add(entry.Reference(), entry.Title) })
	return all
}

// publishedWords lists the entries of all places that were used before, for commands that name the place last.
func publishedWords(*typedWords) []proposal {
	var all []proposal
	eachEntry(knownPlaces(), func(entry manifest.Entry) { all = append(all, proposal{entry.Reference().String(), entry.Title}) })
	return all
}

// eachEntry calls visit for each entry of the latest indexes of places, as this machine has them.
func eachEntry(places []string, visit func(manifest.Entry)) {
	state, err := zoo.DefaultState()
	if err != nil {
		return
	}
	trust := zoo.OpenTrust(state)
	for _, name := range places {
		index, err := trust.Latest(name)
		if err != nil || index == nil {
			continue
		}
		for _, entry := range index.Entries {
			visit(entry)
		}
	}
}

// knownPlaces returns the names of the places that were used before.
func knownPlaces() []string {
	state, err := zoo.DefaultState()
	if err != nil {
		return nil
	}
	known, err := zoo.OpenTrust(state).Places()
	if err != nil {
		return nil
	}
	return known
}

// embeddedManifests reads the manifests that ship with the program and whose file names are wanted.
func embeddedManifests(wanted func(file string) bool) []*manifest.Document {
	var all []*manifest.Document
	files, err := fs.Glob(manifests.Files, "*.yaml")
	if err != nil {
		return nil
	}
	for _, file := range files {
		if !wanted(file) {
			continue
		}
		raw, err := fs.ReadFile(manifests.Files, file)
		if err != nil {
			continue
		}
		if document, err := manifest.Parse(file, raw); err == nil {
			all = append(all, document)
		}
	}
	return all
}

// placesGiven returns the names of the places that the line, or else the environment, names. Opening a place does not use the network.
func (t *typedWords) placesGiven() []string {
	given := t.given["zoo"]
	if len(given) == 0 {
		given = []string{os.Getenv("BEITZOO_ZOO")}
	}
	given = append(slices.Clone(given), t.given["bundle"]...)
	if t.path == "mirror" && len(t.arguments) > 0 {
		given = append(given, t.arguments[0])
	}
	var names []string
	for _, address := range strings.Split(strings.Join(given, ","), ",") {
		if address == "" {
			continue
		}
		opened, closer, err := place.Open(context.Background(), address, place.Options{})
		if err != nil {
			continue
		}
		names = append(names, opened.String())
		closer.Close()
	}
	return names
}

// placeWords lists the places that were used before and have an address; folders are completed as such.
func placeWords(*typedWords) []proposal {
	return proposals(slices.DeleteFunc(knownPlaces(), func(name string) bool { return !strings.Contains(name, "://") }))
}

// sourceWords lists the sources of the entry that the line names.
func sourceWords(t *typedWords) []proposal {
	var all []proposal
	for _, argument := range t.arguments {
		name, _, _ := strings.Cut(argument, "@")
		for _, document := range embeddedManifests(func(file string) bool { return file == name+".yaml" }) {
			for _, source := range document.Sources {
				all = append(all, proposal{source.Name, source.Address})
			}
		}
	}
	return all
}
