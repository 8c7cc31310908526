package main

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// repository is the root of the checkout.
const repository = "../.."

// TestContributing_Changes makes sure that CONTRIBUTING.md names the file to open first for each typical change.
func TestContributing_Changes(t *testing.T) {
	t.Parallel()
	var changes []string
	for _, row := range contributingTable(t, "What to open first") {
		changes = append(changes, row[0])
		if paths := quoted(row[1]); len(paths) != 1 {
			t.Errorf("%s: %d files to open first", row[0], len(paths))
		}
	}
	want := []string{
		"a naming scheme", "a file format", "an engine operation", "a tolerance", "a command-line flag", "a store", "a manifest field",
		"a picture decoder", "a stub of gotch", "a benchmark", "a fuzz target", "a libtorch version",
	}
	for _, change := range want {
		if !slices.Contains(changes, change) {
			t.Errorf("CONTRIBUTING.md does not say where to begin with %s", change)
		}
	}
}

// TestContributing_Packages makes sure that its table of packages has each package of the module once, and no other.
func TestContributing_Packages(t *testing.T) {
	t.Parallel()
	var listed []string
	for _, row := range contributingTable(t, "How the code is laid out") {
		listed = append(listed, quoted(row[0])...)
	}
	var found []string
	walkRepository(t, func(name string) {
		folder := path.Dir(name)
		if strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && !slices.Contains(found, folder) {
			found = append(found, folder)
		}
	})
	slices.Sort(listed)
	slices.Sort(found)
	for _, folder := range found {
		if _, once := slices.BinarySearch(listed, folder); !once {
			t.Errorf("CONTRIBUTING.md has no line about the package %s", folder)
		}
	}
	for i, folder := range listed {
		if _, there := slices.BinarySearch(found, folder); !there || i > 0 && listed[i-1] == folder {
			t.Errorf("CONTRIBUTING.md lists the package %s, which does not exist or is listed twice", folder)
		}
	}
}

// TestContributing_OptionalTests makes sure that its table of optional tests has the tags of all test files, and targets that exist.
func TestContributing_OptionalTests(t *testing.T) {
	t.Parallel()
	tags := []string{"unix", "linux", "windows", "amd64", "arm64"} // of systems and processors, not of optional tests
	for _, row := range contributingTable(t, "Optional tests") {
		tags = append(tags, quoted(row[0])...)
	}
	constraint := regexp.MustCompile(`(?m)^//go:build (.+)$`)
	walkRepository(t, func(name string) {
		if !strings.HasSuffix(name, "_test.go") {
			return
		}
		for _, found := range constraint.FindAllStringSubmatch(readRepository(t, name), -1) {
			for _, tag := range strings.FieldsFunc(found[1], func(r rune) bool { return strings.ContainsRune("!&|() ", r) }) {
				if !slices.Contains(tags, tag) {
					t.Errorf("CONTRIBUTING.md says nothing about the tag %s of %s", tag, name)
				}
			}
		}
	})
}

// paths matches what looks like a path of the repository: at least one slash, and perhaps the pattern *.
var paths = regexp.MustCompile(`^\.{0,2}/?[a-z_0-9.-]+(/[A-Za-z_0-9.*-]+)+/?$`)

// TestDocs_PathsExist makes sure that the files, folders and targets of make that the documentation names are there.
func TestDocs_PathsExist(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(repository)
	if err != nil {
		t.Fatal(err)
	}
	top := map[string]bool{"..": true, ".": true}
	for _, entry := range entries {
		top[entry.Name()] = true
	}
	for line := range strings.Lines(readRepository(t, ".gitignore")) { // what is built is not there on a clean checkout
		delete(top, strings.Trim(strings.TrimSpace(line), "/"))
	}
	targets := makeTargets(t)
	link, target := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`), regexp.MustCompile("(?:`|^    |; )make ([a-z][a-z0-9.-]*)")
	checked := 0
	walkRepository(t, func(name string) {
		if path.Ext(name) != ".md" || name == "CHANGELOG.md" {
			return
		}
		content := readRepository(t, name)
		for _, word := range quoted(content) {
			if first, _, _ := strings.Cut(word, "/"); !paths.MatchString(word) || !top[first] {
				continue
			}
			checked++
			if !exists(path.Join(repository, word)) && !exists(path.Join(repository, path.Dir(name), word)) {
				t.Errorf("%s names %s, which does not exist", name, word)
			}
		}
		for _, found := range link.FindAllStringSubmatch(content, -1) {
			checked++
			if !exists(path.Join(repository, path.Dir(name), found[1])) {
				t.Errorf("%s links to %s, which does not exist", name, found[1])
			}
		}
		for line := range strings.Lines(content) {
			for _, found := range target.FindAllStringSubmatch(line, -1) {
				checked++
				if !slices.Contains(targets, found[1]) {
					t.Errorf("%s names make %s, which does not exist", name, found[1])
				}
			}
		}
	})
	if checked < 80 {
		t.Errorf("only %d paths, links and targets were found", checked)
	}
}

// makeTargets lists the targets of the Makefile and of what it includes.
func makeTargets(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(repository + "/dev/*.mk")
	if err != nil {
		t.Fatal(err)
	}
	rule := regexp.MustCompile(`(?m)^([a-z][a-z0-9.-]*):`)
	var targets []string
	for _, file := range append(files, repository+"/Makefile") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range rule.FindAllSubmatch(text, -1) {
			targets = append(targets, string(found[1]))
		}
	}
	return targets
}

// contributingTable returns the rows of the table in a section of CONTRIBUTING.md, without its head.
func contributingTable(t *testing.T, section string) [][]string {
	t.Helper()
	_, text, found := strings.Cut(readRepository(t, "CONTRIBUTING.md"), "\n## "+section+"\n")
	if !found {
		t.Fatalf("CONTRIBUTING.md has no section %q", section)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	var rows [][]string
	for line := range strings.Lines(text) {
		if row, isRow := strings.CutPrefix(strings.TrimSpace(line), "| "); isRow {
			rows = append(rows, strings.Split(strings.TrimSuffix(row, " |"), " | "))
		}
	}
	if len(rows) < 2 {
		t.Fatalf("CONTRIBUTING.md has no table in the section %q", section)
	}
	return rows[1:]
}

var quotation = regexp.MustCompile("`([^`\n]+)`")

// quoted returns the pieces of a text that are between backquotes.
func quoted(text string) []string {
	var words []string
	for _, found := range quotation.FindAllStringSubmatch(text, -1) {
		words = append(words, found[1])
	}
	return words
}

// exists reports whether a file or folder matches the pattern.
func exists(pattern string) bool {
	matches, err := filepath.Glob(filepath.FromSlash(pattern))
	return err == nil && len(matches) > 0
}

// walkRepository visits the files of the checkout outside of hidden folders and of those that hold test data or what was built.
func walkRepository(t *testing.T, visit func(name string)) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(repository), ".", func(name string, entry fs.DirEntry, err error) error {
		switch base := path.Base(name); {
		case err != nil:
			return err
		case !entry.IsDir():
			visit(name)
		case name != "." && strings.HasPrefix(base, "."), name != "testdata" && base == "testdata", name == "bin", name == "out", name == "shared":
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func readRepository(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
