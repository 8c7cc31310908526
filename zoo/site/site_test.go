package site_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/manifests"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/site"
)

// published returns the embedded manifests.
func published(t testing.TB) []*manifest.Document {
	t.Helper()
	files, err := fs.Glob(manifests.Files, "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var documents []*manifest.Document
	for _, name := range files {
		raw, err := fs.ReadFile(manifests.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, parse(t, name, string(raw)))
	}
	return documents
}

func parse(t testing.TB, name, text string) *manifest.Document {
	t.Helper()
	document, err := manifest.Parse(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

func TestWrite(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	documents := published(t)
	if err := site.Write(context.Background(), folder, documents); err != nil {
		t.Fatal(err)
	}
	table := read(t, folder, "index.html")
	for _, document := range documents {
		page := read(t, folder, "models/"+document.ID+"/index.html")
		if !strings.Contains(table, `href="models/`+document.ID+`/index.html"`) {
			t.Errorf("the table has no link to %s", document.ID)
		}
		for _, want := range facts(document) {
			if !strings.Contains(page, want) {
				t.Errorf("the page of %s lacks %q", document.ID, want)
			}
		}
	}
	if left, _ := filepath.Glob(filepath.Join(folder, "*", "*", "*.part")); len(left) > 0 {
		t.Errorf("partial files are left: %v", left)
	}
}

// facts returns what the page of a model must state.
func facts(document *manifest.Document) []string {
	all := []string{"beitzoo pull " + document.Reference().String() + "<", string(document.Digest()), document.Origin.Training[:20]}
	for _, source := range document.Sources {
		all = append(all, source.Address, string(source.Digest))
	}
	for _, dispute := range document.Origin.Licence.Disputes {
		all = append(all, dispute.Party+": "+dispute.Statement)
	}
	for _, tensor := range document.Tensors {
		all = append(all, tensor.Name, string(tensor.Digest))
	}
	return all
}

func read(t testing.TB, folder, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

var (
	script    = regexp.MustCompile(`(?i)<script|\son[a-z]+=|javascript:`)
	reference = regexp.MustCompile(`(?i)(?:src|href|url)\s*[=(]\s*["']?([^"'\s)>]*)`)
	anchor    = regexp.MustCompile(`<a href="([^"]*)"`)
)

// TestNothingFromElsewhere wants no script, nothing that a page loads, and no link to a file that the site lacks.
func TestNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	pages, err := site.Pages(published(t))
	if err != nil {
		t.Fatal(err)
	}
	paths := map[string]bool{}
	for _, page := range pages {
		paths[page.Path] = true
	}
	for _, page := range pages {
		text := string(page.Content)
		if found := script.FindString(text); found != "" {
			t.Errorf("%s holds %q", page.Path, found)
		}
		for _, link := range anchor.FindAllStringSubmatch(text, -1) {
			target := filepath.ToSlash(filepath.Join(filepath.Dir(page.Path), link[1]))
			if !strings.HasPrefix(link[1], "https://") && !paths[target] {
				t.Errorf("%s links to %s, which is not there", page.Path, link[1])
			}
		}
		for _, match := range reference.FindAllStringSubmatch(anchor.ReplaceAllString(text, ""), -1) {
			if match[1] != "data:," {
				t.Errorf("%s loads %q", page.Path, match[1])
			}
		}
	}
}

func TestPagesAreReproducible(t *testing.T) {
	t.Parallel()
	documents := published(t)
	first, err := site.Pages(documents)
	if err != nil {
		t.Fatal(err)
	}
	for i, j := 0, len(documents)-1; i < j; i, j = i+1, j-1 {
		documents[i], documents[j] = documents[j], documents[i]
	}
	second, err := site.Pages(documents)
	if err != nil {
		t.Fatal(err)
	}
	for i := range first {
		if first[i].Path != second[i].Path || string(first[i].Content) != string(second[i].Content) {
			t.Errorf("%s depends on the order of the manifests", first[i].Path)
		}
	}
}

// TestHostileText puts markup and a script address into a manifest.
func TestHostileText(t *testing.T) {
	t.Parallel()
	raw, err := fs.ReadFile(manifests.Files, "digits_p16_64.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(raw), "title: A small", "title: <script>alert(1)</script><img src=x onerror=alert(1)> A small", 1)
	text = strings.Replace(text, "address: embedded:digits_p16_64.pdparams", "address: \"javascript:alert(1)\"", 1)
	pages, err := site.Pages([]*manifest.Document{parse(t, "digits.yaml", text)})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		for _, bad := range []string{"<script", "<img", `href="javascript`} {
			if strings.Contains(string(page.Content), bad) {
				t.Errorf("%s holds %s", page.Path, bad)
			}
		}
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	raw, err := fs.ReadFile(manifests.Files, "digits_p16_64.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var documents []*manifest.Document
	for _, version := range []string{"1.9.0", "1.10.0", "1.0.0"} {
		documents = append(documents, parse(t, version, strings.Replace(string(raw), "version: 1.0.0", "version: "+version, 1)))
	}
	pages, err := site.Pages(documents)
	if err != nil {
		t.Fatal(err)
	}
	page := string(pages[1].Content)
	if len(pages) != 2 || !strings.Contains(page, "beitzoo pull digits_p16_64@1.10.0<") {
		t.Errorf("%d pages; the latest version is not the one to pull", len(pages))
	}
	for _, document := range documents {
		if !strings.Contains(page, document.Version+": <code>"+string(document.Digest())) {
			t.Errorf("version %s is not listed", document.Version)
		}
	}
}
