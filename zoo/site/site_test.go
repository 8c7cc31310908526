package site_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/manifests"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/site"
)

// published returns the manifests that ship with the program.
func published(t testing.TB) []site.Entry {
	t.Helper()
	files, err := fs.Glob(manifests.Files, "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var entries []site.Entry
	for _, name := range files {
		raw, err := fs.ReadFile(manifests.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, site.Entry{Document: parse(t, name, string(raw))})
	}
	return entries
}

// digits is the manifest of the trained model that ships with the program, with changes, which are pairs of an old and a new text.
func digits(t testing.TB, changes ...string) site.Entry {
	t.Helper()
	raw, err := fs.ReadFile(manifests.Files, "digits_p16_64.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(text, changes[i]) {
			t.Fatalf("the manifest does not hold %q", changes[i])
		}
		text = strings.Replace(text, changes[i], changes[i+1], 1)
	}
	return site.Entry{Document: parse(t, "digits.yaml", text)}
}

func parse(t testing.TB, name, text string) *manifest.Document {
	t.Helper()
	document, err := manifest.Parse(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// render returns the pages by their paths.
func render(t testing.TB, entries ...site.Entry) map[string]string {
	t.Helper()
	all, err := site.Pages(entries)
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{}
	for _, page := range all {
		pages[page.Path] = string(page.Content)
	}
	return pages
}

func TestWrite(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	entries := published(t)
	if err := site.Write(t.Context(), folder, entries); err != nil {
		t.Fatal(err)
	}
	table := read(t, folder, "index.html")
	for _, entry := range entries {
		page := read(t, folder, "models/"+entry.ID+"/index.html")
		if !strings.Contains(table, `href="models/`+entry.ID+`/index.html"`) {
			t.Errorf("the table has no link to %s", entry.ID)
		}
		for _, want := range facts(entry) {
			if !strings.Contains(page, want) {
				t.Errorf("the page of %s lacks %q", entry.ID, want)
			}
		}
	}
	if left, _ := filepath.Glob(filepath.Join(folder, "*", "*", "*.part")); len(left) > 0 {
		t.Errorf("partial files are left: %v", left)
	}
}

// facts returns what the page of a model must state.
func facts(entry site.Entry) []string {
	all := []string{"beitzoo pull " + entry.Reference().String() + "<", string(entry.Digest()), entry.Origin.Training[:20]}
	for _, source := range entry.Sources {
		all = append(all, source.Address, string(source.Digest))
	}
	for _, dispute := range entry.Origin.Licence.Disputes {
		all = append(all, dispute.Party+": "+dispute.Statement)
	}
	for _, masked := range entry.MaskedAccuracy {
		all = append(all, masked.Origin, html.EscapeString(masked.Run))
	}
	for _, a := range entry.SegmentationAccuracy {
		all = append(all, a.Origin, fmt.Sprintf(`data-label="mIoU %%">%.2f`, a.MIoU))
	}
	for _, tensor := range entry.Tensors {
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
	handler   = regexp.MustCompile(`(?i)<[^>]*\son[a-z]+\s*=`)
	value     = regexp.MustCompile(`"[^"]*"`) // of an attribute; a quotation mark inside is &#34;
	script    = regexp.MustCompile(`(?s)<script>(.*?)</script>`)
	style     = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	reference = regexp.MustCompile(`(?i)(?:src|href|url)\s*[=(]\s*["']?([^"'\s)>]*)`)
	anchor    = regexp.MustCompile(`<a href="([^"]*)"`)
)

// TestPages_NothingFromElsewhere wants nothing that a page loads, no link to a file that the site lacks, and one script and one style, which are the ones that
// the policy of the page allows.
func TestPages_NothingFromElsewhere(t *testing.T) {
	t.Parallel()
	pages := render(t, published(t)...)
	for path, text := range pages {
		scripts, styles := script.FindAllStringSubmatch(text, -1), style.FindAllStringSubmatch(text, -1)
		if len(scripts) != 1 || strings.Count(text, "<script") != 1 || len(styles) != 1 || strings.Count(text, "style=") != 0 {
			t.Fatalf("%s has %d scripts and %d styles", path, strings.Count(text, "<script"), len(styles))
		}
		for kind, content := range map[string]string{"script-src": scripts[0][1], "style-src": styles[0][1]} {
			sum := sha256.Sum256([]byte(content))
			want := html.EscapeString(kind + " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';")
			if !strings.Contains(text, strings.ReplaceAll(want, "+", "&#43;")) {
				t.Errorf("the policy of %s does not allow its %s", path, kind)
			}
		}
		text = style.ReplaceAllString(script.ReplaceAllString(text, ""), "")
		if found := handler.FindString(value.ReplaceAllString(text, "")); found != "" {
			t.Errorf("%s holds %q", path, found)
		}
		for _, link := range anchor.FindAllStringSubmatch(text, -1) {
			target := filepath.ToSlash(filepath.Join(filepath.Dir(path), link[1]))
			if !strings.HasPrefix(link[1], "https://") && pages[target] == "" {
				t.Errorf("%s links to %s, which is not there", path, link[1])
			}
		}
		for _, match := range reference.FindAllStringSubmatch(anchor.ReplaceAllString(text, ""), -1) {
			if match[1] != "data:," {
				t.Errorf("%s loads %q", path, match[1])
			}
		}
	}
}

func TestPages_Reproducible(t *testing.T) {
	t.Parallel()
	entries := published(t)
	first := render(t, entries...)
	slices.Reverse(entries)
	if diff := cmp.Diff(first, render(t, entries...)); diff != "" {
		t.Errorf("the pages depend on the order of the manifests: %s", diff)
	}
}

// TestPages_HostileText puts markup, a script address and quotation marks into everything that an author writes.
func TestPages_HostileText(t *testing.T) {
	t.Parallel()
	const markup = `<script>alert(1)</script><img src=x onerror=alert(1)>"'></title></style></svg>`
	quoted := "'" + strings.ReplaceAll(markup, "'", "''") + "'"
	hostile := digits(t, "title: A small BEiT that reads hand-written digits, 64 pixels", "title: "+quoted,
		"  set: digits\n", "  set: "+quoted+"\n",
		`labels: ["0", "1"`, "labels: ["+quoted+", "+quoted,
		"dataset: the 360 test pictures", "dataset: "+quoted,
		"expression: CC-BY-4.0", "expression: "+quoted,
		"    - the authors of beitzoo, inside the program", "    - "+quoted,
		"address: embedded:digits_p16_64.pdparams", `address: "javascript:alert(1)"`)
	hostile.Status = &manifest.Status{State: manifest.Deprecated, Reason: markup, Successor: "other"}
	hostile.Place, hostile.Key, hostile.SignedBy = markup, markup, markup
	other := digits(t, "id: digits_p16_64", "id: other", "dataset: the 360 test pictures", "dataset: "+quoted) // two models make a chart
	for path, text := range render(t, hostile, other) {
		text = style.ReplaceAllString(script.ReplaceAllString(text, ""), "")
		for _, bad := range []string{"<script", "<img", `href="javascript`, "</svg>\"", "alert(1)>"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s holds %s", path, bad)
			}
		}
		if found := handler.FindString(value.ReplaceAllString(text, "")); found != "" {
			t.Errorf("%s holds %s", path, found)
		}
		if path == "index.html" && !strings.Contains(text, "<svg") {
			t.Error("there is no chart")
		}
	}
}

// TestPages_Versions shows the version that the name stands for, and all others with what was said about them.
func TestPages_Versions(t *testing.T) {
	t.Parallel()
	wrong := &manifest.Status{State: manifest.Withdrawn, Reason: "the labels are wrong", Successor: "digits_p16_64@1.10.0"}
	var entries []site.Entry
	for _, version := range []string{"1.9.0", "1.10.0", "1.0.0", "1.11.0", "2.0.0-rc.1"} {
		entries = append(entries, digits(t, "version: 1.0.0", "version: "+version))
	}
	entries[3].Status = wrong
	pages := render(t, entries...)
	page := pages["models/digits_p16_64/index.html"]
	if len(pages) != 2 || !strings.Contains(page, "beitzoo pull digits_p16_64@1.10.0<") {
		t.Errorf("%d pages; the latest release that is not withdrawn is not the one to pull", len(pages))
	}
	for _, entry := range entries {
		if !strings.Contains(page, `<th scope="row">`+entry.Version+"</th>") || !strings.Contains(page, string(entry.Digest())) {
			t.Errorf("version %s is not listed", entry.Version)
		}
	}
	if !strings.Contains(page, "the labels are wrong; use digits_p16_64@1.10.0 instead") || strings.Contains(page, `class="status`) {
		t.Error("the withdrawn version must be marked in the list of versions, and not at the top")
	}
	for i := range entries {
		entries[i].Status = wrong
	}
	pages = render(t, entries...)
	if page := pages["models/digits_p16_64/index.html"]; !strings.Contains(page, `<p class="status withdrawn"><strong>Withdrawn</strong> by its publisher: the labels are wrong.`) {
		t.Error("the page of a withdrawn model does not begin with that")
	}
	if !strings.Contains(pages["index.html"], `<span class="mark withdrawn">withdrawn</span>`) || strings.Contains(pages["index.html"], "<svg") {
		t.Error("the table must mark a withdrawn model, and the chart must not show it")
	}
}

// TestPages_Commands names the place and the key in every command, as a shell reads them.
func TestPages_Commands(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ place, key, want, not string }{
		"inside the program": {"", "", "beitzoo pull digits_p16_64@1.0.0</code>", "--zoo"},
		"an address":         {"https://example.org/zoo", "RWQ/x+y=", "beitzoo pull digits_p16_64@1.0.0 --zoo https://example.org/zoo --trust RWQ/x+y=</code>", "<var"},
		"a path with spaces": {"/home/me/it's a zoo", "RWQ", `--zoo '/home/me/it'\''s a zoo' --trust RWQ</code>`, "<var"},
		"where the site is":  {site.Here, "", `--zoo <var data-address>ADDRESS</var> --trust <var>KEY</var></code>`, "--zoo ."},
	} {
		entry := digits(t)
		entry.Place, entry.Key = test.place, test.key
		pages := render(t, entry)
		for path, page := range pages {
			page = html.UnescapeString(page)
			if !strings.Contains(page, test.want) || strings.Contains(script.ReplaceAllString(page, ""), test.not) {
				t.Errorf("%s: %s does not say %q, or does say %q", name, path, test.want, test.not)
			}
		}
	}
}

// TestPages_Labels shows the first names of classes, folds the rest, and has a table that finds a model by them.
func TestPages_Labels(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprintf("Kind-%d", i))
	}
	entry := digits(t, "  count: 10", "  count: 100", `["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]`, "["+strings.Join(names, ", ")+"]")
	pages := render(t, entry, digits(t, "id: digits_p16_64", "id: few"))
	page := pages["models/digits_p16_64/index.html"]
	before, after, folded := strings.Cut(page, "<details><summary>All 100 names</summary>")
	if !folded || !strings.Contains(before, `<li value="9">Kind-9</li></ol>`) || strings.Contains(before, "Kind-10<") || !strings.Contains(after, `<li value="99">Kind-99</li>`) {
		t.Error("the names of the classes are not shown")
	}
	if few := pages["models/few/index.html"]; !strings.Contains(few, `<li value="9">9</li>`) || strings.Contains(few, "<summary>All") {
		t.Error("ten names need not be folded")
	}
	if table := pages["index.html"]; strings.Count(table, "kind-99") != 1 || strings.Count(table, `data-labels="labels-`) != 2 {
		t.Error("the table cannot be searched for a class")
	}
}

// TestPages_Bare renders a manifest with as little as a parser accepts.
func TestPages_Bare(t *testing.T) {
	t.Parallel()
	entry := digits(t, "architecture: digits_p16_64", "architecture: of_the_future")
	entry.Preprocessing, entry.Sources, entry.Accuracy, entry.Verdict, entry.Recordings, entry.Tensors = nil, nil, nil, nil, nil, nil
	entry.Categories = manifest.Categories{Set: "none"}
	pages := render(t, entry)
	if page := pages["models/digits_p16_64/index.html"]; !strings.Contains(page, "The manifest states none") || !strings.Contains(page, "– pixels") {
		t.Error("what is not known must be said")
	}
}

var name = regexp.MustCompile(`<text class="name" x="([0-9.]+)" y="([0-9.]+)" textLength="([0-9.]+)"`)

// TestPages_ChartLabels draws many models, some at the same spot, and wants no two names over one another, and none outside the drawing.
func TestPages_ChartLabels(t *testing.T) {
	t.Parallel()
	var entries []site.Entry
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 60 {
		entry := digits(t, "id: digits_p16_64", fmt.Sprintf("id: model_with_a_long_name_%02d", i))
		entry.Parameters = []int64{5_700_000, 22_000_000, 86_000_000, 304_000_000}[i%4]
		entry.Accuracy = []manifest.Accuracy{{Origin: "a paper", Dataset: "ImageNet-1k", Top1: 80 + random.Float64()*float64(i%7)}}
		entries = append(entries, entry)
	}
	for _, count := range []int{2, 13, 60} {
		table := render(t, entries[:count]...)["index.html"]
		_, rest, _ := strings.Cut(table, `class="wide"`)
		wide, narrow, _ := strings.Cut(rest, `class="narrow"`)
		for _, drawing := range []struct {
			svg   string
			width float64
		}{{wide, 1080}, {narrow, 350}} {
			var boxes [][4]float64
			for _, match := range name.FindAllStringSubmatch(drawing.svg, -1) {
				var n [3]float64
				for i := range n {
					n[i], _ = strconv.ParseFloat(match[i+1], 64)
				}
				boxes = append(boxes, [4]float64{n[0], n[1] - 10, n[0] + n[2], n[1] + 3})
			}
			if len(boxes) < min(count, 12) || strings.Count(drawing.svg, "<circle") != count {
				t.Errorf("%d models: %d dots with %d names", count, strings.Count(drawing.svg, "<circle"), len(boxes))
			}
			for i, a := range boxes {
				if a[0] < 0 || a[2] > drawing.width {
					t.Errorf("%d models: a name is outside: %v", count, a)
				}
				for _, b := range boxes[:i] {
					if a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3] {
						t.Errorf("%d models: names cover one another: %v %v", count, a, b)
					}
				}
			}
		}
	}
}
