package zoo_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

func (p publisher) as(role manifest.Role) []manifest.NewKey {
	return []manifest.NewKey{{Key: p.ring[0].String(), Role: role}}
}

func (p publisher) becomes(state manifest.KeyState) []manifest.RemovedKey {
	return []manifest.RemovedKey{{Key: p.ring[0].String(), State: state, Reason: "a test"}}
}

// quick is publication without recordings, which take time.
func (p publisher) quick(version string) zoo.Publication {
	publication := p.publication(version)
	publication.Recordings = nil
	return publication
}

func changeKeys(t testing.TB, at place.Destination, change zoo.KeysChange) *zoo.KeysResult {
	t.Helper()
	changed, err := open(t, folders(t)).ChangeKeys(t.Context(), at, change)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

// rotate puts the key of next in the place of that of old.
func rotate(t testing.TB, at place.Destination, old, next publisher, state manifest.KeyState) *zoo.KeysResult {
	t.Helper()
	change := zoo.KeysChange{Key: old.key, Add: next.as(manifest.Root), Remove: old.becomes(state), Successor: &next.key}
	if state == manifest.Retired {
		change.Resign = old.ring
	}
	return changeKeys(t, at, change)
}

// pulls fails the test unless a reader can pull the references from a place.
func pulls(t testing.TB, options zoo.Options, references ...string) {
	t.Helper()
	z := open(t, options)
	for _, reference := range references {
		pull(t, z, resolve(t, z, reference), zoo.PullOptions{SkipCheck: true})
	}
}

// TestTwoKeys publishes with two keys in either order. The second one is refused until the first has added it, and nothing is written before that.
// Then everything works that a zoo is for.
func TestTwoKeys(t *testing.T) {
	t.Parallel()
	a, b := newPublisher(t), newPublisher(t)
	for name, order := range map[string][2]publisher{"a, then b": {a, b}, "b, then a": {b, a}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := order[0], order[1]
			target, path := folderPlace(t)
			publish(t, target, first.quick("1.0.0"))
			before := listing(t, path)
			withTrust := folders(t)
			withTrust.Keys = first.ring
			for what, err := range map[string]error{
				"publish": errorOf(open(t, withTrust).Publish(t.Context(), target, second.quick("1.2.0"))),
				"renew":   errorOf(open(t, withTrust).Renew(t.Context(), target, zoo.Renewal{Key: second.key})),
				"key add": errorOf(open(t, withTrust).ChangeKeys(t.Context(), target, zoo.KeysChange{Key: second.key, Add: second.as(manifest.Root)})),
			} {
				var refused *zoo.SignerError
				if !errors.As(err, &refused) || !strings.Contains(refused.Hint(), second.ring[0].String()) {
					t.Errorf("%s with a key that the place does not have: %v", what, err)
				}
			}
			if diff := cmp.Diff(before, listing(t, path)); diff != "" {
				t.Fatalf("something was written: %s", diff)
			}
			changeKeys(t, target, zoo.KeysChange{Key: first.key, Add: second.as(manifest.Publisher)})
			if _, err := open(t, withTrust).Publish(t.Context(), target, second.quick("1.2.0")); err != nil {
				t.Fatal(err)
			}
			publish(t, target, first.quick("1.3.0"))

			all := []string{"digits_p16_64@1.0.0", "digits_p16_64@1.2.0", "digits_p16_64@1.3.0", "digits_p16_64"}
			pulls(t, reader(t, first, target), all...)
			pulls(t, reader(t, first, tree(t, path)), all...)
			mirror, _ := folderPlace(t)
			if mirrored, err := open(t, reader(t, first)).Mirror(t.Context(), target, mirror, zoo.MirrorOptions{}); err != nil || len(mirrored.Entries) != 3 || len(mirrored.Refused) != 0 {
				t.Errorf("mirrored %v, error %v", mirrored, err)
			}
			pulls(t, reader(t, first, mirror), all...)
			z := open(t, reader(t, first, target))
			pack := openBundle(t, bundle(t, z, resolve(t, z, all[0]), resolve(t, z, all[1])))
			pulls(t, reader(t, first, pack), all[:2]...)
			_, err := open(t, folders(t)).ChangeKeys(t.Context(), target, zoo.KeysChange{Key: second.key, Add: newPublisher(t).as(manifest.Root)})
			if !errors.Is(err, zoo.ErrNotRoot) && !errors.Is(err, trust.ErrUnknownKey) {
				t.Errorf("a publisher changes the list: %v", err)
			}
		})
	}
}

func errorOf[T any](_ T, err error) error { return err }

// TestPublisherMustKnowTheRoot lets somebody whose key a stranger's place names publish there: it is not believed that the place is the right one.
func TestPublisherMustKnowTheRoot(t *testing.T) {
	t.Parallel()
	root, second := newPublisher(t), newPublisher(t)
	target, _ := folderPlace(t)
	publish(t, target, root.quick("1.0.0"))
	changeKeys(t, target, zoo.KeysChange{Key: root.key, Add: second.as(manifest.Publisher)})
	if _, err := open(t, folders(t)).Publish(t.Context(), target, second.quick("1.2.0")); !errors.Is(err, trust.ErrUnknownKey) {
		t.Errorf("without the root's key: %v", err)
	}
	options := folders(t)
	options.Keys = root.ring
	z := open(t, options)
	if _, err := z.Publish(t.Context(), target, second.quick("1.2.0")); err != nil {
		t.Fatal(err)
	}
	if _, err := z.ChangeKeys(t.Context(), target, zoo.KeysChange{Key: second.key, Add: newPublisher(t).as(manifest.Root)}); !errors.Is(err, zoo.ErrNotRoot) {
		t.Errorf("a publisher changes the list: %v", err)
	}
	pulls(t, reader(t, second, target), "digits_p16_64@1.0.0") // the second signed the index, and so the list
}

// TestRotation replaces the only key. Readers who knew the old one follow, new readers need only the new one, and the old one is of no use.
func TestRotation(t *testing.T) {
	t.Parallel()
	old, next := newPublisher(t), newPublisher(t)
	target, path := folderPlace(t)
	publish(t, target, old.quick("1.0.0"))
	save(t, path, "before")
	known := reader(t, old, tree(t, path))
	pulls(t, known, "digits_p16_64")

	changed := rotate(t, target, old, next, manifest.Retired)
	if len(changed.Refused) != 0 || len(changed.Keys.Keys) != 2 || changed.Keys.Keys[0].State != manifest.Retired {
		t.Errorf("after the rotation: %+v", changed)
	}
	publish(t, target, next.quick("1.1.0"))
	known.Keys = nil
	z := open(t, known)
	found := resolve(t, z, "digits_p16_64@1.0.0")
	var notice *zoo.ChangedKeysNotice
	if len(found.Notices) != 1 || !errors.As(found.Notices[0], &notice) || !strings.Contains(notice.Error(), "retired (a test)") {
		t.Errorf("notices are %v", found.Notices)
	}
	if found.SignedBy != trust.KeyID(next.ring[0].ID()) {
		t.Errorf("signed by %s", found.SignedBy)
	}
	if listed, _, err := z.List(t.Context()); err != nil || listed[0].Key != next.ring[0].String() {
		t.Errorf("new readers are told the key %s, error %v", listed[0].Key, err)
	}
	for _, who := range []publisher{old, next} {
		pulls(t, reader(t, who, target), "digits_p16_64@1.0.0", "digits_p16_64@1.1.0")
	}
	if signature := string(read(t, path+"/manifests/digits_p16_64@1.0.0.yaml.minisig")); !strings.Contains(signature, trust.KeyID(next.ring[0].ID())) {
		t.Errorf("beside the manifest is the signature %s", signature)
	}

	if _, err := open(t, folders(t)).Publish(t.Context(), target, old.quick("1.2.0")); !errors.Is(err, trust.ErrRetiredKey) {
		t.Errorf("publishing with the old key: %v", err)
	}
	restore(t, path, "before") // an index from before the rotation
	if _, err := open(t, known).Resolve(t.Context(), "digits_p16_64"); !errors.Is(err, manifest.ErrRollback) {
		t.Errorf("whoever saw the rotation: %v", err)
	}
	if _, err := open(t, reader(t, next, tree(t, path))).Resolve(t.Context(), "digits_p16_64"); !errors.Is(err, trust.ErrUnknownKey) {
		t.Errorf("whoever knows only the new key: %v", err)
	}
}

// TestRotation_Places carries a place whose manifests were signed again to other kinds of places, over mirrors that were made before.
func TestRotation_Places(t *testing.T) {
	t.Parallel()
	old, next := newPublisher(t), newPublisher(t)
	origin := repository(t, startRegistry(t))
	publish(t, origin, old.quick("1.0.0"))
	publish(t, origin, old.quick("1.1.0"))
	folder, path := folderPlace(t)
	partial := repository(t, startRegistry(t))
	some := zoo.MirrorOptions{Wanted: []manifest.Reference{{Name: "digits_p16_64", Version: "1.0.0"}}}
	mirror := func(from place.Place, to place.Destination, options zoo.MirrorOptions) {
		t.Helper()
		if _, err := open(t, reader(t, old)).Mirror(t.Context(), from, to, options); err != nil {
			t.Fatal(err)
		}
	}
	mirror(origin, folder, zoo.MirrorOptions{})
	rotate(t, origin, old, next, manifest.Retired)
	publish(t, origin, next.quick("1.2.0"))
	mirror(origin, folder, zoo.MirrorOptions{})
	mirror(folder, partial, some)
	mirror(folder, partial, zoo.MirrorOptions{}) // the rest
	z := open(t, reader(t, next, folder))
	pack := openBundle(t, bundle(t, z, resolve(t, z, "digits_p16_64@1.0.0")))
	for _, at := range []place.Place{origin, folder, tree(t, path), partial, pack} {
		pulls(t, reader(t, next, at), "digits_p16_64@1.0.0")
	}
	pulls(t, reader(t, next, partial), "digits_p16_64@1.1.0", "digits_p16_64@1.2.0")
}

// publishTogether publishes version 1.0.0 as root, adds another publisher to the keys, and publishes as that one.
func publishTogether(t *testing.T, target place.Destination, root, other publisher, publication zoo.Publication) {
	t.Helper()
	publish(t, target, root.quick("1.0.0"))
	changeKeys(t, target, zoo.KeysChange{Key: root.key, Add: other.as(manifest.Publisher)})
	withTrust := folders(t)
	withTrust.Keys = root.ring
	if _, err := open(t, withTrust).Publish(t.Context(), target, publication); err != nil {
		t.Fatal(err)
	}
}

// TestRevocation declares a publisher's key stolen. What it signed is refused until somebody signed it again.
func TestRevocation(t *testing.T) {
	t.Parallel()
	root, stolen := newPublisher(t), newPublisher(t)
	target, path := folderPlace(t)
	publishTogether(t, target, root, stolen, stolen.quick("1.1.0"))
	// The thief prepares another entry: signed, uploaded, and in an index.
	save(t, path, "before")
	change := zoo.KeysChange{Key: root.key, Remove: stolen.becomes(manifest.Revoked), DryRun: true}
	before := listing(t, path)
	planned := changeKeys(t, target, change)
	if diff := cmp.Diff(before, listing(t, path)); diff != "" {
		t.Errorf("a dry run has written something: %s", diff)
	}
	change.DryRun = false
	revoked := changeKeys(t, target, change)
	if diff := cmp.Diff(planned.Refused, revoked.Refused); diff != "" || planned.IndexVersion != revoked.IndexVersion {
		t.Errorf("planned index %d, made %d; %s", planned.IndexVersion, revoked.IndexVersion, diff)
	}
	want := []manifest.Reference{{Name: "digits_p16_64", Version: "1.1.0"}}
	if diff := cmp.Diff(want, revoked.Refused); diff != "" {
		t.Error(diff)
	}
	options := reader(t, root, target)
	pulls(t, options, "digits_p16_64@1.0.0")
	if _, err := open(t, options).Resolve(t.Context(), "digits_p16_64@1.1.0"); !errors.Is(err, trust.ErrRevokedKey) {
		t.Errorf("what the revoked key signed: %v", err)
	}
	all, _, err := open(t, options).List(t.Context())
	if err != nil || len(all) != 2 || all[0].Refused != nil || !errors.Is(all[1].Refused, trust.ErrRevokedKey) {
		t.Errorf("listed %+v, error %v", all, err)
	}
	if page := string(read(t, path+"/models/digits_p16_64/index.html")); strings.Contains(page, "1.1.0") || !strings.Contains(page, "1.0.0") {
		t.Error("the page of the place shows what nobody can pull")
	}
	mirror, _ := folderPlace(t)
	var noticed []error
	mirrored, err := open(t, reader(t, root)).Mirror(t.Context(), target, mirror, zoo.MirrorOptions{Notice: func(err error) { noticed = append(noticed, err) }})
	if err != nil || len(mirrored.Entries) != 1 || len(mirrored.Refused) != 1 || len(noticed) != 1 {
		t.Errorf("mirrored %+v, noticed %v, error %v", mirrored, noticed, err)
	}
	if _, err := open(t, folders(t)).Publish(t.Context(), target, stolen.quick("1.2.0")); !errors.Is(err, trust.ErrRevokedKey) {
		t.Errorf("publishing with the revoked key: %v", err)
	}
	// A publisher whom somebody deceived lists what the revoked key signed: the index is in order, the manifest is not.
	other := forge(t, root, target, func(e *manifest.Entry) {
		e.Resigned = string(trust.Sign(stolen.key, read(t, path+"/manifests/digits_p16_64@1.0.0.yaml"), "manifest"))
	})
	if _, err := open(t, reader(t, root, other)).Resolve(t.Context(), "digits_p16_64@1.0.0"); !errors.Is(err, trust.ErrRevokedKey) {
		t.Errorf("a later signature by the revoked key: %v", err)
	}

	if _, err := open(t, folders(t)).Renew(t.Context(), target, zoo.Renewal{Key: root.key, Resign: want}); err != nil {
		t.Fatal(err)
	}
	pulls(t, options, "digits_p16_64@1.0.0", "digits_p16_64@1.1.0")
	if _, err := open(t, reader(t, root)).Mirror(t.Context(), target, mirror, zoo.MirrorOptions{}); err != nil {
		t.Fatal(err)
	}
	pulls(t, reader(t, root, mirror), "digits_p16_64@1.1.0")
	restore(t, path, "before")
	if _, err := open(t, reader(t, stolen, tree(t, path))).Resolve(t.Context(), "digits_p16_64"); err != nil {
		t.Errorf("who knows only the stolen key cannot be helped, as docs/zoo.md says; but: %v", err)
	}
}

// TestRevocation_Pages: the page of a model that the revoked key alone has signed goes away.
func TestRevocation_Pages(t *testing.T) {
	t.Parallel()
	root, stolen := newPublisher(t), newPublisher(t)
	target, path := folderPlace(t)
	thief := stolen.quick("1.0.0")
	thief.Name = "thief"
	publishTogether(t, target, root, stolen, thief)
	page := path + "/models/thief/index.html"
	read(t, page)
	changeKeys(t, target, zoo.KeysChange{Key: root.key, Remove: stolen.becomes(manifest.Revoked)})
	if _, err := os.Stat(page); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the page of what nobody can pull is still there: %v", err)
	}
	if table := string(read(t, path+"/index.html")); strings.Contains(table, "thief") || !strings.Contains(table, "digits_p16_64") {
		t.Error("the table shows what nobody can pull, or not the rest")
	}
	if _, err := open(t, folders(t)).Renew(t.Context(), target, zoo.Renewal{Key: root.key, ResignAll: true}); err != nil {
		t.Fatal(err)
	}
	read(t, page) // somebody has looked at it, and signed it
}

// TestStolenRoot revokes the only key, which its owner and a thief both have, and gives the place to a new one.
func TestStolenRoot(t *testing.T) {
	t.Parallel()
	stolen, next := newPublisher(t), newPublisher(t)
	target, _ := folderPlace(t)
	publish(t, target, stolen.quick("1.0.0"))
	options := reader(t, stolen, target)
	pulls(t, options, "digits_p16_64")
	for name, change := range map[string]zoo.KeysChange{
		"no root left":          {Key: stolen.key, Remove: stolen.becomes(manifest.Revoked)},
		"the signer is revoked": {Key: stolen.key, Remove: stolen.becomes(manifest.Revoked), Add: next.as(manifest.Root)},
	} {
		var refused *trust.ChangeError
		if _, err := open(t, folders(t)).ChangeKeys(t.Context(), target, change); !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	changed := rotate(t, target, stolen, next, manifest.Revoked)
	if len(changed.Refused) != 1 {
		t.Errorf("refused are %v", changed.Refused)
	}
	if _, err := open(t, options).Resolve(t.Context(), "digits_p16_64"); !errors.Is(err, trust.ErrRevokedKey) {
		t.Errorf("before the manifest is signed again: %v", err)
	}
	if _, err := open(t, folders(t)).Renew(t.Context(), target, zoo.Renewal{Key: next.key, ResignAll: true}); err != nil {
		t.Fatal(err)
	}
	pulls(t, options, "digits_p16_64")
	if _, err := open(t, folders(t)).ChangeKeys(t.Context(), target, zoo.KeysChange{Key: stolen.key, Add: stolen.as(manifest.Root)}); !errors.Is(err, trust.ErrRevokedKey) {
		t.Errorf("the thief takes the place back: %v", err)
	}
}

// TestTwoMaintainers publish at the same time, each with a key of their own, and nothing is lost.
func TestTwoMaintainers(t *testing.T) {
	t.Parallel()
	root := newPublisher(t)
	all := []publisher{root, newPublisher(t), newPublisher(t)}
	for name, target := range map[string]func() place.Destination{
		"folder":   func() place.Destination { at, _ := folderPlace(t); return at },
		"registry": func() place.Destination { return repository(t, startRegistry(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			at := target()
			publish(t, at, root.quick("0.1.0"))
			changeKeys(t, at, zoo.KeysChange{Key: root.key, Add: append(all[1].as(manifest.Publisher), all[2].as(manifest.Root)...)})
			failed := make(chan error)
			for n, p := range all {
				options := folders(t)
				options.Keys = root.ring
				z := open(t, options)
				go func() {
					for try := range 2 {
						publication := p.quick(fmt.Sprintf("%d.0.0", try+1))
						publication.Name = fmt.Sprintf("of_%d", n)
						_, err := z.Publish(t.Context(), at, publication)
						var race *place.RaceError
						for errors.As(err, &race) {
							_, err = z.Publish(t.Context(), at, publication)
						}
						failed <- err
					}
				}()
			}
			for range 2 * len(all) {
				if err := <-failed; err != nil {
					t.Error(err)
				}
			}
			listed, _, err := open(t, reader(t, root, at)).List(t.Context())
			if err != nil || len(listed) != 7 {
				t.Errorf("%d entries are listed, error %v", len(listed), err)
			}
		})
	}
}

// TestKeyListExpires keeps a thief with a publisher's key from hiding its revocation for ever: publishers cannot renew the list of keys.
func TestKeyListExpires(t *testing.T) {
	t.Parallel()
	root, second := newPublisher(t), newPublisher(t)
	target, path := folderPlace(t)
	publish(t, target, root.quick("1.0.0"))
	changeKeys(t, target, zoo.KeysChange{Key: root.key, Add: second.as(manifest.Publisher)})
	at := func(p publisher, months int) *zoo.Zoo {
		options := reader(t, p, target)
		options.Keys, options.Now = root.ring, func() time.Time { return time.Now().AddDate(0, months, 0) }
		return open(t, options)
	}
	if _, err := at(second, 11).Renew(t.Context(), target, zoo.Renewal{Key: second.key}); err != nil {
		t.Fatal(err)
	}
	if _, err := at(second, 13).Resolve(t.Context(), "digits_p16_64"); !errors.Is(err, manifest.ErrFreeze) || !strings.Contains(err.Error(), "list of keys expired") {
		t.Errorf("the index is fresh, its list of keys is not: %v", err)
	}
	before := listing(t, path)
	if _, err := at(second, 13).Renew(t.Context(), target, zoo.Renewal{Key: second.key}); !errors.Is(err, manifest.ErrFreeze) {
		t.Errorf("a publisher renews: %v", err)
	}
	if _, err := at(second, 13).Publish(t.Context(), target, second.quick("1.1.0")); !errors.Is(err, manifest.ErrFreeze) {
		t.Errorf("a publisher publishes: %v", err)
	}
	if diff := cmp.Diff(before, listing(t, path)); diff != "" {
		t.Errorf("something was written: %s", diff)
	}
	if _, err := at(root, 13).Renew(t.Context(), target, zoo.Renewal{Key: root.key}); err != nil {
		t.Fatal(err)
	}
	if _, err := at(second, 13).Resolve(t.Context(), "digits_p16_64"); err != nil {
		t.Errorf("after the root renewed it: %v", err)
	}
}

// TestRenewEveryDay does not fill the list of keys, which holds some hundred changes.
func TestRenewEveryDay(t *testing.T) {
	t.Parallel()
	root := newPublisher(t)
	target, _ := folderPlace(t)
	publish(t, target, root.quick("1.0.0"))
	options := reader(t, root, target)
	changes := 0
	for day := range 100 {
		options.Now = func() time.Time { return time.Now().AddDate(0, 0, day) }
		index, err := open(t, options).Renew(t.Context(), target, zoo.Renewal{Key: root.key})
		if err != nil {
			t.Fatal(err)
		}
		changes = len(index.Keys)
	}
	if changes < 2 || changes > 5 {
		t.Errorf("after 100 days the list has %d changes", changes)
	}
}

// TestExpiresInThePast refuses an expiry that is over, before anything is written.
func TestExpiresInThePast(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	target, path := folderPlace(t)
	past := time.Now().Add(-time.Hour)
	publication := p.quick("1.0.0")
	publication.Expires = past
	var refused *zoo.ExpiryError
	if _, err := open(t, folders(t)).Publish(t.Context(), target, publication); !errors.As(err, &refused) || len(listing0(t, path)) != 0 {
		t.Errorf("publish: %v", err)
	}
	publish(t, target, p.quick("1.0.0"))
	z := open(t, folders(t))
	for name, err := range map[string]error{
		"never":  errorOf(z.Renew(t.Context(), target, zoo.Renewal{Key: p.key, Expires: time.Now().AddDate(5, 0, 1)})),
		"renew":  errorOf(z.Renew(t.Context(), target, zoo.Renewal{Key: p.key, Expires: past})),
		"keys":   errorOf(z.ChangeKeys(t.Context(), target, zoo.KeysChange{Key: p.key, Expires: past})),
		"status": errorOf(z.SetStatus(t.Context(), target, zoo.StatusChange{Key: p.key, Expires: past})),
	} {
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// formatV1 takes the list of keys from the index of a folder, as programs before it wrote indexes, and signs it with another key.
func formatV1(t testing.TB, at place.Destination, path string, key minisign.PrivateKey) place.Destination {
	t.Helper()
	raw, _, err := at.Index(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	document, err := manifest.ParseIndex("index", raw)
	if err != nil {
		t.Fatal(err)
	}
	document.Keys, document.Version = nil, document.Version+10
	if raw, err = document.Encode(); err != nil {
		t.Fatal(err)
	}
	old, err := place.OpenFolder(filepath.Dir(path) + "/old")
	if err != nil {
		t.Fatal(err)
	}
	trusting := folders(t)
	trusting.Keys = keysOf(t, at)
	if _, err := open(t, trusting).Mirror(t.Context(), forged{at, raw, trust.Sign(key, raw, "index")}, old, zoo.MirrorOptions{}); err != nil {
		t.Fatal(err)
	}
	return old
}

// keysOf returns all keys of a place.
func keysOf(t testing.TB, at place.Place) trust.Keyring {
	t.Helper()
	raw, _, err := at.Index(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	document, err := manifest.ParseIndex("index", raw)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := trust.ReadKeys("index", document.Keys)
	if err != nil {
		t.Fatal(err)
	}
	return keys.Ring()
}

// TestIndexOfTheFirstFormat reads a place as programs before the list of keys left it, with manifests of two keys, and repairs it.
func TestIndexOfTheFirstFormat(t *testing.T) {
	t.Parallel()
	a, b := newPublisher(t), newPublisher(t)
	target, path := folderPlace(t)
	publishTogether(t, target, a, b, b.quick("1.2.0"))
	old := formatV1(t, target, path, b.key)

	options := reader(t, b, old)
	pulls(t, options, "digits_p16_64@1.2.0")
	if _, err := open(t, options).Resolve(t.Context(), "digits_p16_64@1.0.0"); !errors.Is(err, trust.ErrUnknownKey) {
		t.Errorf("of the other key: %v", err)
	}
	options.Keys = append(options.Keys, a.ring...)
	pulls(t, options, "digits_p16_64@1.0.0", "digits_p16_64@1.2.0")

	if _, err := open(t, folders(t)).Publish(t.Context(), old, a.quick("1.3.0")); !errors.Is(err, trust.ErrUnknownKey) {
		t.Errorf("the key that did not sign the index: %v", err)
	}
	repaired := changeKeys(t, old, zoo.KeysChange{Key: b.key, Add: a.as(manifest.Root)})
	if len(repaired.Refused) != 0 || len(repaired.Keys.Changes) != 2 {
		t.Errorf("repaired: %+v", repaired)
	}
	options.Keys = nil
	pulls(t, options, "digits_p16_64@1.0.0", "digits_p16_64@1.2.0")
}

// TestBundlePins needs the key once for a bundle, and follows the list of its place.
func TestBundlePins(t *testing.T) {
	t.Parallel()
	p, next := newPublisher(t), newPublisher(t)
	target, _ := folderPlace(t)
	publish(t, target, p.quick("1.0.0"))
	z := open(t, reader(t, p, target))
	older := openBundle(t, bundle(t, z, resolve(t, z, "digits_p16_64")))
	options := reader(t, p, older)
	if found := resolve(t, open(t, options), "digits_p16_64"); len(found.Notices) != 1 {
		t.Errorf("the pinning is not said: %v", found.Notices)
	}
	options.Keys = nil
	pulls(t, options, "digits_p16_64")

	rotate(t, target, p, next, manifest.Retired)
	publish(t, target, next.quick("1.1.0"))
	z = open(t, reader(t, next, target))
	newer := openBundle(t, bundle(t, z, resolve(t, z, "digits_p16_64@1.0.0"), resolve(t, z, "digits_p16_64@1.1.0")))
	options.Places = []place.Place{newer}
	pulls(t, options, "digits_p16_64@1.0.0", "digits_p16_64@1.1.0")
	options.Places = []place.Place{older}
	if _, err := open(t, options).Resolve(t.Context(), "digits_p16_64"); !errors.Is(err, trust.ErrRetiredKey) {
		t.Errorf("an older bundle of a key that was retired since: %v", err)
	}
}

// TestBundleOfTheProgram carries weights that are inside the program: the bundle holds them.
func TestBundleOfTheProgram(t *testing.T) {
	t.Parallel()
	z := open(t, folders(t))
	path := bundle(t, z, resolve(t, z, "digits_p16_64"))
	options := folders(t)
	options.Embedded, options.Offline, options.Places = nil, true, []place.Place{openBundle(t, path)}
	away := open(t, options)
	pulled := pull(t, away, resolve(t, away, "digits_p16_64"), zoo.PullOptions{})
	if string(read(t, pulled.Path)) != string(canonicalDigits(t)) {
		t.Error("the bytes are not those of the program")
	}
}
