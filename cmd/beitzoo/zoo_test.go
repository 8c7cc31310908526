package main

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"aead.dev/minisign"
	"github.com/goccy/go-yaml"

	"github.com/beitzoo/beitzoo/manifests"
)

// home sets BEITZOO_HOME to a new folder, so that commands have an empty cache, and no places.
func home(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	t.Setenv("BEITZOO_HOME", folder)
	t.Setenv("BEITZOO_ZOO", "")
	t.Setenv("BEITZOO_TRUST", "")
	return folder
}

// keyPair writes an unencrypted minisign secret key, and returns its path and the public key.
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

// TestPublishAndPull publishes a checkpoint and pulls it from a folder, an HTTP server, a mirror and a bundle.
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
	succeed(t, "cache", "prune", "--all")
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
