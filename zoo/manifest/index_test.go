package manifest_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

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

// state makes an index of that version.
func state(t testing.TB, version int64, entries ...manifest.Entry) *manifest.IndexDocument {
	t.Helper()
	index := manifest.Index{Format: manifest.IndexFormatV1, Version: version, Expires: "2030-01-01T00:00:00Z"}
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
			t.Errorf("%s is %s, %v; want %s", reference, got.Reference(), err, want)
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
		"format":           {"index.v1", "index.v3", "index:1:1: format"},
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
