package manifest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/zoo/manifest"
)

// keysIndex returns an index with n changes of its list of keys, all well formed and signed by one key, and that key.
func keysIndex(t testing.TB, n int) (*manifest.Index, string) {
	t.Helper()
	public, secret, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	index := &manifest.Index{Version: 3, Expires: "2030-01-01T00:00:00Z", Entries: []manifest.Entry{first}}
	for i := range n {
		change := manifest.KeyChange{Version: int64(i) + 1, Date: "2029-01-01", Expires: "2030-01-01T00:00:00Z"}
		if i == 0 {
			change.Add = []manifest.NewKey{{Key: public.String(), Role: manifest.Root, Name: "Ada"}}
		} else {
			change.Previous = index.Keys[i-1].Digest()
		}
		change.Signatures = []string{string(minisign.SignWithComments(secret, change.Statement(), "a", "b"))}
		index.Keys = append(index.Keys, change)
	}
	return index, public.String()
}

func TestParseIndex_Keys(t *testing.T) {
	t.Parallel()
	index, key := keysIndex(t, 2)
	index.Keys[1].Remove = []manifest.RemovedKey{{Key: key, State: manifest.Retired, Reason: "has another job"}}
	index.Entries[0].Resigned = index.Keys[0].Signatures[0]
	document := again(t, index)
	if diff := cmp.Diff(*index, document.Index); diff != "" {
		t.Error(diff)
	}
	if document.Format != manifest.IndexFormat {
		t.Errorf("the format is %s", document.Format)
	}
	if expiry, found := document.KeysExpiry(); !found || expiry.Year() != 2030 {
		t.Errorf("the list expires %v", expiry)
	}
	text := string(document.Raw)
	long := strings.Repeat("x", manifest.MaxKeyText+1)
	for name, test := range map[string]struct{ old, new, want string }{
		"first format":        {"index.v2", "index.v1", "keys: an index of the format"},
		"version":             {"- version: 2", "- version: 3", "keys[1].version: must be 2"},
		"no version":          {"- version: 1", "- version: 0", "keys[0].version: must be 1"},
		"previous":            {"previous: sha256:", "previous: sha256:0", "keys[1].previous: is not the digest"},
		"statement changed":   {"name: Ada", "name: Eve", "keys[1].previous: is not the digest"},
		"date":                {`2029-01-01`, `2029-13-01`, "keys[0].date"},
		"role":                {"role: root", "role: rood", "did you mean root?"},
		"state":               {"state: retired", "state: active", "keys[1].remove[0].state"},
		"key":                 {"key: " + key, "key: " + key[1:], "is not a minisign public key"},
		"key with a comment":  {"key: " + key, "key: |\n          untrusted comment: x\n          " + key, "is not a minisign public key"},
		"long name":           {"name: Ada", "name: " + long, "has 201 bytes"},
		"name of two lines":   {"name: Ada", "name: |\n          Ada\n          add", "must be one line"},
		"escapes":             {"name: Ada", `name: "A\e[31m"`, "must be one line"},
		"long reason":         {"has another job", long, "has 201 bytes"},
		"unknown field":       {"role: root", "role: root\n        power: 1", "unknown field"},
		"not a signature":     {"trusted comment: a", "comment: a", "keys[0].signatures[0]: is not a minisign signature"},
		"signature is gone":   {"signatures:", "signatures: []\n    others:", "unknown field"},
		"resigned is no such": {"resigned: |", "resigned: |\n      evil", "entries[0].resigned: is not a minisign signature"},
	} {
		changed := replace(text, test.old, test.new)
		_, err := manifest.ParseIndex("index", []byte(changed))
		var typed *manifest.Error
		if changed == text || !errors.As(err, &typed) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error is %v, want %q", name, err, test.want)
		}
	}
}

// TestParseIndex_ManyKeys reads the longest list, and refuses longer ones, in a time that nobody notices.
func TestParseIndex_ManyKeys(t *testing.T) {
	t.Parallel()
	refused := func(name string, index *manifest.Index, want string) {
		t.Helper()
		raw, err := index.Encode()
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err = manifest.ParseIndex("index", raw)
		if err == nil && want == "" {
			return
		}
		if err == nil || want == "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%s (%d bytes): error is %.400v, want %q", name, len(raw), err, want)
		}
		if spent := time.Since(start); spent > 20*time.Second {
			t.Errorf("%s took %s", name, spent)
		}
	}
	longest, _ := keysIndex(t, manifest.MaxKeyChanges)
	refused("the longest", longest, "")
	longer, key := keysIndex(t, manifest.MaxKeyChanges+1)
	refused("one more", longer, "at most 500 are read")
	endless, _ := keysIndex(t, 5000)
	refused("much more", endless, "are read")

	crowd, _ := keysIndex(t, 1)
	for range manifest.MaxChangedKeys {
		crowd.Keys[0].Add = append(crowd.Keys[0].Add, manifest.NewKey{Key: key, Role: manifest.Root})
	}
	refused("many in one change", crowd, "adds and removes 33 keys")
	seals, _ := keysIndex(t, 1)
	for range 4 {
		seals.Keys[0].Signatures = append(seals.Keys[0].Signatures, seals.Keys[0].Signatures[0])
	}
	refused("many signatures", seals, "keys[0].signatures: must be 1 to 4")
	unsigned, _ := keysIndex(t, 1)
	unsigned.Keys[0].Signatures = []string{}
	refused("no signature", unsigned, "keys[0].signatures: must be 1 to 4")
	fat, _ := keysIndex(t, 1)
	fat.Keys[0].Signatures[0] += strings.Repeat("A", manifest.MaxSignature)
	refused("a large signature", fat, "at most 4096 are read")
}

// TestCheckSuccessor_Keys compares lists of keys alone: package trust has the table of attacks.
func TestCheckSuccessor_Keys(t *testing.T) {
	t.Parallel()
	index, _ := keysIndex(t, 3)
	before := again(t, index)
	for name, test := range map[string]struct {
		change func(*manifest.Index)
		want   error
	}{
		"kept":              {func(*manifest.Index) {}, nil},
		"later signature":   {func(i *manifest.Index) { i.Entries[0].Resigned = i.Keys[0].Signatures[0] }, nil},
		"shorter":           {func(i *manifest.Index) { i.Keys = i.Keys[:2] }, manifest.ErrRollback},
		"gone":              {func(i *manifest.Index) { i.Keys = nil }, manifest.ErrRollback},
		"the last is other": {func(i *manifest.Index) { i.Keys[2].Date = "2029-01-02" }, manifest.ErrRewritten},
	} {
		changed := before.Index
		changed.Version++
		changed.Keys = append([]manifest.KeyChange(nil), before.Keys...)
		changed.Entries = append([]manifest.Entry(nil), before.Entries...)
		test.change(&changed)
		if err := manifest.CheckSuccessor("the place", before, again(t, &changed)); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	fresh, err := time.Parse(time.DateOnly, "2030-01-02")
	if err != nil {
		t.Fatal(err)
	}
	index.Expires = "2031-01-01T00:00:00Z"
	if err := index.CheckFresh("the place", fresh); !errors.Is(err, manifest.ErrFreeze) || !strings.Contains(fmt.Sprint(err), "list of keys expired") {
		t.Errorf("an old list in a fresh index: %v", err)
	}
}
