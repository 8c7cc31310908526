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

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/site"
)

// browser runs headless Chromium and returns its output. The environment variable CHROMIUM may name the program. All requests go through a proxy, also those to
// this machine. If it is nil, there are none.
func browser(t *testing.T, through *proxy, scheme string, arguments ...string) []byte {
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

// proxy forwards requests for one server, and remembers all.
type proxy struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

// elsewhere returns what was asked of other servers. The browser itself asks its maker for things at its start.
func (p *proxy) elsewhere(site string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	own := regexp.MustCompile(`(google|gstatic|googleapis|gvt1)\.com`)
	return slices.DeleteFunc(slices.Clone(p.asked), func(address string) bool { return strings.HasPrefix(address, site+"/") || own.MatchString(address) })
}

// startProxy returns a proxy to that site.
func startProxy(t *testing.T, site string) *proxy {
	t.Helper()
	target, err := url.Parse(site)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{}
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

// serve shows the site below /site/, the measuring page, and a page that does load something from elsewhere.
func serve(t *testing.T) *httptest.Server {
	t.Helper()
	folder := t.TempDir()
	if err := site.Write(t.Context(), folder, catalogue(t)); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/site/", http.StripPrefix("/site/", http.FileServer(http.Dir(folder))))
	mux.HandleFunc("/measure", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "testdata/measure.html") })
	mux.HandleFunc("/loads", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<!DOCTYPE html><img src="http://example.com/picture.png">`)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

type measured struct {
	ScrollWidth, Texts, Charts, Buttons, Tools, Foreign int
	Contrast, Font                                      float64
	Worst, Wide, Page, Cells, Overlaps, Labels, Said    string
	Commands                                            []string
	Used                                                map[string]string
}

var result = regexp.MustCompile(`<pre id="result">(\{.*\})</pre>`)

// measure opens a page of the site in a frame of that width, uses its controls, and asks the browser what it looks like. more may be "noscript".
func measure(t *testing.T, server *httptest.Server, through *proxy, page, scheme string, width int, more ...string) measured {
	t.Helper()
	query := url.Values{"page": {"/site/" + page}, "width": {strconv.Itoa(width)}}
	for _, word := range more {
		query.Set(word, "")
	}
	dom := browser(t, through, scheme, "--window-size=1500,1000", "--dump-dom", server.URL+"/measure?"+query.Encode())
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

// TestInTheBrowser looks at the table and three pages, on a telephone and on a wide screen, light and dark, and uses the controls of each.
func TestInTheBrowser(t *testing.T) {
	server := serve(t)
	through := startProxy(t, server.URL)
	backgrounds := map[string]string{"light": "rgb(251, 250, 247)", "dark": "rgb(20, 24, 27)"}
	for _, page := range []string{"index.html", "models/beit_large_p16_512/index.html", "models/wrong_digits/index.html", "models/many_classes/index.html"} {
		for _, width := range []int{400, 1400} {
			for scheme, background := range backgrounds {
				t.Run(fmt.Sprintf("%s at %d %s", page, width, scheme), func(t *testing.T) {
					m := measure(t, server, through, page, scheme, width)
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
					if m.Foreign != 0 {
						t.Errorf("%d elements of the page are not the site's", m.Foreign)
					}
					checkCommands(t, m, server.URL)
					if page == "index.html" {
						checkTable(t, m)
					}
					if strings.Contains(page, "many") && m.Labels != "777 a-rare-class" {
						t.Errorf("searching for a class finds %q", m.Labels)
					}
					screenshot(t, server, through, page, scheme, width)
				})
			}
		}
	}
	if asked := through.elsewhere(server.URL); len(asked) > 0 {
		t.Errorf("the pages asked other servers for %q", asked)
	}
	browser(t, through, "light", "--dump-dom", server.URL+"/loads")
	if asked := through.elsewhere(server.URL); !slices.Contains(asked, "http://example.com/picture.png") {
		t.Errorf("the proxy does not see what is loaded: %q", asked) // then this test proves nothing
	}
}

// checkCommands wants a button at each command, and the address of the site in those of entries that are published where the site is.
func checkCommands(t *testing.T, m measured, server string) {
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

// checkTable checks what the table shows after clicks. m.Used holds the names of its rows, by what was clicked last.
func checkTable(t *testing.T, m measured) {
	t.Helper()
	if m.Charts != 3 || m.Overlaps != "" { // one for ImageNet-1k, one for RVL-CDIP, one for the digits
		t.Errorf("%d charts; texts over one another: %s", m.Charts, m.Overlaps)
	}
	rows := func(key string) []string { return strings.Fields(m.Used[key]) }
	reversed := func(key string) []string {
		all := rows(key)
		slices.Reverse(all)
		return all
	}
	all := rows("before")
	if len(all) != 45 || !slices.IsSorted(all) {
		t.Errorf("at first the table shows %v", all)
	}
	if up, down := rows("byAccuracy"), rows("byAccuracyDown"); up[0] != "openmmlab_beit_base_p16_224_in1k" || down[len(down)-1] != "openmmlab_beitv2_base_p16_224" ||
		!strings.HasPrefix(m.Used["byAccuracyDown"], "digits_p16_64 many_classes old_digits wrong_digits dit_large_p16_224_rvlcdip ") || len(up) != len(all) {
		t.Errorf("by accuracy: up %v, down %v", up, down) // models without a figure come last both times
	}
	if m.Used["ariaUp"] != "ascending" || m.Used["ariaDown"] != "descending" || m.Used["ariaGone"] != "null" {
		t.Errorf("aria-sort: %v", m.Used)
	}
	if byName := rows("byName"); !slices.Equal(byName, all) || slices.Equal(byName, reversed("byName")) {
		t.Errorf("by name: %v", byName)
	}
	if byPixels := rows("byPixels"); byPixels[0] != "eva_giant_p14_560_in22k_in1k" || !slices.Contains(byPixels[len(byPixels)-4:], "digits_p16_64") {
		t.Errorf("by pixels: %v", byPixels)
	}
	for key, want := range map[string]string{
		"bySize": "beit_base_p16_384 beit_large_p16_384", "count": "2 of 45", "reset": m.Used["before"], "byClasses": "digits_p16_64 old_digits wrong_digits",
		"byText": "beit_large_p16_512", "byLabel": "many_classes", "nothing": "", "nothingSaid": "yes",
	} {
		if m.Used[key] != want {
			t.Errorf("%s: the table shows %q, want %q", key, m.Used[key], want)
		}
	}
}

// TestInTheBrowser_Widths looks for what is wider than the window at the widths where the layout changes.
func TestInTheBrowser_Widths(t *testing.T) {
	server := serve(t)
	through := startProxy(t, server.URL)
	for _, width := range []int{320, 959, 961, 1247, 1249, 1490} {
		for _, page := range []string{"index.html", "models/many_classes/index.html"} {
			if m := measure(t, server, through, page, "light", width); m.ScrollWidth > width || m.Wide != "" || m.Overlaps != "" {
				t.Errorf("%s in a window of %d pixels is %d pixels wide; %q is beyond its edge; texts over one another: %s", page, width, m.ScrollWidth, m.Wide, m.Overlaps)
			}
		}
	}
}

// TestInTheBrowser_NoScript wants everything but the controls on a page whose script may not run, and says what to replace in commands.
func TestInTheBrowser_NoScript(t *testing.T) {
	server := serve(t)
	through := startProxy(t, server.URL)
	for page, want := range map[string]string{
		"index.html":                     "Put the address of this site for ADDRESS.",
		"models/many_classes/index.html": "a-rare-class",
	} {
		m := measure(t, server, through, page, "light", 400, "noscript")
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
	page := html.UnescapeString(string(browser(t, nil, "light", "--dump-dom", address)))
	if want := "--zoo '" + strings.ReplaceAll(folder, "'", `'\''`) + "' --trust RW"; !strings.Contains(page, want) || strings.Contains(page, ">ADDRESS<") {
		t.Errorf("the page does not say %s", want)
	}
}

// screenshot checks that the browser painted something. It keeps the image in the folder that the environment variable SCREENSHOTS names, if it is set.
func screenshot(t *testing.T, server *httptest.Server, through *proxy, page, scheme string, width int) {
	t.Helper()
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir()
	}
	target := filepath.Join(folder, fmt.Sprintf("%s-%d-%s.png", regexp.MustCompile(`\W+`).ReplaceAllString(page, "-"), width, scheme))
	browser(t, through, scheme, fmt.Sprintf("--window-size=%d,2400", width), "--screenshot="+target, server.URL+"/site/"+page)
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
