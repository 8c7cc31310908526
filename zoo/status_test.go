package zoo_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store"
)

var wrongLabels = manifest.Status{State: manifest.Withdrawn, Reason: "the labels are in the wrong order"}

// digitsAt is a version of the entry that publisher.publication makes.
func digitsAt(version string) manifest.Reference {
	return manifest.Reference{Name: "digits_p16_64", Version: version}
}

func setStatus(t testing.TB, at place.Destination, change zoo.StatusChange) *zoo.StatusResult {
	t.Helper()
	result, err := open(t, folders(t)).SetStatus(t.Context(), at, change)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// statusesOf returns the notices about statuses, as text.
func statusesOf(notices []error) []string {
	var texts []string
	for _, notice := range notices {
		if status := (*zoo.StatusNotice)(nil); errors.As(notice, &status) {
			texts = append(texts, status.Error())
		}
	}
	return texts
}

// TestSetStatus_Withdrawn withdraws the latest version: a folder, its address, a mirror and a bundle then leave it out, unless it is named.
func TestSetStatus_Withdrawn(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	origin, path := folderPlace(t)
	publish(t, origin, p.publication("1.0.0"))
	publish(t, origin, p.publication("1.1.0"))
	change := zoo.StatusChange{Entries: []manifest.Reference{digitsAt("1.1.0")}, Status: &wrongLabels, Key: p.key}

	before := listing(t, path)
	dry := change
	dry.DryRun = true
	if planned := setStatus(t, origin, dry); len(planned.Changed) != 1 {
		t.Errorf("planned: %v", planned)
	}
	if diff := cmp.Diff(before, listing(t, path)); diff != "" {
		t.Errorf("a dry run changed the place: %s", diff)
	}
	if result := setStatus(t, origin, change); result.Index.Version != 3 || len(result.Changed) != 1 {
		t.Errorf("changed %v, index version %d", result.Changed, result.Index.Version)
	}
	if result := setStatus(t, origin, change); result.Index.Version != 3 || len(result.Changed) != 0 {
		t.Errorf("the second time: changed %v, index version %d", result.Changed, result.Index.Version)
	}

	mirror, _ := folderPlace(t)
	z := open(t, reader(t, p, origin))
	if _, err := z.Mirror(t.Context(), origin, mirror, zoo.MirrorOptions{}); err != nil {
		t.Fatal(err)
	}
	pack := openBundle(t, bundle(t, z, resolve(t, z, "digits_p16_64@1.0.0"), resolve(t, z, "digits_p16_64@1.1.0")))
	for _, from := range []place.Place{origin, tree(t, path), mirror, pack} {
		z := open(t, reader(t, p, from))
		latest := resolve(t, z, "digits_p16_64")
		skipped := []string{"digits_p16_64@1.0.0 is taken, because digits_p16_64@1.1.0 is withdrawn: the labels are in the wrong order"}
		if diff := cmp.Diff(skipped, statusesOf(latest.Notices)); diff != "" || latest.Version != "1.0.0" || latest.Status != nil {
			t.Errorf("%s: the latest is %s, status %v; notices %s", from, latest.Version, latest.Status, diff)
		}
		named := resolve(t, z, "digits_p16_64@1.1.0")
		said := []string{"digits_p16_64@1.1.0 is withdrawn: the labels are in the wrong order"}
		if diff := cmp.Diff(said, statusesOf(named.Notices)); diff != "" || !named.Status.IsWithdrawn() {
			t.Errorf("%s: status %v; notices %s", from, named.Status, diff)
		}
		pull(t, z, named, zoo.PullOptions{})
	}

	undo := zoo.StatusChange{Entries: change.Entries, Undo: manifest.Withdrawn, Key: p.key}
	if result := setStatus(t, origin, undo); result.Index.Version != 4 {
		t.Errorf("undone in index version %d", result.Index.Version)
	}
	if found := resolve(t, z, "digits_p16_64"); found.Version != "1.1.0" || len(statusesOf(found.Notices)) != 0 {
		t.Errorf("after it was undone the latest is %s, notices %v", found.Version, found.Notices)
	}
}

// TestSetStatus_Rollback serves a reader, who knows of the withdrawal, the index from before it.
func TestSetStatus_Rollback(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	target, path := folderPlace(t)
	publish(t, target, p.publication("1.0.0"))
	save(t, path, ".before")
	setStatus(t, target, zoo.StatusChange{Entries: []manifest.Reference{digitsAt("1.0.0")}, Status: &wrongLabels, Key: p.key})
	served := tree(t, path)
	z := open(t, reader(t, p, served))
	var withdrawn *manifest.WithdrawnError
	if _, err := z.Resolve(t.Context(), "digits_p16_64"); !errors.As(err, &withdrawn) {
		t.Errorf("all versions are withdrawn: error is %v", err)
	}
	restore(t, path, ".before")
	if _, err := z.Resolve(t.Context(), "digits_p16_64"); !errors.Is(err, manifest.ErrRollback) {
		t.Errorf("an index from before the withdrawal: error is %v", err)
	}
}

// TestList_WithdrawnElsewhere has a mirror that does not know yet that its only entry is withdrawn.
func TestList_WithdrawnElsewhere(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	origin, _ := folderPlace(t)
	mirror, _ := folderPlace(t)
	publish(t, origin, p.publication("1.0.0"))
	if _, err := open(t, reader(t, p, origin)).Mirror(t.Context(), origin, mirror, zoo.MirrorOptions{}); err != nil {
		t.Fatal(err)
	}
	setStatus(t, origin, zoo.StatusChange{Entries: []manifest.Reference{digitsAt("1.0.0")}, Status: &wrongLabels, Key: p.key})
	for _, order := range [][]place.Place{{origin, mirror}, {mirror, origin}} {
		z := open(t, reader(t, p, order...))
		all, _, err := z.List(t.Context())
		if err != nil || len(all) != 2 || !all[0].Status.IsWithdrawn() || !all[1].Status.IsWithdrawn() {
			t.Errorf("listed %v, error %v", all, err)
		}
		var withdrawn *manifest.WithdrawnError
		if _, err := z.Resolve(t.Context(), "digits_p16_64"); !errors.As(err, &withdrawn) {
			t.Errorf("error is %v", err)
		}
	}
}

func TestSetStatus_Refuses(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	empty, _ := folderPlace(t)
	target, path := folderPlace(t)
	publish(t, target, p.publication("1.0.0"))
	before := listing(t, path)
	for name, test := range map[string]struct {
		at     place.Destination
		change zoo.StatusChange
		want   string
	}{
		"nothing published": {empty, zoo.StatusChange{Entries: []manifest.Reference{digitsAt("1.0.0")}, Status: &wrongLabels, Key: p.key}, "nothing is published there"},
		"another key": {
			target, zoo.StatusChange{Entries: []manifest.Reference{digitsAt("1.0.0")}, Status: &wrongLabels, Key: newPublisher(t).key}, "is not one of its keys",
		},
		"one of two is unknown": {
			target, zoo.StatusChange{Entries: []manifest.Reference{digitsAt("1.0.0"), digitsAt("9.9.9")}, Status: &wrongLabels, Key: p.key}, `no "digits_p16_64@9.9.9"`,
		},
	} {
		if _, err := open(t, folders(t)).SetStatus(t.Context(), test.at, test.change); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	if diff := cmp.Diff(before, listing(t, path)); diff != "" {
		t.Errorf("the place was changed: %s", diff)
	}
}

// names returns the names of files, without digests.
func names(files []place.File) []string {
	all := make([]string, 0, len(files))
	for _, file := range files {
		all = append(all, file.Name)
	}
	return all
}

// TestDryRuns plans a publication, a mirror and a bundle, compares the plan with what is then done, and looks for anything that was written.
func TestDryRuns(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	target, path := folderPlace(t)
	publication := p.publication("1.0.0")
	publication.DryRun = true
	planned := publish(t, target, publication)
	if len(listing0(t, path)) != 0 {
		t.Errorf("a dry run of publish wrote %v", listing0(t, path))
	}
	if got := names(planned.Missing); len(got) != 4 || got[0] != "model.safetensors" || got[1] != "manifest.yaml" || got[2] != "manifest.yaml.minisig" {
		t.Errorf("planned %v", got)
	}
	published := publish(t, target, p.publication("1.0.0"))
	for _, file := range planned.Missing {
		stored := read(t, fmt.Sprintf("%s/blobs/sha256/%s", path, file.Digest.Encoded()))
		if int64(len(stored)) != file.Size {
			t.Errorf("%s has %d bytes, planned were %d", file.Name, len(stored), file.Size)
		}
	}
	planned.Missing = nil
	if diff := cmp.Diff(planned, published); diff != "" {
		t.Errorf("planned and published: %s", diff)
	}
	next := p.publication("1.1.0")
	next.DryRun = true
	if got := names(publish(t, target, next).Missing); slices.Contains(got, "model.safetensors") || len(got) != 2 {
		t.Errorf("the same weights again: would upload %v", got)
	}

	z := open(t, reader(t, p, target))
	mirror, mirrorPath := folderPlace(t)
	mirrored, err := z.Mirror(t.Context(), target, mirror, zoo.MirrorOptions{DryRun: true})
	if err != nil || len(mirrored.Missing) != 4 || len(listing0(t, mirrorPath)) != 0 {
		t.Errorf("a dry run of mirror: %v, error %v; wrote %v", mirrored, err, listing0(t, mirrorPath))
	}
	if _, err := z.Mirror(t.Context(), target, mirror, zoo.MirrorOptions{}); err != nil {
		t.Fatal(err)
	}
	if mirrored, err = z.Mirror(t.Context(), target, mirror, zoo.MirrorOptions{DryRun: true}); err != nil || len(mirrored.Missing) != 0 {
		t.Errorf("a dry run after the mirror is complete: %v, error %v", mirrored, err)
	}
	files, err := z.PlanBundle(t.Context(), []*zoo.Match{resolve(t, z, "digits_p16_64")}, zoo.PullOptions{})
	if err != nil || len(files) != 4 {
		t.Errorf("a dry run of bundle: %v, error %v", files, err)
	}
	lost := files[0]
	remove(t, path, "blobs/sha256/"+lost.Digest.Encoded())
	other, _ := folderPlace(t)
	if _, err := z.Mirror(t.Context(), target, other, zoo.MirrorOptions{DryRun: true}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the origin lacks %s: error is %v", lost.Name, err)
	}
}

// TestPlanBundle_Upstream asks the server of an upstream checkpoint for its size, and fetches nothing.
func TestPlanBundle_Upstream(t *testing.T) {
	t.Parallel()
	from := serve(t, map[string][]byte{"digits.pdparams": shipped(t, "digits_p16_64.pdparams")})
	options := folders(t)
	z := open(t, options)
	files, err := z.PlanBundle(t.Context(), []*zoo.Match{upstream(t, from.URL+"/digits.pdparams")}, zoo.PullOptions{})
	if err != nil || len(files) != 1 || files[0].Size != 504172 || files[0].Name != from.URL+"/digits.pdparams" {
		t.Errorf("would hold %v, error %v", files, err)
	}
	if n := blobs(t, options); n != 0 {
		t.Errorf("%d files were fetched", n)
	}
	if files, err = z.PlanBundle(t.Context(), []*zoo.Match{resolve(t, z, "digits_p16_64")}, zoo.PullOptions{}); err != nil || len(files) != 1 || files[0].Size != 504172 {
		t.Errorf("of weights that are in the program: %v, error %v", files, err)
	}
}

// TestRegistry_StatusAndDryRun does the same in a registry of another project.
func TestRegistry_StatusAndDryRun(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	target := repository(t, startRegistry(t))
	publication := p.publication("1.0.0")
	publication.DryRun = true
	planned := publish(t, target, publication)
	if _, _, err := target.Index(t.Context()); !errors.Is(err, store.ErrNotFound) || len(planned.Missing) != 4 {
		t.Errorf("after a dry run the index is there: %v; planned %v", err, names(planned.Missing))
	}
	publish(t, target, p.publication("1.0.0"))
	publish(t, target, p.publication("1.1.0"))
	setStatus(t, target, zoo.StatusChange{Entries: []manifest.Reference{digitsAt("1.1.0")}, Status: &wrongLabels, Key: p.key})
	if found := resolve(t, open(t, reader(t, p, target)), "digits_p16_64"); found.Version != "1.0.0" {
		t.Errorf("the latest is %s", found.Version)
	}
	next := p.publication("1.2.0")
	next.DryRun = true
	if got := names(publish(t, target, next).Missing); len(got) != 2 || slices.Contains(got, "model.safetensors") {
		t.Errorf("the same weights again: would upload %v", got)
	}
}
