package trust_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

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
	return document
}

var (
	first  = entry("a", "1.0.0", "first")
	second = entry("a", "1.10.0", "second")
	other  = entry("b", "2.0.0-rc.1", "other")
)

// accept signs document and lets ledger accept it.
func accept(t testing.TB, ledger *trust.Ledger, document *manifest.IndexDocument, ring trust.Keyring, now string) (trust.AcceptedIndex, error) {
	t.Helper()
	at, err := time.Parse(time.DateOnly, now)
	if err != nil {
		t.Fatal(err)
	}
	signature := trust.Sign(secretKey(t), document.Raw, "index")
	return ledger.Accept("https://zoo.example.org", document.Raw, signature, ring, at)
}

func TestLedgerAccept(t *testing.T) {
	t.Parallel()
	ring := trust.Keyring{publicKey(t, "open.pub")}
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
			ledger := trust.Open(t.TempDir())
			accepted, err := accept(t, ledger, seen, ring, "2029-01-01")
			if err != nil || !accepted.Pinned {
				t.Fatalf("first contact: %v, pinned %v", err, accepted.Pinned)
			}
			accepted, err = accept(t, ledger, test.next, nil, test.now) // the key is pinned: no need to say it again
			if !errors.Is(err, test.want) || test.want == nil && (err != nil || accepted.Pinned) {
				t.Fatalf("error is %v, want %v", err, test.want)
			}
			latest, err := ledger.Latest("https://zoo.example.org")
			if want := max(seen.Version, versionOf(accepted)); err != nil || latest.Version != want {
				t.Errorf("remembers version %d, %v; want %d", latest.Version, err, want)
			}
		})
	}
}

func TestLedgerRefusesOtherKeys(t *testing.T) {
	t.Parallel()
	ledger := trust.Open(t.TempDir())
	document := state(t, 1, first)
	if _, err := accept(t, ledger, document, nil, "2029-01-01"); !errors.Is(err, trust.ErrUnknownKey) {
		t.Errorf("nobody is trusted, error is %v", err)
	}
	if _, err := accept(t, ledger, document, trust.Keyring{publicKey(t, "encrypted.pub")}, "2029-01-01"); !errors.Is(err, trust.ErrUnknownKey) {
		t.Errorf("another key is trusted, error is %v", err)
	}
	if latest, err := ledger.Latest("https://zoo.example.org"); latest != nil || err != nil {
		t.Errorf("remembers %v, %v", latest, err)
	}
}

// TestLedgerAcceptsAtTheSameTime accepts rising versions from many goroutines; the highest must stay.
func TestLedgerAcceptsAtTheSameTime(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	ring := trust.Keyring{publicKey(t, "open.pub")}
	failed := make(chan error)
	const states = 20
	for n := range states {
		document := state(t, int64(n+1), first)
		go func() {
			_, err := accept(t, trust.Open(folder), document, ring, "2029-01-01")
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
	latest, err := trust.Open(folder).Latest("https://zoo.example.org")
	if err != nil || latest.Version != states {
		t.Error(fmt.Errorf("remembers version %d, want %d, error %w", latest.Version, states, err))
	}
}

func versionOf(accepted trust.AcceptedIndex) int64 {
	if accepted.IndexDocument == nil {
		return 0
	}
	return accepted.Version
}
