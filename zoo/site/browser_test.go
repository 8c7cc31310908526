//go:build chromium

package site_test

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/beitzoo/beitzoo/zoo/site"
)

// browser runs headless Chromium and returns its output. The environment variable CHROMIUM may name the program.
func browser(t *testing.T, scheme string, arguments ...string) []byte {
	t.Helper()
	name := os.Getenv("CHROMIUM")
	if name == "" {
		name = "chromium"
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	preferred := map[string]string{"dark": "0", "light": "1"}[scheme]
	command := exec.CommandContext(ctx, name, append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--user-data-dir=" + t.TempDir(),
		"--blink-settings=preferredColorScheme=" + preferred, "--virtual-time-budget=4000",
	}, arguments...)...)
	output, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return output
}

// serve shows the site below /site/ and the measuring page.
func serve(t *testing.T) *httptest.Server {
	t.Helper()
	folder := t.TempDir()
	if err := site.Write(t.Context(), folder, published(t)); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/site/", http.StripPrefix("/site/", http.FileServer(http.Dir(folder))))
	mux.HandleFunc("/measure", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "testdata/measure.html") })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

type measured struct {
	ScrollWidth, Texts       int
	Contrast, Font           float64
	Worst, Wide, Page, Cells string
}

var result = regexp.MustCompile(`<pre id="result">(\{.*\})</pre>`)

// measure opens a page of the site in a frame of that width and asks the browser what it looks like.
func measure(t *testing.T, server *httptest.Server, page, scheme string, width int) measured {
	t.Helper()
	query := url.Values{"page": {"/site/" + page}, "width": {strconv.Itoa(width)}}
	dom := browser(t, scheme, "--window-size=1500,1000", "--dump-dom", server.URL+"/measure?"+query.Encode())
	match := result.FindSubmatch(dom)
	if match == nil {
		t.Fatalf("the browser shows %.300s", dom)
	}
	var m measured
	if err := json.Unmarshal([]byte(html.UnescapeString(string(match[1]))), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestInTheBrowser looks at the table and two pages, on a telephone and on a wide screen, light and dark.
func TestInTheBrowser(t *testing.T) {
	server := serve(t)
	backgrounds := map[string]string{"light": "rgb(251, 250, 247)", "dark": "rgb(20, 24, 27)"}
	for _, page := range []string{"index.html", "models/beit_large_p16_512/index.html", "models/digits_p16_64/index.html"} {
		for _, width := range []int{400, 1400} {
			for scheme, background := range backgrounds {
				t.Run(fmt.Sprintf("%s at %d %s", page, width, scheme), func(t *testing.T) {
					m := measure(t, server, page, scheme, width)
					if m.ScrollWidth > width || m.Wide != "" {
						t.Errorf("the page is %d pixels wide; %q is beyond its edge", m.ScrollWidth, m.Wide)
					}
					if m.Texts < 50 || m.Contrast < 4.5 { // 4.5 is level AA of WCAG 2.1
						t.Errorf("contrast of %q is %.2f (%d texts)", m.Worst, m.Contrast, m.Texts)
					}
					if m.Font < 13 {
						t.Errorf("the smallest font has %g pixels", m.Font)
					}
					if m.Cells != "" {
						t.Errorf("cells that fall apart on a narrow screen: %s", m.Cells)
					}
					if m.Page != background {
						t.Errorf("the background is %s, want %s", m.Page, background)
					}
					screenshot(t, server, page, scheme, width)
				})
			}
		}
	}
}

// screenshot checks that the browser painted something. It keeps the image in the folder that the environment variable SCREENSHOTS names, if it is set.
func screenshot(t *testing.T, server *httptest.Server, page, scheme string, width int) {
	t.Helper()
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir()
	}
	target := filepath.Join(folder, fmt.Sprintf("%s-%d-%s.png", regexp.MustCompile(`\W+`).ReplaceAllString(page, "-"), width, scheme))
	browser(t, scheme, fmt.Sprintf("--window-size=%d,2400", width), "--screenshot="+target, server.URL+"/site/"+page)
	file, err := os.Open(target)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	picture, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	colours := map[[3]uint32]bool{}
	for y := 0; y < picture.Bounds().Dy(); y += 3 {
		for x := 0; x < picture.Bounds().Dx(); x += 3 {
			r, g, b, _ := picture.At(x, y).RGBA()
			colours[[3]uint32{r, g, b}] = true
		}
	}
	if len(colours) < 10 {
		t.Errorf("%s has %d colours", target, len(colours))
	}
}
