package configs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/vocabulary"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
)

// maxLabel bounds the name of one class, in bytes. The longest of ImageNet-22k has about 200.
const maxLabel = 4096

// FindLabels returns the names of classes that a user asks for: those of a data set that package vocabulary knows, such as imagenet-1k, or else of the file at
// that path, as [ReadLabels] does.
func FindLabels(name string) ([]string, error) {
	if known := vocabulary.ByName(name); known != nil {
		return known.Labels(), nil
	}
	return ReadLabels(name)
}

// ReadLabels reads the names of classes from the file at path. See [ParseLabels]. Errors are a *[fs.PathError], a *[disk.TooLargeError] or a *[FileError].
func ReadLabels(path string) ([]string, error) {
	raw, err := disk.ReadFile(path, maxJSON)
	if err != nil {
		return nil, err
	}
	if ending := strings.ToLower(filepath.Ext(path)); ending == ".yaml" || ending == ".yml" {
		if err := checkYAML(raw); err != nil {
			return nil, named(path, err)
		}
	}
	labels, err := ParseLabels(raw)
	return labels, named(path, err)
}

// checkYAML returns a *[FileError] if a file that calls itself YAML is no manifest: its lines are not names of classes.
func checkYAML(raw []byte) error {
	start := bytes.TrimLeft(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), " \t\r\n")
	if isManifest(start) || json.Valid(start) {
		return nil
	}
	return refuse(labelsName, "it is YAML, but not a manifest, so its lines are not the names of classes")
}

// ReadRecipe reads how images are prepared from the file at path. See [ParseRecipe]. Errors are a *[fs.PathError], a *[disk.TooLargeError] or a *[FileError].
func ReadRecipe(path string) (card.Recipe, error) {
	raw, err := disk.ReadFile(path, maxYAML)
	if err != nil {
		return card.Recipe{}, err
	}
	recipe, err := ParseRecipe(raw)
	return recipe, named(path, err)
}

// named puts the path into a *FileError.
func named(path string, err error) error {
	if file := (*FileError)(nil); errors.As(err, &file) {
		return &FileError{File: path, Err: file.Err, Advice: file.Advice}
	}
	return err
}

// ParseLabels reads the names of classes from whatever file has them: text with one name a line, of which the first is class 0; the config.json of
// transformers or of timm; a JSON list of names, or an object from index to name or from name to index; or a manifest of beitzoo. The error is a
// *[FileError]. Whether there is one name for each class is for the caller to check.
func ParseLabels(raw []byte) ([]string, error) {
	const file = labelsName
	labels, err := parseLabels(raw)
	if err != nil {
		return nil, unusable(file, err)
	}
	if len(labels) == 0 {
		return nil, refuse(file, "there is no name of a class in it")
	}
	for i, label := range labels {
		if len(label) > maxLabel || !isText(label) {
			return nil, refuse(file, "the name of class %d is not text that can be printed: %.60q", i, label)
		}
	}
	return labels, nil
}

func parseLabels(raw []byte) ([]string, error) {
	start := bytes.TrimLeft(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case !utf8.Valid(raw) || bytes.IndexByte(raw, 0) >= 0:
		return nil, errors.New("not a text file")
	case bytes.HasPrefix(start, []byte("[")) && meansJSON(start):
		return labelsOf(json.RawMessage(start))
	case bytes.HasPrefix(start, []byte("{")) && meansJSON(start):
		return parseLabelsObject(start)
	case isManifest(start):
		return labelsOfManifest(start)
	}
	lines := strings.Split(strings.TrimPrefix(string(raw), "\ufeff"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSuffix(line, "\r")
	}
	for len(lines) > 0 && isBlank(lines[len(lines)-1]) {
		lines = lines[:len(lines)-1]
	}
	return lines, nil
}

// labelsOfManifest returns the names that a manifest states, or those of the set that it names.
func labelsOfManifest(raw []byte) ([]string, error) {
	var file struct {
		Categories struct {
			Set    string   `yaml:"set"`
			Labels []string `yaml:"labels"`
		} `yaml:"categories"`
	}
	if err := yaml.Unmarshal(raw, &file); err != nil || file.Categories.Labels != nil {
		return file.Categories.Labels, err
	}
	if known := vocabulary.ByName(file.Categories.Set); known != nil {
		return known.Labels(), nil
	}
	return nil, errors.New("the manifest has no categories.labels")
}

// meansJSON reports whether a file that begins with a bracket is JSON, perhaps damaged, and not a list of names of which the first has a bracket.
func meansJSON(start []byte) bool {
	first, _, several := bytes.Cut(start, []byte("\n"))
	return json.Valid(start) || several && len(bytes.TrimSpace(first)) == 1
}

// parseLabelsObject reads a JSON object: a configuration of transformers or timm, or a map between index and name.
func parseLabelsObject(raw []byte) ([]string, error) {
	var file map[string]json.RawMessage
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, text.JSONError(err)
	}
	if err := text.CheckKeys(raw); err != nil {
		return nil, err
	}
	if byIndex := file["id2label"]; byIndex != nil {
		return labelsOf(byIndex)
	}
	if IsTimm(raw) {
		timm, err := ParseTimm(raw)
		if err == nil && timm.Labels == nil {
			err = errors.New("timm's config.json has no label_names")
		}
		if err != nil {
			return nil, err
		}
		return timm.Labels, nil
	}
	if IsTransformers(raw) {
		return nil, errors.New("the config.json has no id2label")
	}
	var byName map[string]int
	if json.Unmarshal(raw, &byName) == nil {
		turned := make(map[string]string, len(byName))
		for name, index := range byName {
			if other, twice := turned[strconv.Itoa(index)]; twice {
				return nil, fmt.Errorf("%s and %s are both class %d", text.Quote(min(name, other)), text.Quote(max(name, other)), index)
			}
			turned[strconv.Itoa(index)] = name
		}
		raw, _ = json.Marshal(turned)
	}
	return labelsOf(raw)
}

// isManifest reports whether a file says that it is a manifest of beitzoo.
func isManifest(start []byte) bool {
	return bytes.HasPrefix(start, []byte("format: beitzoo.manifest."))
}

// isText reports whether a terminal can print a name without being told to do something.
func isText(s string) bool {
	for _, r := range s {
		if r != '\t' && unicode.IsControl(r) {
			return false
		}
	}
	return true
}

// ParseRecipe reads how images are prepared from whatever file says it: the preprocessor_config.json of transformers, the config.json of timm, a manifest of
// beitzoo (its first recipe), or the fields of a [card.Recipe] as JSON or YAML. The error is a *[FileError].
func ParseRecipe(raw []byte) (card.Recipe, error) {
	const file = recipeName
	start := bytes.TrimSpace(raw)
	switch {
	case !utf8.Valid(raw) || bytes.IndexByte(raw, 0) >= 0:
		return card.Recipe{}, refuse(file, "not a text file")
	case isManifest(start):
		var m struct {
			Preprocessing []struct {
				Recipe card.Recipe `yaml:"recipe"`
			} `yaml:"preprocessing"`
		}
		if err := yaml.Unmarshal(start, &m); err != nil {
			return card.Recipe{}, unusable(file, err)
		}
		if len(m.Preprocessing) == 0 {
			return card.Recipe{}, refuse(file, "the manifest has no preprocessing")
		}
		return validRecipe(m.Preprocessing[0].Recipe)
	case IsTimm(start):
		timm, err := ParseTimm(start)
		if err == nil {
			err = timm.RecipeErr
		}
		if err != nil {
			return card.Recipe{}, err
		}
		return *timm.Recipe, nil
	}
	var keys map[string]any
	if err := yaml.Unmarshal(start, &keys); err != nil { // JSON is YAML too
		return card.Recipe{}, refuse(file, "neither JSON nor YAML")
	}
	switch {
	case keys["image_mean"] != nil || keys["image_processor_type"] != nil || keys["feature_extractor_type"] != nil:
		return ParseProcessor(start)
	case keys["resize_to"] != nil || keys["resize"] != nil:
		var recipe card.Recipe
		if err := yaml.Unmarshal(start, &recipe); err != nil {
			return card.Recipe{}, refuse(file, "%s", strings.SplitN(err.Error(), "\n", 2)[0])
		}
		return validRecipe(recipe)
	}
	return card.Recipe{}, refuse(file, "it says nothing about how images are prepared")
}

func validRecipe(recipe card.Recipe) (card.Recipe, error) {
	if err := recipe.Validate(); err != nil {
		return card.Recipe{}, unusable(recipeName, err)
	}
	return recipe, nil
}
