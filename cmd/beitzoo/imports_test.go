package main

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/beitzoo/beitzoo/"

// listed is what `go list` says of a package.
type listed struct {
	ImportPath string
	Imports    []string
	CgoFiles   []string
}

// floor is a folder at the top of the module, from the ground up: what it may import of the others, and why no more.
type floor struct {
	folder string
	// may are folders, or packages, of the module. A path ending in "/..." stands for a package and all below it.
	may []string
	why string
}

// floors are the layers. A package may always import what is in its own top folder, subject to the rules below.
var floors = []floor{
	{"errdef", nil, "the kinds of errors are the ground: everything may return one"},
	{"internal", []string{"errdef"}, "helpers know nothing of models"},
	{"tensor", []string{"errdef", "internal/..."}, "a tensor is bytes with a dtype and a shape, whoever wrote it"},
	{"manifests", []string{"errdef"}, "what ships with the program is data"},
	{"beit", []string{"tensor/...", "internal/...", "errdef"}, "the model family is given tensors, and does not know which file they came from"},
	{
		"convert",
		[]string{"beit/arch", "beit/card", "beit/vocabulary", "beit/synth", "tensor/...", "internal/...", "errdef"},
		"the converter knows which parameters a model has, not how to run it, verify it or publish it",
	},
	{
		"verify",
		[]string{"beit/...", "convert/checkpoint/...", "convert/output", "convert/naming", "convert/transform", "tensor/...", "internal/...", "errdef"},
		"verification is given a model and a reference, and does not know the zoo",
	},
	{"evaluate", []string{"beit/...", "tensor", "internal/...", "errdef"}, "a score needs a model and pictures, wherever they came from"},
	{
		"finetune",
		[]string{"beit/...", "evaluate/...", "convert/checkpoint/...", "convert/output", "tensor", "internal/...", "errdef"},
		"a training is given a model and pictures, and keeps its state in files",
	},
	{
		"zoo",
		[]string{"convert/...", "beit/arch", "beit/card", "beit/vocabulary", "tensor", "manifests/...", "internal/...", "errdef"},
		"the zoo distributes weights; its callers run or verify them and pass in the verdict",
	},
	{"", []string{"..."}, "the front door shows all packages"},
	{"cmd", []string{"..."}, "the program is on top"},
	{"dev", []string{"..."}, "tools of developers are on top"},
}

// rule forbids imports inside a folder, where siblings must not know each other.
type rule struct {
	who, why string
	not      []string
	except   []string
}

var rules = []rule{
	{"tensor", "a tensor does not compare itself", []string{"tensor/..."}, nil},
	{"beit/arch", "architectures are data over tensors", []string{"beit/..."}, nil},
	{"beit/vocabulary", "names of classes are data", []string{"beit/..."}, nil},
	{"beit/card", "what makes weights a model needs no engine", []string{"beit/..."}, []string{"beit/arch", "beit/card"}},
	{"beit/preprocess", "pictures become tensors without a model", []string{"beit/engine/...", "beit/classify", "beit/synth"}, nil},
	{"beit/masking", "masks are made of numbers alone", []string{"beit/..."}, nil},
	{"beit/segment", "a model is given to it", []string{"beit/..."}, []string{"beit/segment", "beit/arch", "beit/card", "beit/engine", "beit/preprocess"}},
	{"beit/pictures", "files are found without a model", []string{"beit/..."}, []string{"beit/pictures", "beit/preprocess", "beit/card"}},
	{"beit/engine/...", "an engine is given tensors, not pictures", []string{"beit/preprocess", "beit/pictures", "beit/classify", "beit/features", "beit/attention"}, nil},
	{"convert/checkpoint/paddle", "formats are siblings", []string{"convert/checkpoint/pytorch", "convert/checkpoint/safetensors"}, nil},
	{"convert/checkpoint/pytorch", "formats are siblings", []string{"convert/checkpoint/paddle", "convert/checkpoint/safetensors"}, nil},
	{"convert/checkpoint/safetensors", "formats are siblings", []string{"convert/checkpoint/paddle", "convert/checkpoint/pytorch"}, nil},
	{"convert/checkpoint/...", "a checkpoint does not know names", []string{"convert/naming", "convert/transform", "convert/configs", "convert", "beit/arch"}, nil},
	{"convert/adapt", "a change is made to canonical parameters, whatever file they come from", []string{"convert/..."}, []string{"convert/adapt", "convert/transform"}},
	{"zoo/store/...", "stores move digests, not models", []string{"convert/...", "beit/...", "zoo", "zoo/manifest", "zoo/place", "zoo/trust", "zoo/pins", "zoo/hub"}, nil},
	{"zoo/manifest", "a manifest is told what is known", []string{"convert/...", "zoo/..."}, []string{"zoo/manifest"}},
	{"zoo/trust", "what was accepted from whom is about documents alone", []string{"zoo", "zoo/place", "zoo/store/..."}, nil},
	{"zoo/place", "a place holds documents and blobs", []string{"zoo"}, nil},
	{"zoo/hub/...", "a hub has files, not entries", []string{"zoo", "zoo/manifest", "zoo/place", "zoo/trust"}, nil},
}

// libraries may be imported by these packages alone.
var libraries = []struct {
	library string
	only    []string
}{
	{"github.com/nlpodyssey/gopickle", []string{"convert/checkpoint/internal/pickle"}},
	{"github.com/sugarme/gotch", []string{"beit/engine/torch"}},
	{"github.com/urfave/cli/v2", []string{"cmd/beitzoo", "cmd/gotchfit"}},
	{"github.com/schollz/progressbar/v3", []string{"cmd/beitzoo"}},
	{"golang.org/x/term", []string{"cmd/beitzoo"}},
	{"oras.land/oras-go/v2", []string{"zoo/store/ocistore"}},
}

func TestImportRules(t *testing.T) {
	for _, pkg := range packages(t) {
		path := strings.TrimPrefix(pkg.ImportPath, module)
		for _, imported := range pkg.Imports {
			checkLayers(t, path, imported)
			checkLibraries(t, path, imported)
		}
		if len(pkg.CgoFiles) > 0 && path != "beit/engine/torch" {
			t.Errorf("%s uses cgo; only beit/engine/torch may", path)
		}
	}
}

func checkLayers(t *testing.T, path, imported string) {
	target, inModule := strings.CutPrefix(imported, module)
	if !inModule {
		return
	}
	own, below := topFolder(path), topFolder(target)
	at := slices.IndexFunc(floors, func(f floor) bool { return f.folder == own })
	switch {
	case at < 0:
		t.Errorf("%s is in a top folder without a rule", path)
	case own != below && !coversAny(floors[at].may, target):
		t.Errorf("%s imports %s: %s", path, target, floors[at].why)
	}
	for _, r := range rules {
		if covers(r.who, path) && coversAny(r.not, target) && !coversAny(r.except, target) {
			t.Errorf("%s imports %s: %s", path, target, r.why)
		}
	}
}

// topFolder returns the first element of a path inside the module; the module's root has none.
func topFolder(path string) string {
	if path+"/" == module {
		return ""
	}
	first, _, _ := strings.Cut(path, "/")
	return first
}

// TestImportsOnlyRunDown makes sure that the rules themselves allow no circle: each folder may import only those that stand before it in the list.
func TestImportsOnlyRunDown(t *testing.T) {
	t.Parallel()
	seen := []string{}
	for _, f := range floors {
		for _, may := range f.may {
			if below := topFolder(may); may != "..." && !slices.Contains(seen, below) {
				t.Errorf("%s may import %s, which is not below it", f.folder, may)
			}
		}
		seen = append(seen, f.folder)
	}
}

func checkLibraries(t *testing.T, path, imported string) {
	for _, l := range libraries {
		if (imported == l.library || strings.HasPrefix(imported, l.library+"/")) && !slices.Contains(l.only, path) {
			t.Errorf("%s imports %s, which only %s may", path, imported, strings.Join(l.only, ", "))
		}
	}
}

func covers(pattern, path string) bool {
	below, all := strings.CutSuffix(pattern, "...")
	return path == pattern || all && (path+"/" == below || strings.HasPrefix(path, below))
}

func coversAny(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return covers(p, path) })
}

// packages lists every package of the module, with and without libtorch.
func packages(t *testing.T) []listed {
	command := exec.Command("go", "list", "-tags", "libtorch", "-json=ImportPath,Imports,CgoFiles", module+"...")
	command.Env = append(command.Environ(), "GOWORK=off")
	raw, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for decoder := json.NewDecoder(strings.NewReader(string(raw))); ; {
		var pkg listed
		if err := decoder.Decode(&pkg); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, pkg)
	}
	if len(all) < 5 {
		t.Fatalf("go list found only %d packages", len(all))
	}
	return all
}

func TestImportRuleMatching(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"convert/...", "convert", true},
		{"convert/...", "convert/output", true},
		{"convert", "convert/output", false},
		{"...", "zoo", true},
		{"zoo/store/...", "zoo/stores", false},
	} {
		if got := covers(c.pattern, c.path); got != c.want {
			t.Errorf("covers(%q, %q) = %v", c.pattern, c.path, got)
		}
	}
}
