package manifest_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/manifest"
)

func replace(text, old, new string) string { return strings.Replace(text, old, new, 1) }

// entry is a made-up entry; content stands for its manifest.
func entry(id, version, content string) manifest.Entry {
	return manifest.Entry{
		ID: id, Version: version, Title: "A title", Digest: digest.FromString(content), Size: int64(len(content)),
		Signature: manifest.Content{Digest: digest.FromString("signature of " + content), Size: 300},
	}
}

// state makes an index of version n.
func state(t testing.TB, version int64, entries ...manifest.Entry) *manifest.IndexDocument {
	t.Helper()
	index := manifest.Index{Format: manifest.IndexFormat, Version: version, Expires: "2030-01-01T00:00:00Z"}
	slices.SortFunc(entries, func(a, b manifest.Entry) int { return manifest.CompareVersions(a.Version, b.Version) })
	for _, e := range entries {
		if _, err := index.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := index.Encode()
	if err != nil {
		t.Fatal(err)
	}
	document, err := manifest.ParseIndex("index", raw)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(index, document.Index); diff != "" {
		t.Fatal(diff)
	}
	return document
}

var (
	first  = entry("a", "1.0.0", "first")
	second = entry("a", "1.10.0", "second")
	other  = entry("b", "2.0.0-rc.1", "other")
)

func TestIndexFind(t *testing.T) {
	t.Parallel()
	document := state(t, 1, other, second, first, entry("b", "1.9.0", "release"), entry("a", "1.9.0", "between"))
	for reference, want := range map[string]string{"a": "a@1.10.0", "a@1.0.0": "a@1.0.0", "b": "b@1.9.0", "b@2.0.0-rc.1": "b@2.0.0-rc.1"} {
		wanted, err := manifest.ParseReference(reference)
		if err != nil {
			t.Fatal(err)
		}
		got, err := document.Find(wanted)
		if err != nil || got.Reference().String() != want {
			t.Errorf("%s gives %s, %v; want %s", reference, got.Reference(), err, want)
		}
	}
	for reference, want := range map[manifest.Reference]string{
		{Name: "bb"}: "did you mean b?", {Name: "a", Version: "3.0.0"}: "versions of it: 1.0.0, 1.9.0, 1.10.0",
	} {
		_, err := document.Find(reference)
		var missing *manifest.NotFoundError
		if !errors.As(err, &missing) || !strings.Contains(missing.Hint(), want) {
			t.Errorf("%s: error is %v, want the hint %q", reference, err, want)
		}
	}
}

func TestIndexAddNeverReplaces(t *testing.T) {
	t.Parallel()
	index := state(t, 1, first).Index
	if added, err := index.Add(first); added || err != nil {
		t.Errorf("the same again: added %v, error %v", added, err)
	}
	_, err := index.Add(entry("a", "1.0.0", "something else"))
	var taken *manifest.TakenError
	if !errors.As(err, &taken) || index.Entries[0].Digest != first.Digest {
		t.Errorf("error is %v, the entry is %v", err, index.Entries[0])
	}
	_, err = index.Add(entry("a", "0.9.0", "earlier"))
	var backwards *manifest.BackwardsError
	if !errors.As(err, &backwards) || backwards.Latest != "1.0.0" || len(index.Entries) != 1 {
		t.Errorf("error of an earlier version is %v", err)
	}
}

func TestParseIndexRefuses(t *testing.T) {
	t.Parallel()
	text := string(state(t, 7, first, other).Raw)
	for name, test := range map[string]struct{ old, new, want string }{
		"unknown field":    {"title:", "tilte:", "did you mean title?"},
		"format":           {"index.v1", "index.v2", "index:1:1: format"},
		"version zero":     {"version: 7", "version: 0", "index:2:1: version: counts from 1"},
		"no time":          {"2030-01-01T00:00:00Z", "2030", "index:3:1: expires"},
		"path in the name": {"id: a", "id: a/b", "a path is not allowed"},
		"order":            {"id: a", "id: c", "out of order"},
		"digest":           {string(first.Digest), "sha256:1", "entries[0].digest"},
		"manifest of 1 GB": {"size: 5\n", "size: 1000000000\n", "outside of 1 to"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := replace(text, test.old, test.new)
			_, err := manifest.ParseIndex("index", []byte(changed))
			var typed *manifest.Error
			if changed == text || !errors.As(err, &typed) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want %q", err, test.want)
			}
		})
	}
}

// accept signs document and hands it to a Trust.
func accept(t testing.TB, trust *manifest.Trust, document *manifest.IndexDocument, ring manifest.Keyring, now string) (manifest.Accepted, error) {
	t.Helper()
	at, err := time.Parse(time.DateOnly, now)
	if err != nil {
		t.Fatal(err)
	}
	signature := manifest.Sign(secretKey(t), document.Raw, "index")
	return trust.Accept("https://zoo.example.org", document.Raw, signature, ring, at)
}

func TestTrust(t *testing.T) {
	t.Parallel()
	ring := manifest.Keyring{publicKey(t, "open.pub")}
	seen := state(t, 5, first, other)
	for name, test := range map[string]struct {
		next *manifest.IndexDocument
		now  string
		want error
	}{
		"the same again":      {seen, "2029-01-01", nil},
		"one more":            {state(t, 6, first, other, second), "2029-01-01", nil},
		"versions left out":   {state(t, 60, first, other), "2029-01-01", nil},
		"an older version":    {state(t, 4, first, other), "2029-01-01", manifest.ErrRollback},
		"another version 5":   {state(t, 5, first, other, second), "2029-01-01", manifest.ErrRewritten},
		"an entry is gone":    {state(t, 6, other), "2029-01-01", manifest.ErrRewritten},
		"an entry is another": {state(t, 6, entry("a", "1.0.0", "evil"), other), "2029-01-01", manifest.ErrRewritten},
		"expired":             {seen, "2030-01-02", manifest.ErrFreeze},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trust := manifest.OpenTrust(t.TempDir())
			accepted, err := accept(t, trust, seen, ring, "2029-01-01")
			if err != nil || !accepted.Pinned {
				t.Fatalf("first contact: %v, pinned %v", err, accepted.Pinned)
			}
			accepted, err = accept(t, trust, test.next, nil, test.now) // the key is pinned: no need to say it again
			if !errors.Is(err, test.want) || test.want == nil && (err != nil || accepted.Pinned) {
				t.Fatalf("error is %v, want %v", err, test.want)
			}
			latest, err := trust.Latest("https://zoo.example.org")
			if want := max(seen.Version, versionOf(accepted)); err != nil || latest.Version != want {
				t.Errorf("remembers version %d, %v; want %d", latest.Version, err, want)
			}
		})
	}
}

func TestTrustRefusesOtherKeys(t *testing.T) {
	t.Parallel()
	trust := manifest.OpenTrust(t.TempDir())
	document := state(t, 1, first)
	if _, err := accept(t, trust, document, nil, "2029-01-01"); !errors.Is(err, manifest.ErrUnknownKey) {
		t.Errorf("nobody is trusted, error is %v", err)
	}
	if _, err := accept(t, trust, document, manifest.Keyring{publicKey(t, "encrypted.pub")}, "2029-01-01"); !errors.Is(err, manifest.ErrUnknownKey) {
		t.Errorf("another key is trusted, error is %v", err)
	}
	if latest, err := trust.Latest("https://zoo.example.org"); latest != nil || err != nil {
		t.Errorf("remembers %v, %v", latest, err)
	}
}

// TestTrustOfManyProcesses accepts rising versions at the same time; the highest must stay.
func TestTrustOfManyProcesses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	ring := manifest.Keyring{publicKey(t, "open.pub")}
	failed := make(chan error)
	const states = 20
	for n := range states {
		document := state(t, int64(n+1), first)
		go func() {
			_, err := accept(t, manifest.OpenTrust(folder), document, ring, "2029-01-01")
			if errors.Is(err, manifest.ErrRollback) {
				err = nil // a higher one was faster
			}
			failed <- err
		}()
	}
	for range states {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	latest, err := manifest.OpenTrust(folder).Latest("https://zoo.example.org")
	if err != nil || latest.Version != states {
		t.Error(fmt.Errorf("remembers version %d, want %d, error %w", latest.Version, states, err))
	}
}

func versionOf(accepted manifest.Accepted) int64 {
	if accepted.IndexDocument == nil {
		return 0
	}
	return accepted.Version
}
