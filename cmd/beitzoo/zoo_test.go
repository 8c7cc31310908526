package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aead.dev/minisign"
	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/manifests"
)

// home gives commands a cache and state of their own, and no places.
func home(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	t.Setenv("BEITZOO_HOME", folder)
	t.Setenv("BEITZOO_ZOO", "")
	t.Setenv("BEITZOO_TRUST", "")
	return folder
}

// keyPair writes an open minisign secret key, and gives its path and the public key.
func keyPair(t *testing.T) (path, public string) {
	t.Helper()
	publicKey, secretKey, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := secretKey.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "key.sec")
	write(t, path, raw)
	return path, publicKey.String()
}

func TestPullFromInsideTheProgram(t *testing.T) {
	home(t)
	out := filepath.Join(t.TempDir(), "digits.pdparams")
	succeed(t, "pull", "digits_p16_64", "--offline", "-o", out)
	succeed(t, "diff", out, testdata("../manifests/embedded/digits_p16_64.pdparams"))
	succeed(t, "diff", "digits_p16_64", testdata("digits/digits_p16_64.timm.safetensors"))
	succeed(t, "verify", "digits_p16_64@1.0.0", "--recording", testdata("../manifests/embedded/digits_p16_64.passl.float32.recording.safetensors"))
	succeed(t, "cache", "verify")
	if listing := succeed(t, "cache", "ls"); strings.Count(listing, "sha256:") == 0 {
		t.Errorf("the cache lists %q", listing)
	}
	succeed(t, "cache", "prune")
	if listing := succeed(t, "cache", "ls"); listing != "" {
		t.Errorf("after pruning the cache lists %q", listing)
	}
	expect(t, exitNetwork, "pull", "beit_base_p16_224", "--offline")
	expect(t, exitUsage, "pull", "beit_bse_p16_224", "--offline")
}

// TestPublishAndPull goes from a checkpoint to somebody else's machine: folder, HTTP server, mirror and bundle.
func TestPublishAndPull(t *testing.T) {
	home(t)
	key, public := keyPair(t)
	place := filepath.Join(t.TempDir(), "place")
	publish := []string{
		"publish", testdata("tiny/tiny_p16_64.unilm.pth"), place, "--name", "tiny", "--version", "1.0.0", "--sign", key,
		"--recording", testdata("tiny/tiny_p16_64.unilm.float64.recording.safetensors"), "--json", "--quiet",
	}
	first := publishedJSON(t, publish)
	if again := publishedJSON(t, publish); !again.Unchanged || again.Manifest != first.Manifest || again.Artifact != first.Artifact {
		t.Errorf("published again: %+v, at first %+v", again, first)
	}
	publish[1] = testdata("tiny/tiny_p16_32.unilm.pth")
	expect(t, exitUsage, append(publish[:8:8], "--sign", key)...)

	server := httptest.NewServer(http.FileServer(http.Dir(place)))
	defer server.Close()
	pack, mirrored := filepath.Join(t.TempDir(), "tiny.bundle"), filepath.Join(t.TempDir(), "mirror")
	succeed(t, "bundle", "tiny", "-o", pack, "--zoo", place, "--trust", public)
	succeed(t, "mirror", server.URL, mirrored, "--trust", public)
	for _, from := range []string{place, server.URL, mirrored, pack} {
		home(t)
		out := filepath.Join(t.TempDir(), "tiny.pth")
		succeed(t, "pull", "tiny@1.0.0", "--zoo", from, "--trust", public, "-o", out)
		succeed(t, "diff", out, testdata("tiny/tiny_p16_64.unilm.pth"))
		home(t)
		_, stranger := keyPair(t)
		expect(t, exitDigest, "pull", "tiny", "--zoo", from, "--trust", stranger, "-o", out)
	}
}

func publishedJSON(t *testing.T, args []string) publishedEntry {
	t.Helper()
	var entry publishedEntry
	if err := json.Unmarshal([]byte(succeed(t, args...)), &entry); err != nil {
		t.Fatal(err)
	}
	return entry
}

// TestTrustAndRenew: an index that has expired is renewed, its key is pinned, and forgotten.
func TestTrustAndRenew(t *testing.T) {
	home(t)
	key, public := keyPair(t)
	place := filepath.Join(t.TempDir(), "place")
	expect(t, exitNetwork, "manifest", "renew", place, "--sign", key)
	succeed(t, "publish", testdata("tiny/tiny_p16_64.unilm.pth"), place, "--name", "tiny", "--version", "1.0.0", "--sign", key, "--expires", "2020-01-01", "--quiet")
	home(t)
	expect(t, exitDigest, "show", "tiny", "--zoo", place, "--trust", public)
	if said := succeed(t, "manifest", "renew", place, "--sign", key, "--expires", "2999-12-31"); !strings.Contains(said, "version 2, believed until 2999-12-31") {
		t.Errorf("renew says %q", said)
	}
	home(t)
	if listed := succeed(t, "trust", "ls"); listed != "" {
		t.Errorf("at first, trust ls says %q", listed)
	}
	succeed(t, "show", "tiny", "--zoo", place, "--trust", public)
	succeed(t, "show", "tiny", "--zoo", place)
	var listed []trustedPlace
	if err := json.Unmarshal([]byte(succeed(t, "trust", "ls", "--json")), &listed); err != nil {
		t.Fatal(err)
	}
	want := []trustedPlace{{Place: place, Keys: []string{public}, IndexVersion: 2, Expires: "2999-12-31T00:00:00Z"}}
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Error(diff)
	}
	succeed(t, "trust", "forget", place)
	expect(t, exitUsage, "trust", "forget", place)
	expect(t, exitDigest, "show", "tiny", "--zoo", place)
}

// TestPullUpstream converts a checkpoint that a server has, pins its digest, and notices when the server has another one.
func TestPullUpstream(t *testing.T) {
	home(t)
	weights := file("../manifests/embedded/digits_p16_64.pdparams")(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if _, err := w.Write(weights); err != nil {
			t.Log(err)
		}
	}))
	defer server.Close()
	path := sourceManifest(t, server.URL+"/digits.pdparams")
	out := filepath.Join(t.TempDir(), "digits.safetensors")
	if said := succeed(t, "pull", "--manifest", path, "-o", out); !strings.Contains(said, "pinned: ") {
		t.Errorf("a digest was pinned silently: %q", said)
	}
	succeed(t, "diff", out, testdata("../manifests/embedded/digits_p16_64.pdparams"))

	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	succeed(t, "cache", "prune")
	weights = file("digits/digits_p16_64_protocol2.pdparams")(t)
	expect(t, exitDigest, "pull", "--manifest", path)
	weights = []byte("<!DOCTYPE html><title>Sign in</title>")
	expect(t, exitNetwork, "pull", "--manifest", path, "--repin")
}

// sourceManifest writes the digits manifest with an upstream address in place of the embedded one.
func sourceManifest(t *testing.T, address string) string {
	t.Helper()
	raw, err := manifests.Files.ReadFile("digits_p16_64.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := yaml.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	source := m["sources"].([]any)[0].(map[string]any)
	source["address"] = address
	delete(source, "digest")
	delete(source, "size")
	source["estimate"] = 500000
	source["learned"] = "not published"
	for _, key := range []string{"blobs", "recordings", "verdict"} {
		delete(m, key)
	}
	if raw, err = yaml.Marshal(m); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "m.yaml")
	write(t, path, raw)
	return path
}

// TestBadManifests: each is refused with its line, and nothing is written.
func TestBadManifests(t *testing.T) {
	good, err := manifests.Files.ReadFile("digits_p16_64.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, from, to string
	}{
		{"unknown field", "title: ", "titel: x\ntitle: "},
		{"path in the name", "id: digits_p16_64", "id: ../digits_p16_64"},
		{"no version", "version: 1.0.0", "version: one"},
		{"wrong parameter count", "parameters: ", "parameters: 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			state := home(t)
			bad := bytes.Replace(good, []byte(c.from), []byte(c.to), 1)
			if bytes.Equal(bad, good) {
				t.Fatalf("the manifest does not say %q", c.from)
			}
			path := filepath.Join(t.TempDir(), "m.yaml")
			write(t, path, bad)
			for _, command := range [][]string{{"manifest", "validate", path}, {"pull", "--manifest", path}} {
				code, _, errs := runHere(t, command...)
				if code != exitInput || !strings.Contains(errs, "m.yaml:") {
					t.Errorf("%q: exit code %d, message %q", command, code, errs)
				}
			}
			if entries, _ := os.ReadDir(state); len(entries) > 0 {
				t.Errorf("something was written: %v", entries)
			}
		})
	}
}

func TestSignAndCheckManifest(t *testing.T) {
	key, public := keyPair(t)
	_, stranger := keyPair(t)
	path := filepath.Join(t.TempDir(), "m.yaml")
	good, _ := manifests.Files.ReadFile("digits_p16_64.yaml")
	write(t, path, good)
	succeed(t, "manifest", "sign", path, "--key", key)
	succeed(t, "manifest", "check", path, "--trust", public)
	expect(t, exitDigest, "manifest", "check", path, "--trust", stranger)
	write(t, path, append(good, '\n'))
	expect(t, exitDigest, "manifest", "check", path, "--trust", public)
}

func TestListShowAndSite(t *testing.T) {
	home(t)
	for _, want := range []string{"beit_large_p16_512", "digits_p16_64"} {
		if !strings.Contains(succeed(t, "list"), want) || !strings.Contains(succeed(t, "show", want), want) {
			t.Errorf("%s is not shown", want)
		}
	}
	var shown map[string]any
	if err := json.Unmarshal([]byte(succeed(t, "show", "beit_base_p16_224", "--json")), &shown); err != nil || shown["id"] != "beit_base_p16_224" {
		t.Errorf("%v, %v", shown["id"], err)
	}
	folder := t.TempDir()
	succeed(t, "site", folder)
	page, err := os.ReadFile(filepath.Join(folder, "index.html"))
	if err != nil || !strings.Contains(string(page), "beit_large_p16_512") {
		t.Errorf("the site does not list the models: %v", err)
	}
}
