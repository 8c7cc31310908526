package manifest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

func reference(t testing.TB, text string) manifest.Reference {
	t.Helper()
	parsed, err := manifest.ParseReference(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

var wrong = manifest.Status{State: manifest.Withdrawn, Reason: "the labels are in the wrong order"}

func withdraw(t testing.TB, index *manifest.Index, references ...string) {
	t.Helper()
	for _, text := range references {
		status := wrong
		if changed, err := index.SetStatus(reference(t, text), &status); err != nil || !changed {
			t.Fatalf("withdrawing %s: changed %v, error %v", text, changed, err)
		}
	}
}

// again encodes an index and parses it.
func again(t testing.TB, index *manifest.Index) *manifest.IndexDocument {
	t.Helper()
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

// TestIndexFind_LeavesOutWithdrawn wants what `go get module@latest` takes when these versions are retracted: the highest release that is left, or the
// highest pre-release if no release is left (https://go.dev/ref/mod#version-queries).
func TestIndexFind_LeavesOutWithdrawn(t *testing.T) {
	t.Parallel()
	for want, withdrawn := range map[string][]string{
		"1.2.0":      {"2.0.0-rc.1"},
		"1.1.0":      {"1.2.0"},
		"1.0.0":      {"1.2.0", "1.1.0"},
		"2.0.0-rc.1": {"1.0.0", "1.1.0", "1.2.0"},
	} {
		index := state(t, 1, entry("a", "1.0.0", "1"), entry("a", "1.1.0", "2"), entry("a", "1.2.0", "3"), entry("a", "2.0.0-rc.1", "4")).Index
		for _, version := range withdrawn {
			withdraw(t, &index, "a@"+version)
		}
		if got, err := again(t, &index).Find(reference(t, "a")); err != nil || got.Version != want {
			t.Errorf("withdrawn %v: a is %s, %v; want %s", withdrawn, got.Version, err, want)
		}
	}
}

func TestIndexFind_Withdrawn(t *testing.T) {
	t.Parallel()
	index := state(t, 1, first, second).Index
	withdraw(t, &index, "a@1.0.0", "a@1.10.0")
	document := again(t, &index)
	got, err := document.Find(reference(t, "a@1.10.0"))
	if err != nil || got.Status == nil || *got.Status != wrong {
		t.Errorf("by its version: %v, error %v", got.Status, err)
	}
	_, err = document.Find(reference(t, "a"))
	var all *manifest.WithdrawnError
	if !errors.As(err, &all) || !strings.Contains(err.Error(), "a@1.10.0, is withdrawn: the labels") || !strings.HasSuffix(all.Hint(), ": a@1.0.0, a@1.10.0") {
		t.Errorf("error is %v, hint %q", err, errdef.Hint(err))
	}
}

func TestSetStatus(t *testing.T) {
	t.Parallel()
	index := state(t, 1, first, second, other).Index
	withdraw(t, &index, "a@1.10.0")
	for name, test := range map[string]struct {
		reference string
		status    manifest.Status
		want      string
	}{
		"unknown":               {"c@1.0.0", wrong, `the zoo has no "c@1.0.0"`},
		"unknown version":       {"a@1.1.0", wrong, `the zoo has no "a@1.1.0"`},
		"no version":            {"a", wrong, "a needs a version"},
		"no reason":             {"a@1.0.0", manifest.Status{State: manifest.Withdrawn}, "a reason must be given"},
		"long reason":           {"a@1.0.0", manifest.Status{State: manifest.Withdrawn, Reason: strings.Repeat("x", 501)}, "has 501 bytes"},
		"two lines":             {"a@1.0.0", manifest.Status{State: manifest.Withdrawn, Reason: "x\ny"}, "more than one line"},
		"escapes":               {"a@1.0.0", manifest.Status{State: manifest.Withdrawn, Reason: "x\x1b[31m"}, "U+001B is not allowed"},
		"back by deprecation":   {"a@1.10.0", manifest.Status{State: manifest.Deprecated, Reason: "old"}, "is withdrawn: the labels"},
		"successor unknown":     {"a@1.0.0", manifest.Status{State: manifest.Deprecated, Reason: "old", Successor: "d"}, `successor of a@1.0.0: the zoo has no "d"`},
		"successor itself":      {"a@1.0.0", manifest.Status{State: manifest.Deprecated, Reason: "old", Successor: "a@1.0.0"}, "the same entry"},
		"successor withdrawn":   {"a@1.0.0", manifest.Status{State: manifest.Deprecated, Reason: "old", Successor: "a@1.10.0"}, "that is withdrawn"},
		"successor not a name":  {"a@1.0.0", manifest.Status{State: manifest.Deprecated, Reason: "old", Successor: "A B"}, "not a valid name"},
		"successor by the name": {"a@1.0.0", manifest.Status{State: manifest.Deprecated, Reason: "old", Successor: "a"}, "the same entry"}, // the other one is withdrawn
	} {
		before := again(t, &index)
		changed, err := index.SetStatus(reference(t, test.reference), &test.status)
		if changed || err == nil || !strings.Contains(err.Error(), test.want) || !errors.Is(err, errdef.ErrUsage) {
			t.Errorf("%s: changed %v, error %v, want %q", name, changed, err, test.want)
		}
		if diff := cmp.Diff(before.Index, index); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if changed, err := index.SetStatus(reference(t, "a@1.10.0"), &manifest.Status{State: wrong.State, Reason: wrong.Reason}); changed || err != nil {
		t.Errorf("the same again: changed %v, error %v", changed, err)
	}
	if _, err := index.ClearStatus(reference(t, "a@1.10.0"), manifest.Deprecated); err == nil || !strings.Contains(err.Error(), "is not deprecated: it is withdrawn") {
		t.Errorf("clearing another state: %v", err)
	}
	if changed, err := index.ClearStatus(reference(t, "a@1.10.0"), manifest.Withdrawn); !changed || err != nil {
		t.Errorf("clearing: changed %v, error %v", changed, err)
	}
	if diff := cmp.Diff(state(t, 1, first, second, other).Index, again(t, &index).Index); diff != "" {
		t.Errorf("after it was cleared: %s", diff)
	}
}

// TestIndexFormat wants the first format for what programs that know only that can read, and an index of a later format refused for that alone.
func TestIndexFormat(t *testing.T) {
	t.Parallel()
	index := state(t, 1, first).Index
	if got := again(t, &index).Format; got != "beitzoo.index.v1" {
		t.Errorf("without a status: %s", got)
	}
	withdraw(t, &index, "a@1.0.0")
	document := again(t, &index)
	if document.Format != "beitzoo.index.v2" {
		t.Errorf("with a status: %s", document.Format)
	}
	for name, test := range map[string]struct{ old, new, want string }{
		"status in the first format": {"index.v2", "index.v1", "entries[0].status: an index of the format"},
		"later format":               {"index.v2\n", "index.v3\nwonders: 1\n", "which a later version of this program reads"},
		"state":                      {"state: withdrawn", "state: withdrown", `did you mean withdrawn?`},
		"no reason":                  {"reason: the labels are in the wrong order", `reason: ""`, "status.reason"},
		"successor":                  {"reason:", "successor: a/b\n      reason:", "a path is not allowed"},
	} {
		changed := replace(string(document.Raw), test.old, test.new)
		_, err := manifest.ParseIndex("index", []byte(changed))
		if changed == string(document.Raw) || err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "wonders") {
			t.Errorf("%s: error is %v, want %q", name, err, test.want)
		}
	}
}

// TestCheckSuccessor_Status lets a publisher say something about an entry and take it back, and change nothing else.
func TestCheckSuccessor_Status(t *testing.T) {
	t.Parallel()
	before := state(t, 1, first, second)
	withdrawn := before.Index
	withdrawn.Entries = append([]manifest.Entry(nil), before.Entries...)
	withdrawn.Version = 2
	withdraw(t, &withdrawn, "a@1.0.0")
	after := again(t, &withdrawn)
	if err := manifest.CheckSuccessor("the place", before, after); err != nil {
		t.Error(err)
	}
	if err := manifest.CheckSuccessor("the place", after, state(t, 3, first, second)); err != nil {
		t.Error(err)
	}
	if err := manifest.CheckSuccessor("the place", after, before); !errors.Is(err, manifest.ErrRollback) {
		t.Errorf("an index from before the withdrawal: %v", err)
	}
	for name, change := range map[string]func(*manifest.Entry){
		"title":     func(e *manifest.Entry) { e.Title = "Another title" },
		"size":      func(e *manifest.Entry) { e.Size++ },
		"signature": func(e *manifest.Entry) { e.Signature = second.Signature },
		"manifest":  func(e *manifest.Entry) { e.Digest = second.Digest },
		"version":   func(e *manifest.Entry) { e.Version = "1.0.1" },
	} {
		changed := state(t, 3, first, second)
		change(&changed.Entries[0])
		if err := manifest.CheckSuccessor("the place", after, changed); !errors.Is(err, manifest.ErrRewritten) {
			t.Errorf("another %s: %v", name, err)
		}
	}
}
