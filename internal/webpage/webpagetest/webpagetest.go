// Package webpagetest looks at pages in headless Chromium, for tests with the build tag chromium.
package webpagetest

import (
	"context"
	_ "embed" // for the measuring page
	"encoding/json"
	"fmt"
	"html"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Widths are those of a telephone and of a wide screen, in pixels.
var Widths = []int{400, 1400}

// Backgrounds are the colours of pages, by the colour scheme that the reader prefers.
var Backgrounds = map[string]string{"light": "rgb(251, 250, 247)", "dark": "rgb(20, 24, 27)"}

// Browser runs headless Chromium and returns its output. The environment variable CHROMIUM may name the program. scheme is "light" or "dark". All requests go
// through a proxy, also those to this machine. If it is nil, there are none.
func Browser(t testing.TB, through *Proxy, scheme string, arguments ...string) []byte {
	t.Helper()
	name := os.Getenv("CHROMIUM")
	if name == "" {
		name = "chromium"
	}
	address := "127.0.0.1:9" // nobody listens there
	if through != nil {
		address = through.Listener.Addr().String()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	preferred := map[string]string{"dark": "0", "light": "1"}[scheme]
	command := exec.CommandContext(ctx, name, append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--user-data-dir=" + t.TempDir(),
		"--blink-settings=preferredColorScheme=" + preferred, "--virtual-time-budget=4000",
		"--proxy-server=" + address, "--proxy-bypass-list=<-loopback>", // the last one takes away the exception for this machine
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions",
	}, arguments...)...)
	output, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return output
}

// Proxy forwards requests for one server, and remembers all.
type Proxy struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

// Elsewhere returns what was asked of other servers than site. The browser itself asks its maker for things at its start.
func (p *Proxy) Elsewhere(site string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	own := regexp.MustCompile(`(google|gstatic|googleapis|gvt1)\.com`)
	return slices.DeleteFunc(slices.Clone(p.asked), func(address string) bool { return strings.HasPrefix(address, site+"/") || own.MatchString(address) })
}

// StartProxy returns a proxy to that site, which is closed at the end of the test.
func StartProxy(t testing.TB, site string) *Proxy {
	t.Helper()
	target, err := url.Parse(site)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{}
	forward := httputil.NewSingleHostReverseProxy(target)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.asked = append(p.asked, r.RequestURI)
		p.mu.Unlock()
		if r.URL.Host == target.Host {
			forward.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(p.Close)
	return p
}

//go:embed measure.html
var measuring []byte

// Serve serves a folder below /site/, the page with which Measure measures, and a page that does load something from elsewhere, until the test ends.
func Serve(t testing.TB, folder string) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/site/", http.StripPrefix("/site/", http.FileServer(http.Dir(folder))))
	mux.HandleFunc("/measure", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(measuring) })
	mux.HandleFunc("/loads", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<!DOCTYPE html><img src="http://example.com/picture.png">`)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

// CheckNothingLoaded wants the proxy to have seen no request to others than the server, and makes sure that it would have.
func CheckNothingLoaded(t testing.TB, server *httptest.Server, through *Proxy) {
	t.Helper()
	if asked := through.Elsewhere(server.URL); len(asked) > 0 {
		t.Errorf("the pages asked other servers for %q", asked)
	}
	Browser(t, through, "light", "--dump-dom", server.URL+"/loads")
	if asked := through.Elsewhere(server.URL); !slices.Contains(asked, "http://example.com/picture.png") {
		t.Errorf("the proxy does not see what is loaded: %q", asked) // then the test proves nothing
	}
}

// Measured is what a page looks like in a window.
type Measured struct {
	// ScrollWidth is the width of the page in pixels, and Wide something that is beyond the edge of the window.
	ScrollWidth int
	Wide        string
	// Contrast is the lowest contrast of Texts texts, that of Worst; Font is the smallest font in pixels.
	Texts                               int
	Contrast, Font                      float64
	Worst                               string
	Charts, Buttons, Tools, Foreign     int
	Page, Cells, Overlaps, Labels, Said string
	Commands                            []string
	Used                                map[string]string
}

// CheckLooks wants everything to fit the window and to be legible.
func (m Measured) CheckLooks(t testing.TB, scheme string, width int) {
	t.Helper()
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
	if m.Page != Backgrounds[scheme] {
		t.Errorf("the background is %s, want %s", m.Page, Backgrounds[scheme])
	}
	if m.Foreign != 0 {
		t.Errorf("%d elements of the page are not the program's", m.Foreign)
	}
	if m.Overlaps != "" {
		t.Errorf("texts over one another: %s", m.Overlaps)
	}
}

var result = regexp.MustCompile(`<pre id="result">(\{.*\})</pre>`)

// Measure opens a page of the folder of Serve in a frame of that width, uses its controls, and asks the browser what it looks like. more may be "noscript".
func Measure(t testing.TB, server *httptest.Server, through *Proxy, page, scheme string, width int, more ...string) Measured {
	t.Helper()
	query := url.Values{"page": {"/site/" + page}, "width": {strconv.Itoa(width)}}
	for _, word := range more {
		query.Set(word, "")
	}
	dom := Browser(t, through, scheme, "--window-size=1500,1000", "--dump-dom", server.URL+"/measure?"+query.Encode())
	match := result.FindSubmatch(dom)
	if match == nil {
		t.Fatalf("the browser shows %.300s", dom)
	}
	var m Measured
	if err := json.Unmarshal([]byte(html.UnescapeString(string(match[1]))), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// Kept returns the path for an output of a test: in the folder that the environment variable SCREENSHOTS names, if it is set.
func Kept(t testing.TB, name string) string {
	t.Helper()
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir()
	}
	return filepath.Join(folder, name)
}

// Screenshot checks that the browser painted something of that page, and keeps it as Kept says.
func Screenshot(t testing.TB, server *httptest.Server, through *Proxy, page, scheme string, width int) {
	t.Helper()
	target := Kept(t, fmt.Sprintf("%s-%d-%s.png", regexp.MustCompile(`\W+`).ReplaceAllString(page, "-"), width, scheme))
	Browser(t, through, scheme, fmt.Sprintf("--window-size=%d,2400", width), "--screenshot="+target, server.URL+"/site/"+page)
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
