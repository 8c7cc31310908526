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

// rule forbids imports. A path ending in "/..." stands for a package and all below it.
type rule struct {
	who, why string
	not      []string
	except   []string
}

// rules are the layers: checkpoint -> names -> tensors -> engine -> verdict -> manifest. Data flows one way.
var rules = []rule{
	{"convert/tensor", "tensors are below everything", []string{"..."}, []string{"convert/tensor"}},
	{"zoo/arch", "architectures are data over tensors", []string{"..."}, []string{"convert/tensor", "zoo/arch"}},
	{"convert/...", "the converter does not know the zoo", []string{"zoo", "zoo/store/...", "zoo/manifest", "zoo/engine/...", "verify/..."}, nil},
	{"convert/checkpoint/paddle", "formats are siblings", []string{"convert/checkpoint/pytorch", "convert/checkpoint/safetensors"}, nil},
	{"convert/checkpoint/pytorch", "formats are siblings", []string{"convert/checkpoint/paddle", "convert/checkpoint/safetensors"}, nil},
	{"convert/checkpoint/safetensors", "formats are siblings", []string{"convert/checkpoint/paddle", "convert/checkpoint/pytorch"}, nil},
	{"convert/checkpoint/...", "a checkpoint does not know names", []string{"convert/naming", "convert/transform", "convert", "zoo/arch"}, nil},
	{"verify/...", "verification does not know the zoo or the converter", []string{"zoo", "zoo/store/...", "zoo/manifest", "convert"}, nil},
	{"zoo/store/...", "stores move digests, not models", []string{"convert/...", "zoo", "zoo/manifest", "zoo/engine/...", "verify/..."}, nil},
	{"zoo/manifest", "a manifest is told what is known", []string{"convert/...", "zoo", "zoo/store/...", "zoo/engine/...", "verify/..."}, []string{"zoo/manifest"}},
	{"zoo/engine/...", "an engine gets tensors", []string{"convert", "convert/checkpoint/...", "convert/naming", "zoo", "zoo/store/...", "verify/..."}, nil},
}

// libraries may be imported by these packages alone.
var libraries = []struct {
	library string
	only    []string
}{
	{"github.com/nlpodyssey/gopickle", []string{"convert/checkpoint/internal/pickle"}},
	{"github.com/sugarme/gotch", []string{"zoo/engine/torch"}},
	{"github.com/urfave/cli/v2", []string{"cmd/beitzoo", "cmd/gotchfit"}},
	{"github.com/schollz/progressbar/v3", []string{"cmd/beitzoo"}},
	{"github.com/jedib0t/go-pretty/v6", []string{"cmd/beitzoo", "verify/report"}},
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
		if len(pkg.CgoFiles) > 0 && path != "zoo/engine/torch" {
			t.Errorf("%s uses cgo; only zoo/engine/torch may", path)
		}
	}
}

func checkLayers(t *testing.T, path, imported string) {
	target, ours := strings.CutPrefix(imported, module)
	for _, r := range rules {
		if ours && covers(r.who, path) && coversAny(r.not, target) && !coversAny(r.except, target) {
			t.Errorf("%s imports %s: %s", path, target, r.why)
		}
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
		{"convert/...", "convert/tensor", true},
		{"convert", "convert/tensor", false},
		{"...", "zoo", true},
		{"zoo/store/...", "zoo/stores", false},
	} {
		if got := covers(c.pattern, c.path); got != c.want {
			t.Errorf("covers(%q, %q) = %v", c.pattern, c.path, got)
		}
	}
}
