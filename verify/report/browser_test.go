//go:build chromium

package report_test

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/internal/webpage/webpagetest"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/report"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

// pages writes a report about a real verification, and one about a deep model with hostile names, into a folder.
func pages(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	g := verifytest.One(t, "digits_p16_64.passl.float32")
	g.Config.Epsilon = 1e-3
	real, err := verify.Verify(t.Context(), verify.Subject{Name: "digits_p16_64.pth", Config: g.Config, Weights: g.Weights}, verify.Recorded(g.Name, g.Recording), verify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	recipe, err := card.RecipeFor("passl-digits", 64)
	if err != nil {
		t.Fatal(err)
	}
	page := deepPage()
	page.Labels, page.Recipe = []string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}, &recipe
	verified := result(tap("embed", 1e-6, 8e-6), tap("blocks.0.attn", 0, 8e-6), tap("blocks.0", 2e-6, 8e-6), tap("logits", 3e-6, 8e-6))
	verified.HoldsTo = tensor.F32
	for name, write := range map[string]func(path string) error{
		"deep.html":     func(path string) error { return report.WriteHTML(t.Context(), path, deep(), deepPage()) },
		"digits.html":   func(path string) error { return report.WriteHTML(t.Context(), path, real, page) },
		"verified.html": func(path string) error { return report.WriteHTML(t.Context(), path, verified, deepPage()) },
	} {
		if err := write(filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// TestInTheBrowser looks at reports on a telephone and on a wide screen, light and dark. Nothing is loaded, nothing is wider than the window.
func TestInTheBrowser(t *testing.T) {
	server := webpagetest.Serve(t, pages(t))
	through := webpagetest.StartProxy(t, server.URL)
	for _, page := range []string{"deep.html", "digits.html", "verified.html"} {
		for _, width := range webpagetest.Widths {
			for scheme := range webpagetest.Backgrounds {
				t.Run(fmt.Sprintf("%s at %d %s", page, width, scheme), func(t *testing.T) {
					m := webpagetest.Measure(t, server, through, page, scheme, width)
					m.CheckLooks(t, scheme, width)
					if m.Buttons != 0 || m.Tools != 0 || len(m.Commands) != 1 {
						t.Errorf("%d controls, %d commands", m.Tools, len(m.Commands))
					}
					webpagetest.Screenshot(t, server, through, page, scheme, width)
				})
			}
		}
	}
	webpagetest.CheckNothingLoaded(t, server, through)
}

// TestInTheBrowser_Widths looks for what is wider than the window at the widths where the layout changes.
func TestInTheBrowser_Widths(t *testing.T) {
	server := webpagetest.Serve(t, pages(t))
	through := webpagetest.StartProxy(t, server.URL)
	for _, width := range []int{320, 959, 961, 1200} {
		if m := webpagetest.Measure(t, server, through, "deep.html", "light", width); m.ScrollWidth > width || m.Wide != "" || m.Overlaps != "" {
			t.Errorf("in a window of %d pixels the page is %d pixels wide; %q is beyond its edge; texts over one another: %s", width, m.ScrollWidth, m.Wide, m.Overlaps)
		}
	}
}

// mediaBox matches the size of a page of a PDF.
var mediaBox = regexp.MustCompile(`/Type\s*/Page\b`)

// TestInTheBrowser_Printed prints a report from the disk, where nothing can be asked of anybody.
func TestInTheBrowser_Printed(t *testing.T) {
	folder := pages(t)
	for _, page := range []string{"deep", "digits"} {
		target := webpagetest.Kept(t, page+".pdf")
		address := (&url.URL{Scheme: "file", Path: filepath.Join(folder, page+".html")}).String()
		webpagetest.Browser(t, nil, "dark", "--no-pdf-header-footer", "--print-to-pdf="+target, address)
		printed, err := os.ReadFile(target)
		if err != nil {
			t.Fatal(err)
		}
		if sheets := len(mediaBox.FindAll(printed, -1)); !bytes.HasPrefix(printed, []byte("%PDF-")) || sheets < 2 || sheets > 12 {
			t.Errorf("%s is printed on %d sheets", page, sheets)
		}
	}
}
