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

	"github.com/beitzoo/beitzoo/evaluate/report"
	"github.com/beitzoo/beitzoo/internal/webpage/webpagetest"
)

// pages writes a report about the digits, and about many classes with hostile names, into a folder.
func pages(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	labels := make([]string, 1000)
	for i := range labels {
		labels[i] = fmt.Sprintf("%s %d", hostile, i)
	}
	digits := pageOf(t, header(t, 10, nil), digitRecords(t))
	digits.Notes = []string{"3 folders of the data are empty"}
	for name, page := range map[string]report.Page{
		"digits.html": digits,
		"many.html":   pageOf(t, header(t, 1000, labels), manyRecords(1000)),
	} {
		if err := report.WriteHTML(filepath.Join(folder, name), page); err != nil {
			t.Fatal(err)
		}
	}
	pixels := pixelPageOf(t, pixelHeader(t, 5, 4, []string{"wall", "sky", "tree", hostile, "door"}), recordedPixels(t))
	for range 9 {
		pixels.Worst = append(pixels.Worst, pixels.Worst[0])
	}
	for name, page := range map[string]report.PixelPage{"pixels.html": pixels, "manypixels.html": manyPixels(t, 847)} {
		if err := report.WritePixelHTML(filepath.Join(folder, name), page); err != nil {
			t.Fatal(err)
		}
	}
	trained := trainingPage(30, &digits)
	for name, page := range map[string]report.TrainingPage{"training.html": trained, "untested.html": trainingPage(300, nil)} {
		if err := report.WriteTrainingHTML(filepath.Join(folder, name), page); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// TestInTheBrowser looks at reports on a telephone and on a wide screen, light and dark. Nothing is loaded, nothing is wider than the window.
func TestInTheBrowser(t *testing.T) {
	server := webpagetest.Serve(t, pages(t))
	through := webpagetest.StartProxy(t, server.URL)
	for page, buttons := range map[string]int{"digits.html": 6, "many.html": 6, "pixels.html": 6, "manypixels.html": 6, "training.html": 6, "untested.html": 0} {
		for _, width := range webpagetest.Widths {
			for scheme := range webpagetest.Backgrounds {
				t.Run(fmt.Sprintf("%s at %d %s", page, width, scheme), func(t *testing.T) {
					m := webpagetest.Measure(t, server, through, page, scheme, width)
					m.CheckLooks(t, scheme, width)
					if m.Tools != buttons { // its script ran, and made the six heads of the table buttons
						t.Errorf("%d buttons", m.Tools)
					}
					webpagetest.Screenshot(t, server, through, page, scheme, width)
				})
			}
		}
	}
	webpagetest.CheckNothingLoaded(t, server, through)
}

// TestInTheBrowser_WithoutScript makes sure that nothing is missing without the script.
func TestInTheBrowser_WithoutScript(t *testing.T) {
	server := webpagetest.Serve(t, pages(t))
	through := webpagetest.StartProxy(t, server.URL)
	m := webpagetest.Measure(t, server, through, "digits.html", "light", 1400, "noscript")
	m.CheckLooks(t, "light", 1400)
	if m.Tools != 0 || m.Charts < 3 {
		t.Errorf("%d buttons, %d drawings", m.Tools, m.Charts)
	}
}

// TestInTheBrowser_Widths looks for what is wider than the window at the widths where the layout changes.
func TestInTheBrowser_Widths(t *testing.T) {
	server := webpagetest.Serve(t, pages(t))
	through := webpagetest.StartProxy(t, server.URL)
	for _, width := range []int{320, 959, 961} {
		for _, page := range []string{"many.html", "pixels.html", "manypixels.html", "training.html"} {
			if m := webpagetest.Measure(t, server, through, page, "light", width); m.ScrollWidth > width || m.Wide != "" || m.Overlaps != "" {
				t.Errorf("%s: in a window of %d pixels the page is %d pixels wide; %q is beyond its edge; texts over one another: %s", page, width, m.ScrollWidth, m.Wide, m.Overlaps)
			}
		}
	}
}

// sheet matches a page of a PDF.
var sheet = regexp.MustCompile(`/Type\s*/Page\b`)

// TestInTheBrowser_Printed prints a report from the disk, where nothing can be asked of anybody.
func TestInTheBrowser_Printed(t *testing.T) {
	folder := pages(t)
	for _, page := range []string{"digits", "many", "pixels", "manypixels", "training", "untested"} {
		target := webpagetest.Kept(t, page+".pdf")
		address := (&url.URL{Scheme: "file", Path: filepath.Join(folder, page+".html")}).String()
		webpagetest.Browser(t, nil, "dark", "--no-pdf-header-footer", "--print-to-pdf="+target, address)
		printed, err := os.ReadFile(target)
		if err != nil {
			t.Fatal(err)
		}
		if sheets := len(sheet.FindAll(printed, -1)); !bytes.HasPrefix(printed, []byte("%PDF-")) || sheets < 2 || sheets > 12 {
			t.Errorf("%s is printed on %d sheets", page, sheets)
		}
	}
}
