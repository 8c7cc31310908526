//go:build chromium

package site_test

import (
	"fmt"
	"html"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/internal/webpage/webpagetest"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/site"
)

// catalogue is what the tests look at: the manifests that ship with the program; two that are said to be old and wrong, where the site is; and one with many
// classes and a long, hostile title.
func catalogue(t *testing.T) []site.Entry {
	t.Helper()
	old := digits(t, "id: digits_p16_64", "id: old_digits")
	old.Status = &manifest.Status{State: manifest.Deprecated, Reason: "trained on too few pictures", Successor: "digits_p16_64"}
	wrong := digits(t, "id: digits_p16_64", "id: wrong_digits")
	wrong.Status = &manifest.Status{State: manifest.Withdrawn, Reason: "the labels are in the wrong order"}
	var names []string
	for i := range 1200 {
		names = append(names, fmt.Sprintf("class number %d", i))
	}
	names[777] = "a-rare-class"
	many := digits(t, "id: digits_p16_64", "id: many_classes", "count: 10", "count: 1200", `["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]`, "[x]",
		"title: A small BEiT that reads hand-written digits, 64 pixels",
		`title: <img src="https://example.com/title.png" onerror="document.title='broken'">`+strings.Repeat("long", 100))
	many.Categories.Labels = names
	for _, entry := range []*site.Entry{&old, &wrong, &many} {
		entry.Place, entry.Key, entry.SignedBy = site.Here, "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3", "E7620F1842B4E81F"
	}
	return append(published(t), old, wrong, many)
}

// serve shows entries below /site/.
func serve(t *testing.T, entries []site.Entry) *httptest.Server {
	t.Helper()
	folder := t.TempDir()
	if err := site.Write(t.Context(), folder, entries); err != nil {
		t.Fatal(err)
	}
	return webpagetest.Serve(t, folder)
}

// TestInTheBrowser looks at the table and three pages, on a telephone and on a wide screen, light and dark, and uses the controls of each.
func TestInTheBrowser(t *testing.T) {
	entries := catalogue(t)
	server := serve(t, entries)
	through := webpagetest.StartProxy(t, server.URL)
	for _, page := range []string{"index.html", "models/beit_large_p16_512/index.html", "models/wrong_digits/index.html", "models/many_classes/index.html"} {
		for _, width := range webpagetest.Widths {
			for scheme := range webpagetest.Backgrounds {
				t.Run(fmt.Sprintf("%s at %d %s", page, width, scheme), func(t *testing.T) {
					m := webpagetest.Measure(t, server, through, page, scheme, width)
					m.CheckLooks(t, scheme, width)
					checkCommands(t, m, server.URL)
					if page == "index.html" {
						checkTable(t, m, len(entries))
					}
					if strings.Contains(page, "many") && m.Labels != "777 a-rare-class" {
						t.Errorf("searching for a class finds %q", m.Labels)
					}
					webpagetest.Screenshot(t, server, through, page, scheme, width)
				})
			}
		}
	}
	webpagetest.CheckNothingLoaded(t, server, through)
}

// checkCommands wants a button at each command, and the address of the site in those of entries that are published where the site is.
func checkCommands(t *testing.T, m webpagetest.Measured, server string) {
	t.Helper()
	if len(m.Commands) == 0 || m.Buttons != len(m.Commands) {
		t.Errorf("%d commands have %d buttons", len(m.Commands), m.Buttons)
	}
	for _, command := range m.Commands {
		want := " --zoo " + server + "/site --trust RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"
		if strings.Contains(command, "digits") && !strings.HasSuffix(command, want) || strings.Contains(command, "ADDRESS") {
			t.Errorf("a command that does not work as it stands: %s", command)
		}
	}
}

// checkTable checks what a table of so many models shows after clicks. m.Used holds the names of its rows, by what was clicked last.
func checkTable(t *testing.T, m webpagetest.Measured, models int) {
	t.Helper()
	if m.Charts != 3 { // one for ImageNet-1k, one for RVL-CDIP, one for the digits
		t.Errorf("%d charts", m.Charts)
	}
	rows := func(key string) []string { return strings.Fields(m.Used[key]) }
	reversed := func(key string) []string {
		all := rows(key)
		slices.Reverse(all)
		return all
	}
	all := rows("before")
	if len(all) != models || !slices.IsSorted(all) {
		t.Errorf("at first the table shows %v", all)
	}
	if up, down := rows("byAccuracy"), rows("byAccuracyDown"); up[0] != "openmmlab_beit_base_p16_224_in1k" || down[len(down)-1] != "vqkd_base_p16_224_dino_1" ||
		!strings.HasPrefix(m.Used["byAccuracyDown"], "digits_p16_64 many_classes old_digits wrong_digits dit_large_p16_224_rvlcdip ") || len(up) != len(all) {
		t.Errorf("by accuracy: up %v, down %v", up, down) // models without a figure come last both times
	}
	if m.Used["ariaUp"] != "ascending" || m.Used["ariaDown"] != "descending" || m.Used["ariaGone"] != "null" {
		t.Errorf("aria-sort: %v", m.Used)
	}
	if byName := rows("byName"); !slices.Equal(byName, all) || slices.Equal(byName, reversed("byName")) {
		t.Errorf("by name: %v", byName)
	}
	if byPixels := rows("byPixels"); byPixels[0] != "beit_base_p16_640_ade20k" || !slices.Contains(byPixels[len(byPixels)-4:], "digits_p16_64") {
		t.Errorf("by pixels: %v", byPixels)
	}
	for key, want := range map[string]string{
		"bySize": "beit_base_p16_384 beit_large_p16_384", "count": fmt.Sprintf("2 of %d", models), "reset": m.Used["before"], "byClasses": "digits_p16_64 old_digits wrong_digits",
		"byText": "beit_large_p16_512 beitv2_large_p16_512_ade20k beitv2_large_p16_512_in22k_ade20k", "byLabel": "many_classes", "nothing": "", "nothingSaid": "yes",
	} {
		if m.Used[key] != want {
			t.Errorf("%s: the table shows %q, want %q", key, m.Used[key], want)
		}
	}
}

// TestInTheBrowser_Widths looks for what is wider than the window at the widths where the layout changes.
func TestInTheBrowser_Widths(t *testing.T) {
	server := serve(t, catalogue(t))
	through := webpagetest.StartProxy(t, server.URL)
	for _, width := range []int{320, 959, 961, 1247, 1249, 1490} {
		for _, page := range []string{"index.html", "models/many_classes/index.html"} {
			if m := webpagetest.Measure(t, server, through, page, "light", width); m.ScrollWidth > width || m.Wide != "" || m.Overlaps != "" {
				t.Errorf("%s in a window of %d pixels is %d pixels wide; %q is beyond its edge; texts over one another: %s", page, width, m.ScrollWidth, m.Wide, m.Overlaps)
			}
		}
	}
}

// TestInTheBrowser_NoScript wants everything but the controls on a page whose script may not run, and says what to replace in commands.
func TestInTheBrowser_NoScript(t *testing.T) {
	server := serve(t, catalogue(t))
	through := webpagetest.StartProxy(t, server.URL)
	for page, want := range map[string]string{
		"index.html":                     "Put the address of this site for ADDRESS.",
		"models/many_classes/index.html": "a-rare-class",
	} {
		m := webpagetest.Measure(t, server, through, page, "light", 400, "noscript")
		if m.Tools != 0 || m.Buttons != 0 || !strings.Contains(m.Said, want) || m.ScrollWidth > 400 || m.Wide != "" {
			t.Errorf("%s: %d controls, %d pixels wide (%s); it must say %q", page, m.Tools, m.ScrollWidth, m.Wide, want)
		}
		if last := m.Commands[len(m.Commands)-1]; page != "index.html" && !strings.Contains(last, "--zoo ADDRESS --trust RW") {
			t.Errorf("%s: the last command is %s", page, last)
		}
	}
}

// TestInTheBrowser_File opens a page from the disk: then nothing is asked of anybody.
func TestInTheBrowser_File(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "it's a zoo")
	if err := site.Write(t.Context(), folder, catalogue(t)); err != nil {
		t.Fatal(err)
	}
	address := (&url.URL{Scheme: "file", Path: folder + "/models/old_digits/index.html"}).String()
	page := html.UnescapeString(string(webpagetest.Browser(t, nil, "light", "--dump-dom", address)))
	if want := "--zoo '" + strings.ReplaceAll(folder, "'", `'\''`) + "' --trust RW"; !strings.Contains(page, want) || strings.Contains(page, ">ADDRESS<") {
		t.Errorf("the page does not say %s", want)
	}
}
