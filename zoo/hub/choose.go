package hub

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
)

// choice is what a reference stands for among the files of a commit.
type choice struct {
	files []File
	// open is the name of the file to open, relative to the folder; empty is the folder itself.
	open string
}

// besides are read with the weights: what makes them a model.
var besides = []string{"config.json", "preprocessor_config.json"}

// usualWeights are the names under which frameworks look for weights, the preferred first.
var usualWeights = []string{"model.safetensors", "model.safetensors" + checkpoint.IndexSuffix, "pytorch_model.bin", "pytorch_model.bin" + checkpoint.IndexSuffix}

// weightEndings are those of files that can be opened.
var weightEndings = []string{".safetensors", ".bin", ".pth", ".pt", ".pdparams", ".ckpt"}

// NoModelError says that a repository has no weights where the reference points to, or several that it could mean.
type NoModelError struct {
	Reference Reference
	// Candidates are files that may be meant.
	Candidates []string
}

func (e *NoModelError) Error() string {
	if len(e.Candidates) == 0 {
		return fmt.Sprintf("%s has no weights that beitzoo reads", e.Reference)
	}
	return fmt.Sprintf("%s has several files of weights: %s", e.Reference, text.List(quoted(e.Candidates), 8, ""))
}

// Is makes a NoModelError an errdef.ErrUsage if a file can be named, else an errdef.ErrInput.
func (e *NoModelError) Is(kind error) bool {
	if len(e.Candidates) == 0 {
		return kind == errdef.ErrInput
	}
	return kind == errdef.ErrUsage
}

// Hint says how to name a file.
func (e *NoModelError) Hint() string {
	if len(e.Candidates) == 0 {
		return "give a model with files that end in " + text.Or(weightEndings) + ", or the path of such a file: hf://OWNER/NAME/PATH"
	}
	named := e.Reference
	named.Path = e.Candidates[0]
	return "name one of them, such as " + named.String()
}

func quoted(names []string) []string {
	var all []string
	for _, name := range names {
		all = append(all, text.Name(name))
	}
	return all
}

// choose finds the files that a reference stands for: one file with what lies beside it, or the weights of a folder.
func choose(r Reference, all []File) (choice, error) {
	named := func(name string) (File, bool) {
		at := slices.IndexFunc(all, func(f File) bool { return f.Name == name })
		if at < 0 {
			return File{}, false
		}
		return all[at], true
	}
	folder, weights := r.Path, ""
	if _, isFile := named(r.Path); isFile {
		folder, weights = path.Dir(r.Path), r.Path
	}
	at := func(name string) string { return strings.TrimPrefix(path.Join(folder, name), "/") }
	if folder == "." {
		folder = ""
	}
	var found choice
	if weights == "" {
		for _, usual := range usualWeights {
			if _, there := named(at(usual)); there {
				weights = at(usual)
				break
			}
		}
	} else {
		found.open = path.Base(weights)
	}
	if weights == "" {
		candidates := candidatesIn(folder, all)
		if len(candidates) != 1 {
			return choice{}, &NoModelError{r, candidates}
		}
		weights, found.open = candidates[0], path.Base(candidates[0])
	}
	for _, name := range besides {
		if file, there := named(at(name)); there && at(name) != weights {
			found.files = append(found.files, file)
		}
	}
	file, _ := named(weights)
	found.files = append(found.files, file)
	if stem, isIndex := strings.CutSuffix(weights, checkpoint.IndexSuffix); isIndex {
		shards := shardsOf(stem, all)
		if len(shards) == 0 {
			return choice{}, &NoModelError{Reference: r}
		}
		found.files = append(found.files, shards...)
	}
	return found, nil
}

// candidatesIn lists the files in a folder whose names end as those of weights do.
func candidatesIn(folder string, all []File) []string {
	var names []string
	for _, file := range all {
		if dir := path.Dir(file.Name); (dir == folder || dir == "." && folder == "") && slices.Contains(weightEndings, strings.ToLower(path.Ext(file.Name))) {
			names = append(names, file.Name)
		}
	}
	slices.Sort(names)
	return names
}

// shardsOf lists the files into which weights were split: with the stem model.safetensors, those such as model-00001-of-00002.safetensors.
func shardsOf(stem string, all []File) []File {
	ending := path.Ext(stem)
	pattern := regexp.MustCompile(`^` + regexp.QuoteMeta(strings.TrimSuffix(stem, ending)) + `-[0-9]+-of-[0-9]+` + regexp.QuoteMeta(ending) + `$`)
	var shards []File
	for _, file := range all {
		if pattern.MatchString(file.Name) {
			shards = append(shards, file)
		}
	}
	return shards
}
