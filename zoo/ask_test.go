package zoo_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/httpstore"
	"github.com/beitzoo/beitzoo/zoo/store/retry"
)

// moody is a server of a folder that can be told to answer with a status instead, or not at all.
type moody struct {
	*httptest.Server
	status   atomic.Int64
	requests atomic.Int64
}

// silent is the status with which moody does not answer.
const silent = -1

func serveMoody(t testing.TB, folder string) *moody {
	t.Helper()
	m := &moody{}
	files := http.FileServer(http.Dir(folder))
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.requests.Add(1)
		switch status := m.status.Load(); status {
		case 0:
			files.ServeHTTP(w, r)
		case silent:
			<-r.Context().Done()
		default:
			w.WriteHeader(int(status))
			_, _ = fmt.Fprint(w, `{"error":"go away"}`)
		}
	}))
	t.Cleanup(m.Close)
	return m
}

// at returns the place at an address. It repeats requests once, soon.
func at(t testing.TB, address string) place.Place {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	target, err := place.OpenTree(address, httpstore.Options{Transport: transport}, retry.Options{Tries: 2, First: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// TestUnreachablePlace makes each failure with a real server: the place is named first, nothing is said about the name, and the exit code is that of the network.
func TestUnreachablePlace(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(nil)
	gone.Close()
	m := serveMoody(t, t.TempDir())
	for _, status := range []int{400, 401, 403, 405, 407, 408, 409, 413, 418, 429, 451, 500, 501, 502, 503, 504, 0} {
		address := m.URL
		if m.status.Store(int64(status)); status == 0 {
			address = gone.URL
		}
		options := folders(t)
		options.Places = []place.Place{at(t, address)}
		z := open(t, options)
		_, err := z.Resolve(t.Context(), "flowers")
		var unanswered *zoo.UnansweredError
		if !errors.As(err, &unanswered) || !errors.Is(errdef.Kind(err), errdef.ErrNetwork) || errdef.Hint(err) == "" {
			t.Errorf("%d: %v; hint: %s", status, err, errdef.Hint(err))
			continue
		}
		if text := err.Error(); !strings.HasPrefix(text, address+" could not be asked: ") || strings.Contains(text, "the zoo has no") || strings.Count(text, address) > 1 {
			t.Errorf("%d: %s", status, text)
		}
		if status > 0 && !strings.Contains(err.Error(), fmt.Sprintf("HTTP status %d", status)) {
			t.Errorf("%d: %v", status, err)
		}
		all, notices, err := z.List(t.Context())
		if len(all) == 0 || err != nil || zoo.Unanswered(notices) == nil {
			t.Errorf("%d: %d entries are listed, notices %v, error %v", status, len(all), notices, err)
		}
		if found, err := z.Resolve(t.Context(), "digits_p16_64"); err != nil || len(found.Notices) != 1 || !errors.Is(found.Notices[0], errdef.ErrNetwork) {
			t.Errorf("%d: a name that the program has: %v", status, err)
		}
	}
}

// TestNothingPublished tells a folder without index from an address where there is nothing at all, and both from a place that is down.
func TestNothingPublished(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.Mkdir(folder+"/here", 0o700); err != nil {
		t.Fatal(err)
	}
	m := serveMoody(t, folder)
	local, err := place.OpenFolder(folder)
	if err != nil {
		t.Fatal(err)
	}
	for want, from := range map[string]place.Place{
		"there is no index.yaml": at(t, m.URL+"/here"), "the server has nothing at this address": at(t, m.URL+"/nowhere"), folder: local,
	} {
		options := folders(t)
		options.Places = []place.Place{from}
		z := open(t, options)
		_, err := z.Resolve(t.Context(), "flowers")
		var empty *zoo.EmptyPlaceError
		if !errors.As(err, &empty) || !errors.Is(errdef.Kind(err), errdef.ErrNetwork) || errdef.Hint(err) == "" {
			t.Errorf("%v; hint: %s", err, errdef.Hint(err))
			continue
		}
		if text := err.Error(); !strings.HasPrefix(text, "nothing is published at "+from.String()) || !strings.Contains(text, want) || strings.Contains(text, "could not be asked") {
			t.Errorf("%s: want %q", text, want)
		}
		if _, notices, err := z.List(t.Context()); err != nil || len(notices) != 1 || zoo.Unanswered(notices) != nil {
			t.Errorf("listing: notices %v, error %v", notices, err)
		}
	}
}

// TestEmptyPlaceBesideAnother: a name that a place with an index does not have is an unknown name, as long as nobody else could know it.
func TestEmptyPlaceBesideAnother(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	target, _ := folderPlace(t)
	publish(t, target, p.publication("1.0.0"))
	empty, _ := folderPlace(t)
	_, err := open(t, reader(t, p, empty, target)).Resolve(t.Context(), "digits_p16_65")
	var missing *manifest.NotFoundError
	if !errors.As(err, &missing) || missing.Nearest != "digits_p16_64" || !errors.Is(errdef.Kind(err), errdef.ErrUsage) || !strings.Contains(err.Error(), "nothing is published at "+empty.String()) {
		t.Errorf("%v", err)
	}
}

// TestRememberedIndex: what was accepted from a place that is down now is used until it expires, and that is said.
func TestRememberedIndex(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	target, folder := folderPlace(t)
	publish(t, target, p.publication("1.0.0"))
	m := serveMoody(t, folder)
	options := reader(t, p, at(t, m.URL))
	z := open(t, options)
	pull(t, z, resolve(t, z, "digits_p16_64"), zoo.PullOptions{})

	m.status.Store(503)
	before := m.requests.Load()
	found := resolve(t, z, "digits_p16_64")
	var unreachable *zoo.UnreachablePlaceError
	if len(found.Notices) != 1 || !errors.As(found.Notices[0], &unreachable) || unreachable.Remembered == nil || !strings.Contains(unreachable.Error(), "its index of version 1 is used") {
		t.Errorf("notices %v", found.Notices)
	}
	if pulled := pull(t, z, found, zoo.PullOptions{}); pulled.From != "the cache" {
		t.Errorf("pulled from %s", pulled.From)
	}
	if asked := m.requests.Load() - before; asked > 2 {
		t.Errorf("%d requests for a name that is known", asked)
	}
	before = m.requests.Load()
	_, err := z.Resolve(t.Context(), "digits_p16_32")
	if asked := m.requests.Load() - before; !errors.Is(errdef.Kind(err), errdef.ErrNetwork) || asked < 3 {
		t.Errorf("an unknown name: %v after %d requests", err, asked)
	}
	if _, notices, err := z.List(t.Context()); err != nil || zoo.Unanswered(notices) == nil {
		t.Errorf("listing: %v, %v", notices, err)
	}

	options.Now = func() time.Time { return time.Now().AddDate(2, 0, 0) }
	if _, err := open(t, options).Resolve(t.Context(), "digits_p16_64"); !errors.Is(errdef.Kind(err), errdef.ErrNetwork) {
		t.Errorf("an expired index is used: %v", err)
	}
	options.Offline = true
	if found := resolve(t, open(t, options), "digits_p16_64"); len(found.Notices) != 1 || !strings.Contains(found.Notices[0].Error(), "expired") {
		t.Errorf("without a network an expired index is used silently: %v", found.Notices)
	}
}

// TestRememberedWithoutManifest: an entry whose manifest was never read here is as unknown as others.
func TestRememberedWithoutManifest(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	target, folder := folderPlace(t)
	publish(t, target, p.publication("1.0.0"))
	m := serveMoody(t, folder)
	options := reader(t, p, at(t, m.URL))
	z := open(t, options)
	if _, _, err := z.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.status.Store(500)
	if _, err := z.Resolve(t.Context(), "digits_p16_64"); !errors.Is(errdef.Kind(err), errdef.ErrNetwork) || !strings.HasPrefix(err.Error(), m.URL+" could not be asked") ||
		!strings.HasSuffix(err.Error(), "digits_p16_64@1.0.0 is in its index, but its manifest is not on this machine") {
		t.Errorf("%v", err)
	}
	options.Offline = true
	var offline *zoo.OfflineError
	if _, err := open(t, options).Resolve(t.Context(), "digits_p16_64"); !errors.As(err, &offline) {
		t.Errorf("with the network off: %v", err)
	}
}

func TestOfflinePlaceThatWasNeverAsked(t *testing.T) {
	t.Parallel()
	options := folders(t)
	options.Offline, options.Places = true, []place.Place{at(t, "http://127.0.0.1:1/zoo")}
	z := open(t, options)
	_, err := z.Resolve(t.Context(), "flowers")
	var offline *zoo.OfflineError
	if !errors.As(err, &offline) || !errors.Is(errdef.Kind(err), errdef.ErrNetwork) || !strings.HasPrefix(err.Error(), "http://127.0.0.1:1/zoo could not be asked: its index is not on this machine") {
		t.Errorf("%v", err)
	}
	if _, notices, err := z.List(t.Context()); err != nil || len(notices) != 1 {
		t.Errorf("notices %v, error %v", notices, err)
	}
}

// TestDeadlineNamesThePlace: a program with a deadline is told which place it was waiting for.
func TestDeadlineNamesThePlace(t *testing.T) {
	t.Parallel()
	m := serveMoody(t, t.TempDir())
	m.status.Store(silent)
	options := folders(t)
	options.Places = []place.Place{at(t, m.URL)}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := open(t, options).Resolve(ctx, "digits_p16_64")
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), m.URL) {
		t.Errorf("%v", err)
	}
	m.CloseClientConnections()
}

// TestPlacesAreAskedAtOnce: two places that take their time are asked side by side.
func TestPlacesAreAskedAtOnce(t *testing.T) {
	t.Parallel()
	var waiting atomic.Int64
	both := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if waiting.Add(1) == 2 {
			close(both)
		}
		select {
		case <-both:
		case <-time.After(5 * time.Second):
			t.Error("the second place was not asked while the first had not answered")
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(server.Close)
	options := folders(t)
	options.Places = []place.Place{at(t, server.URL+"/a"), at(t, server.URL+"/b")}
	if _, err := open(t, options).Resolve(t.Context(), "flowers"); !errors.Is(err, store.ErrUnauthorized) || strings.Count(err.Error(), "could not be asked") != 2 {
		t.Errorf("%v", err)
	}
}

// TestPullSaysEachFailureOnce: what the error lists is not among the notices, too.
func TestPullSaysEachFailureOnce(t *testing.T) {
	t.Parallel()
	m := serveMoody(t, t.TempDir())
	m.status.Store(404)
	z := open(t, folders(t))
	var noticed []error
	_, err := z.Pull(t.Context(), upstream(t, m.URL+"/weights"), zoo.PullOptions{Notice: func(n error) { noticed = append(noticed, n) }})
	if len(noticed) != 0 || err == nil || strings.Count(err.Error(), m.URL) != 1 {
		t.Errorf("notices %v; error %v", noticed, err)
	}
}
