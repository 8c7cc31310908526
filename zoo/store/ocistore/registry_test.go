package ocistore_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	gcrlayout "github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/file"
	"oras.land/oras-go/v2/content/oci"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/ocistore"
	"github.com/beitzoo/beitzoo/zoo/store/storetest"
)

// TestOtherClients pulls with the library of oras, and reads the layout with the library of crane.
func TestOtherClients(t *testing.T) {
	t.Parallel()
	var from storetest.Memory
	artifact := example(&from)
	layout := newLayout(t)
	reference := startRegistry(t)
	published := newRegistry(t, reference, ocistore.RegistryOptions{})
	manifest, err := ocistore.Publish(t.Context(), &from, layout, "1.0.0", artifact, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ocistore.Mirror(t.Context(), layout, published, "1.0.0", store.Options{}); err != nil {
		t.Fatal(err)
	}
	ofLayout, err := oci.NewFromFS(t.Context(), os.DirFS(layout.Dir()))
	if err != nil {
		t.Fatal(err)
	}
	ofRegistry, err := remote.NewRepository(reference)
	if err != nil {
		t.Fatal(err)
	}
	ofRegistry.PlainHTTP = true
	transport := new(http.Transport)
	defer transport.CloseIdleConnections()
	ofRegistry.Client = &http.Client{Transport: transport}
	for name, src := range map[string]oras.ReadOnlyTarget{"layout": ofLayout, "registry": ofRegistry} {
		requireOrasPulls(t, name, src, manifest.Digest)
	}
	index, err := gcrlayout.ImageIndexFromPath(layout.Dir())
	if err != nil {
		t.Fatal(err)
	}
	if seen, err := index.IndexManifest(); err != nil || len(seen.Manifests) != 1 || seen.Manifests[0].Digest.String() != string(manifest.Digest) {
		t.Errorf("crane sees %v, %v", seen, err)
	}
}

// requireOrasPulls does what "oras pull" does, and compares the files.
func requireOrasPulls(t *testing.T, name string, src oras.ReadOnlyTarget, want digest.Digest) {
	t.Helper()
	dir := t.TempDir()
	to, err := file.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	descriptor, err := oras.Copy(t.Context(), src, "1.0.0", to, "1.0.0", oras.DefaultCopyOptions)
	if err != nil || string(descriptor.Digest) != string(want) || descriptor.MediaType != ocispec.MediaTypeImageManifest {
		t.Fatalf("%s: oras pulled %v, %v", name, descriptor, err)
	}
	for path, content := range map[string][]byte{"model.safetensors": storetest.Random(5000, 1), "beitzoo.yaml": []byte("id: beit_tiny\n")} {
		if got, err := os.ReadFile(filepath.Join(dir, path)); err != nil || string(got) != string(content) {
			t.Errorf("%s: %s has %d other bytes, or %v", name, path, len(got), err)
		}
	}
}

// gate remembers the Authorization headers that a server got.
type gate struct {
	mu   sync.Mutex
	told map[string]bool
}

func (g *gate) hear(r *http.Request) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	authorization := r.Header.Get("Authorization")
	g.told[authorization] = true
	return authorization
}

// TestLoginStaysAtTheRegistry redirects blobs to storage on another port, which must not get the login.
func TestLoginStaysAtTheRegistry(t *testing.T) {
	t.Parallel()
	content := storetest.Random(1000, 1)
	blob := storetest.Describe(content, 0)
	atStorage := &gate{told: map[string]bool{}}
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		atStorage.hear(r)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(content)))
	}))
	t.Cleanup(storage.Close)
	atRegistry := &gate{told: map[string]bool{}}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if atRegistry.hear(r) == "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="zoo"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		http.Redirect(w, r, storage.URL+"/signed?sig=s3cret", http.StatusTemporaryRedirect)
	}))
	t.Cleanup(front.Close)
	r := newRegistry(t, strings.TrimPrefix(front.URL, "http://")+"/zoo", ocistore.RegistryOptions{
		Credential: func(context.Context, string) (auth.Credential, error) {
			return auth.Credential{Username: "me", Password: "t0ken"}, nil
		},
	})
	got, err := r.Fetch(t.Context(), blob)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	if all, err := io.ReadAll(got); err != nil || string(all) != string(content) {
		t.Errorf("got %d bytes, %v", len(all), err)
	}
	if _, err := r.Stat(t.Context(), blob); err != nil {
		t.Error(err)
	}
	if len(atStorage.told) != 1 || !atStorage.told[""] {
		t.Errorf("storage was told %v", atStorage.told)
	}
	if len(atRegistry.told) != 2 {
		t.Errorf("the registry was told %v", atRegistry.told)
	}
}

func TestRegistryErrors(t *testing.T) {
	tests := []struct {
		status    int
		want      error
		temporary bool
	}{
		{401, store.ErrUnauthorized, false},
		{403, store.ErrUnauthorized, false},
		{404, store.ErrNotFound, false},
		{405, store.ErrUnreachable, false},
		{429, store.ErrUnreachable, true},
		{503, store.ErrUnreachable, true},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.status), func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				io.WriteString(w, `{"errors":[{"code":"DENIED","message":"no entry"}]}`)
			}))
			t.Cleanup(server.Close)
			r := newRegistry(t, strings.TrimPrefix(server.URL, "http://")+"/zoo", ocistore.RegistryOptions{FirstWait: time.Millisecond})
			blob := storetest.Describe([]byte("x"), 0)
			_, fetchErr := r.Fetch(t.Context(), blob)
			_, statErr := r.Stat(t.Context(), blob)
			_, pushErr := r.Push(t.Context(), blob, strings.NewReader("x"))
			_, manifestErr := r.FetchManifest(t.Context(), "1")
			for name, err := range map[string]error{"fetch": fetchErr, "stat": statErr, "push": pushErr, "manifest": manifestErr} {
				if _, temporary := store.Temporary(err); !errors.Is(err, test.want) || temporary != test.temporary {
					t.Errorf("%s: got %v, temporary %v", name, err, temporary)
				}
			}
		})
	}
}

func TestReferences(t *testing.T) {
	for reference, ok := range map[string]bool{
		"ghcr.io/owner/model": true, "oci://localhost:5000/a": true, "[::1]:5000/a": true, "ghcr.io": false, "": false, "ghcr.io/owner/model:1.0": false,
		"oci://": false, "ghcr.io/UPPER": false, "https://ghcr.io/a": false,
	} {
		_, err := ocistore.NewRegistry(reference, ocistore.RegistryOptions{Credential: anonymous})
		if (err == nil) != ok || err != nil && !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%q: got %v", reference, err)
		}
	}
}

// emptyRegistry is a registry that wants a login and has nothing. It returns the gate that hears the logins, and the address.
func emptyRegistry(t *testing.T) (heard *gate, host string) {
	t.Helper()
	heard = &gate{told: map[string]bool{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if heard.hear(r) == "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="zoo"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(server.Close)
	return heard, strings.TrimPrefix(server.URL, "http://")
}

// TestPodmansLogins reads a login from each file in which podman keeps them, and keeps docker's if both have one.
func TestPodmansLogins(t *testing.T) {
	heard, host := emptyRegistry(t)
	for variable, file := range map[string]string{
		"REGISTRY_AUTH_FILE": "mine.json", "XDG_RUNTIME_DIR": "containers/auth.json", "XDG_CONFIG_HOME": "containers/auth.json", "HOME": ".config/containers/auth.json",
	} {
		t.Run(variable, func(t *testing.T) {
			home := t.TempDir()
			for _, name := range []string{"REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"} {
				t.Setenv(name, "")
			}
			t.Setenv("HOME", home)
			t.Setenv("DOCKER_CONFIG", filepath.Join(home, "docker"))
			path, value := filepath.Join(home, file), home
			if variable == "REGISTRY_AUTH_FILE" {
				value = path
			}
			t.Setenv(variable, value)
			secret := base64.StdEncoding.EncodeToString([]byte("podman:" + variable))
			writeLogin(t, path, host, secret)
			ask(t, host)
			if !heard.told["Basic "+secret] {
				t.Errorf("the registry was told %v", heard.told)
			}
			writeLogin(t, filepath.Join(home, "docker", "config.json"), host, "ZG9ja2VyOjE=")
			clear(heard.told)
			ask(t, host)
			if heard.told["Basic "+secret] || !heard.told["Basic ZG9ja2VyOjE="] {
				t.Errorf("with docker's login the registry was told %v", heard.told)
			}
		})
	}
}

func writeLogin(t *testing.T, path, host, secret string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, fmt.Appendf(nil, `{"auths":{%q:{"auth":%q}}}`, host, secret), 0o600); err != nil {
		t.Fatal(err)
	}
}

// ask asks a registry with the user's own logins for something that it does not have.
func ask(t *testing.T, host string) {
	t.Helper()
	r, err := ocistore.NewRegistry(host+"/zoo", ocistore.RegistryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.CloseIdleConnections()
	if _, err := r.Stat(t.Context(), storetest.Describe([]byte("x"), 0)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// TestBrokenLogins: a file or a helper that does not work is said, with what to do.
func TestBrokenLogins(t *testing.T) {
	home := t.TempDir()
	t.Setenv("DOCKER_CONFIG", home)
	t.Setenv("REGISTRY_AUTH_FILE", filepath.Join(home, "auth.json"))
	path := filepath.Join(home, "auth.json")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := ocistore.NewRegistry("localhost:1/zoo", ocistore.RegistryOptions{})
	if login := (*ocistore.LoginError)(nil); !errors.As(err, &login) || !strings.Contains(login.Hint(), "podman") || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(path, []byte(`{"credHelpers":{"localhost:1":"missing"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="zoo"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	if err := os.WriteFile(path, fmt.Appendf(nil, `{"credHelpers":{%q:"missing"}}`, host), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := ocistore.NewRegistry(host+"/zoo", ocistore.RegistryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.CloseIdleConnections()
	_, err = r.Stat(t.Context(), storetest.Describe([]byte("x"), 0))
	if !errors.Is(err, store.ErrUnauthorized) || !strings.Contains(errdef.Hint(err), "install the helper") {
		t.Errorf("got %v; hint: %s", err, errdef.Hint(err))
	}
}

// TestRegistrySays: the registry's own words come through, also those of a proxy that answers with a page.
func TestRegistrySays(t *testing.T) {
	for _, test := range []struct {
		status                 int
		kind, body, says, hint string
	}{
		{403, "application/json", `{"errors":[{"code":"DENIED","message":"quota of 1 GB is used up"}]}`, `"denied: quota of 1 GB is used up"`, "owner of the repository"},
		{401, "application/json", `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, "authentication required", "podman login"},
		{404, "application/json", `{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry"}]}`, "name unknown", "name of the repository"},
		{405, "application/json", `{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]}`, "unsupported", "read-only"},
		{429, "application/json", `{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}`, "slow down", "wait, or log in"},
		{502, "text/html", "<html><title>The storage is being moved</title>", "The storage is being moved", "proxy"},
		{413, "text/html", "<html><title>413 Request Entity Too Large</title>", "HTTP status 413", "raise the limit"},
	} {
		t.Run(fmt.Sprint(test.status), func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", test.kind)
				w.WriteHeader(test.status)
				io.WriteString(w, test.body)
			}))
			t.Cleanup(server.Close)
			r := newRegistry(t, strings.TrimPrefix(server.URL, "http://")+"/zoo", ocistore.RegistryOptions{FirstWait: time.Millisecond})
			_, tagsErr := r.Tags(t.Context())
			_, fetchErr := r.Fetch(t.Context(), storetest.Describe([]byte("x"), 0))
			for name, err := range map[string]error{"tags": tagsErr, "fetch": fetchErr} {
				if name == "tags" && test.status == 404 {
					continue // a repository that does not exist yet has no tags
				}
				if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(errdef.Hint(err), test.hint) {
					t.Errorf("%s: %v; hint: %s", name, err, errdef.Hint(err))
				}
			}
		})
	}
}

// TestDockersLogins reads a login from the file that docker writes.
func TestDockersLogins(t *testing.T) {
	heard, host := emptyRegistry(t)
	dir := t.TempDir()
	config := fmt.Sprintf(`{"auths":{%q:{"auth":"bWU6dDBrZW4="}}}`, host)
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DOCKER_CONFIG", dir)
	r, err := ocistore.NewRegistry(host+"/zoo", ocistore.RegistryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.CloseIdleConnections)
	if _, err := r.Stat(t.Context(), storetest.Describe([]byte("x"), 0)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if !heard.told["Basic bWU6dDBrZW4="] {
		t.Errorf("the registry was told %v", heard.told)
	}
}
