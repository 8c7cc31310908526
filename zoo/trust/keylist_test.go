package trust_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

const site = "https://zoo.example.org"

// today is when everything in these tests happens.
var today = time.Date(2029, 1, 1, 0, 0, 0, 0, time.UTC)

// owner is somebody with a key.
type owner struct {
	secret minisign.PrivateKey
	public minisign.PublicKey
}

func newOwner(t testing.TB) owner {
	t.Helper()
	public, secret, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return owner{secret, public}
}

func (o owner) ring() trust.Keyring { return trust.Keyring{o.public} }

func (o owner) as(role manifest.Role) []manifest.NewKey {
	return []manifest.NewKey{{Key: o.public.String(), Role: role}}
}

func (o owner) becomes(state manifest.KeyState) []manifest.RemovedKey {
	return []manifest.RemovedKey{{Key: o.public.String(), State: state, Reason: "a test"}}
}

// change is one change of a list, and who signs it. A nil previous is that of the list so far.
type change struct {
	add    []manifest.NewKey
	remove []manifest.RemovedKey
	by     []owner
}

// changes returns a list of keys. It does not check who may change what: hostile lists are made with it too.
func changes(before []manifest.KeyChange, all ...change) []manifest.KeyChange {
	list := slices.Clone(before)
	for _, c := range all {
		next := manifest.KeyChange{
			Version: int64(len(list)) + 1, Date: "2029-01-01", Expires: "2030-01-01T00:00:00Z", Add: c.add, Remove: c.remove,
		}
		if len(list) > 0 {
			next.Previous = list[len(list)-1].Digest()
		}
		for _, signer := range c.by {
			next.Signatures = append(next.Signatures, string(trust.Sign(signer.secret, next.Statement(), "keys")))
		}
		list = append(list, next)
	}
	return list
}

// signed is an index with its signature.
type signed struct{ raw, signature []byte }

func indexOf(t testing.TB, version int64, keys []manifest.KeyChange, by owner, entries ...manifest.Entry) signed {
	t.Helper()
	index := manifest.Index{Format: manifest.IndexFormat, Version: version, Expires: "2030-01-01T00:00:00Z", Keys: keys, Entries: entries}
	if keys == nil {
		index.Format = manifest.IndexFormatV1
	}
	raw, err := index.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return signed{raw, trust.Sign(by.secret, raw, "index")}
}

func (s signed) accept(ledger *trust.Ledger, ring trust.Keyring, now time.Time) (trust.AcceptedIndex, error) {
	return ledger.Accept(site, s.raw, s.signature, ring, now)
}

// TestLedgerAccept_AttacksOnKeys lets readers who have seen a zoo with a root, a publisher, and an old root that was replaced meet what somebody with a
// stolen key can make.
func TestLedgerAccept_AttacksOnKeys(t *testing.T) {
	t.Parallel()
	old, root, publisher, gone, stranger := newOwner(t), newOwner(t), newOwner(t), newOwner(t), newOwner(t)
	genesis := changes(nil, change{add: old.as(manifest.Root), by: []owner{old}})
	team := changes(genesis, change{add: append(publisher.as(manifest.Publisher), gone.as(manifest.Publisher)...), by: []owner{old}})
	rotated := changes(team, change{add: root.as(manifest.Root), remove: old.becomes(manifest.Retired), by: []owner{old, root}})
	now := changes(rotated, change{remove: gone.becomes(manifest.Revoked), by: []owner{root}})
	seen := indexOf(t, 9, now, root, first)
	late := today.AddDate(2, 0, 0)
	reordered := slices.Clone(now)
	reordered[1], reordered[2] = reordered[2], reordered[1]

	for name, test := range map[string]struct {
		served signed
		now    time.Time
		want   error
	}{
		"the same again":             {seen, today, nil},
		"a publisher's index":        {indexOf(t, 10, now, publisher, first, second), today, nil},
		"a new key, by the root":     {indexOf(t, 10, changes(now, change{add: stranger.as(manifest.Root), by: []owner{root}}), stranger, first), today, nil},
		"rollback":                   {indexOf(t, 5, team, old, first), today, manifest.ErrRollback},
		"freeze":                     {seen, late, manifest.ErrFreeze},
		"rewritten history":          {indexOf(t, 10, now, publisher, entry("a", "1.0.0", "evil")), today, manifest.ErrRewritten},
		"two of a version":           {indexOf(t, 9, now, publisher, first, second), today, manifest.ErrRewritten},
		"no list":                    {indexOf(t, 10, nil, old, first), today, manifest.ErrRollback},
		"no list, by the root":       {indexOf(t, 10, nil, root, first), today, manifest.ErrRollback},
		"the list before rotation":   {indexOf(t, 10, team, old, first), today, manifest.ErrRollback},
		"the list before revocation": {indexOf(t, 10, rotated, gone, first), today, manifest.ErrRollback},
		"a fork by the retired key":  {indexOf(t, 10, changes(team, change{add: stranger.as(manifest.Root), by: []owner{old}}, change{by: []owner{old}}), stranger, first), today, manifest.ErrRewritten},
		"another zoo":                {indexOf(t, 10, changes(nil, change{add: stranger.as(manifest.Root), by: []owner{stranger}}), stranger, first), today, manifest.ErrRewritten},
		"index by the retired key":   {indexOf(t, 10, now, old, first), today, trust.ErrRetiredKey},
		"index by the revoked key":   {indexOf(t, 10, now, gone, first), today, trust.ErrRevokedKey},
		"index by a stranger":        {indexOf(t, 10, now, stranger, first), today, trust.ErrUnknownKey},
		"retired key comes back":     {indexOf(t, 10, changes(now, change{add: old.as(manifest.Root), by: []owner{old}}), old, first), today, manifest.ErrKeys},
		"added again by the root":    {indexOf(t, 10, changes(now, change{add: gone.as(manifest.Publisher), by: []owner{root}}), root, first), today, manifest.ErrKeys},
		"added by the retired key":   {indexOf(t, 10, changes(now, change{add: stranger.as(manifest.Root), by: []owner{old}}), stranger, first), today, manifest.ErrKeys},
		"added by a publisher":       {indexOf(t, 10, changes(now, change{add: stranger.as(manifest.Root), by: []owner{publisher}}), stranger, first), today, manifest.ErrKeys},
		"added by itself":            {indexOf(t, 10, changes(now, change{add: stranger.as(manifest.Root), by: []owner{stranger}}), stranger, first), today, manifest.ErrKeys},
		"root and a stranger sign":   {indexOf(t, 10, changes(now, change{by: []owner{root, stranger}}), root, first), today, manifest.ErrKeys},
		"no root left":               {indexOf(t, 10, changes(now, change{remove: root.becomes(manifest.Retired), by: []owner{root}}), publisher, first), today, manifest.ErrKeys},
		"removed by a publisher":     {indexOf(t, 10, changes(now, change{remove: root.becomes(manifest.Revoked), by: []owner{publisher}}), publisher, first), today, manifest.ErrKeys},
		"a change left out":          {indexOf(t, 10, append(slices.Clone(now[:2]), now[3]), root, first), today, errMalformed},
		"changes in another order":   {indexOf(t, 10, reordered, root, first), today, errMalformed},
		"the end of another list":    {indexOf(t, 10, append(slices.Clone(now), changes(rotated, change{by: []owner{root}})[3]), root, first), today, errMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ledger := trust.Open(t.TempDir())
			if accepted, err := seen.accept(ledger, root.ring(), today); err != nil || !accepted.Pinned {
				t.Fatalf("first contact: %v, pinned %v", err, accepted.Pinned)
			}
			// Whoever still gives the old key on the command line is as safe as anybody else.
			accepted, err := test.served.accept(ledger, append(old.ring(), gone.public, stranger.public), test.now)
			var malformed *manifest.Error
			if test.want == errMalformed && errors.As(err, &malformed) { //nolint:errorlint // stands for a type in this table
				err = errMalformed
			}
			if !errors.Is(err, test.want) || test.want == nil && accepted.Pinned {
				t.Fatalf("error is %v, want %v", err, test.want)
			}
			if test.want != nil {
				if _, err := seen.accept(ledger, nil, today); err != nil {
					t.Errorf("afterwards the right index is refused: %v", err)
				}
			}
		})
	}
}

// errMalformed stands for a *manifest.Error in tables.
var errMalformed = errors.New("malformed")

// TestLedgerAccept_FirstContact shows a zoo to readers who know one key each.
func TestLedgerAccept_FirstContact(t *testing.T) {
	t.Parallel()
	old, root, publisher, silent, stranger := newOwner(t), newOwner(t), newOwner(t), newOwner(t), newOwner(t)
	genesis := changes(nil, change{add: append(old.as(manifest.Root), silent.as(manifest.Publisher)...), by: []owner{old}})
	rotated := changes(genesis, change{add: root.as(manifest.Root), remove: old.becomes(manifest.Retired), by: []owner{old, root}})
	now := changes(rotated, change{add: publisher.as(manifest.Publisher), by: []owner{root}})
	byRoot, byPublisher := indexOf(t, 4, now, root, first), indexOf(t, 5, now, publisher, first, second)
	// A stranger who names a key that the reader knows has no word of its owner.
	named := changes(nil, change{add: append(stranger.as(manifest.Root), root.as(manifest.Root)...), by: []owner{stranger}})

	for name, test := range map[string]struct {
		served signed
		trusts trust.Keyring
		want   error
	}{
		"the root":                         {byRoot, root.ring(), nil},
		"the root, publisher's index":      {byPublisher, root.ring(), nil},
		"only the old key: the chain":      {byPublisher, old.ring(), nil},
		"the publisher who signed":         {byPublisher, publisher.ring(), nil},
		"a publisher who signed nothing":   {byPublisher, silent.ring(), trust.ErrUnknownKey},
		"nobody":                           {byRoot, nil, trust.ErrUnknownKey},
		"somebody else":                    {byRoot, stranger.ring(), trust.ErrUnknownKey},
		"a stranger names the root":        {indexOf(t, 1, named, stranger, first), root.ring(), trust.ErrUnknownKey},
		"stolen old key, reader knows new": {indexOf(t, 9, genesis, old, first), root.ring(), trust.ErrUnknownKey},
		// This is what no signature can prevent: the reader knows the stolen key and nothing else. docs/zoo.md says so.
		"stolen old key, reader knows it": {indexOf(t, 9, genesis, old, first), old.ring(), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ledger := trust.Open(t.TempDir())
			_, err := test.served.accept(ledger, test.trusts, today)
			if !errors.Is(err, test.want) {
				t.Fatalf("error is %v, want %v", err, test.want)
			}
			var refused *trust.SignatureError
			if named := strings.HasPrefix(name, "a "); errors.As(err, &refused) && (strings.Contains(refused.Hint(), "trust a root of the place") != named) {
				t.Errorf("hint %q", refused.Hint())
			}
			if _, again := test.served.accept(ledger, nil, today); (again == nil) != (test.want == nil) {
				t.Errorf("without --trust the second time: %v", again)
			}
		})
	}
}

// TestLedgerAccept_BecomesAList meets an index of the first format, and then a list that its key began.
func TestLedgerAccept_BecomesAList(t *testing.T) {
	t.Parallel()
	founder, friend := newOwner(t), newOwner(t)
	ledger := trust.Open(t.TempDir())
	if _, err := indexOf(t, 1, nil, founder, first).accept(ledger, founder.ring(), today); err != nil {
		t.Fatal(err)
	}
	if _, err := indexOf(t, 2, changes(nil, change{add: friend.as(manifest.Root), by: []owner{friend}}), friend, first).accept(ledger, nil, today); !errors.Is(err, trust.ErrUnknownKey) {
		t.Errorf("somebody else begins a list: %v", err)
	}
	list := changes(nil, change{add: founder.as(manifest.Root), by: []owner{founder}}, change{add: friend.as(manifest.Publisher), by: []owner{founder}})
	accepted, err := indexOf(t, 2, list, friend, first).accept(ledger, nil, today)
	if err != nil || accepted.Key.ID() != friend.public.ID() {
		t.Fatalf("key %v, error %v", accepted.Key, err)
	}
	keys, err := ledger.Keys(site)
	if err != nil || len(keys.Keys) != 2 || keys.Keys[1].Role != manifest.Publisher || keys.Keys[1].Added != "2029-01-01" {
		t.Errorf("keys are %+v, error %v", keys, err)
	}
}

// TestLedgerAcceptArchived opens archives that are older and newer than what was seen.
func TestLedgerAcceptArchived(t *testing.T) {
	t.Parallel()
	old, root := newOwner(t), newOwner(t)
	genesis := changes(nil, change{add: old.as(manifest.Root), by: []owner{old}})
	both := changes(genesis, change{add: root.as(manifest.Root), by: []owner{old}})
	gone := changes(both, change{remove: old.becomes(manifest.Retired), by: []owner{root}})
	seen := indexOf(t, 7, gone, root, first, second)
	for name, test := range map[string]struct {
		served signed
		want   error
	}{
		"the same":                 {seen, nil},
		"older, by a valid key":    {indexOf(t, 5, both, root, first), nil},
		"older, by a removed key":  {indexOf(t, 5, both, old, first), trust.ErrRetiredKey},
		"older, with another list": {indexOf(t, 5, changes(genesis, change{by: []owner{old}}), root, first), manifest.ErrRewritten},
		"older, with more":         {indexOf(t, 5, both, root, first, other), manifest.ErrRewritten},
		"newer":                    {indexOf(t, 8, gone, root, first, second, other), nil},
		"newer, shorter list":      {indexOf(t, 8, both, old, first, second), manifest.ErrRollback},
		"newer, by a removed key":  {indexOf(t, 8, gone, old, first, second), trust.ErrRetiredKey},
	} {
		ledger := trust.Open(t.TempDir())
		if _, err := seen.accept(ledger, root.ring(), today); err != nil {
			t.Fatal(err)
		}
		if _, err := ledger.AcceptArchived(site, test.served.raw, test.served.signature, old.ring()); !errors.Is(err, test.want) {
			t.Errorf("%s: error is %v, want %v", name, err, test.want)
		}
	}
	ledger := trust.Open(t.TempDir())
	if _, err := ledger.AcceptArchived(site, seen.raw, seen.signature, nil); !errors.Is(err, trust.ErrUnknownKey) {
		t.Errorf("nobody is trusted: %v", err)
	}
	if _, err := ledger.AcceptArchived(site, seen.raw, seen.signature, root.ring()); err != nil {
		t.Error(err)
	}
	if _, err := ledger.AcceptArchived(site, seen.raw, seen.signature, nil); err != nil {
		t.Errorf("the second time: %v", err)
	}
}

func TestKeyListChecksManifests(t *testing.T) {
	t.Parallel()
	active, retired, revoked, stranger := newOwner(t), newOwner(t), newOwner(t), newOwner(t)
	list, err := trust.ReadKeys(site, changes(nil,
		change{add: slices.Concat(active.as(manifest.Root), retired.as(manifest.Publisher), revoked.as(manifest.Publisher)), by: []owner{active}},
		change{remove: append(retired.becomes(manifest.Retired), revoked.becomes(manifest.Revoked)...), by: []owner{active}}))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		by    owner
		index error
		entry error
	}{
		{active, nil, nil}, {retired, trust.ErrRetiredKey, nil}, {revoked, trust.ErrRevokedKey, trust.ErrRevokedKey}, {stranger, trust.ErrUnknownKey, trust.ErrUnknownKey},
	} {
		content := []byte("content")
		signature := trust.Sign(test.by.secret, content, "it")
		if _, err := list.CheckIndex("it", content, signature); !errors.Is(err, test.index) {
			t.Errorf("index: error is %v, want %v", err, test.index)
		}
		_, err := list.CheckManifest("it", content, signature)
		if !errors.Is(err, test.entry) {
			t.Errorf("manifest: error is %v, want %v", err, test.entry)
		}
		var refused *trust.SignatureError
		if errors.As(err, &refused) && (refused.Hint() == "" || len(refused.Trusted) != 2) {
			t.Errorf("hint %q, trusted %v", refused.Hint(), refused.Trusted)
		}
	}
}

// TestKeyListNewChange makes changes as publishers do, and refuses what readers would.
func TestKeyListNewChange(t *testing.T) {
	t.Parallel()
	root, publisher := newOwner(t), newOwner(t)
	list := &trust.KeyList{}
	grow := func(add []manifest.NewKey, remove []manifest.RemovedKey, by ...minisign.PrivateKey) error {
		change, err := list.NewChange("zoo", add, remove, today, today.AddDate(1, 0, 0), by...)
		if err == nil {
			list, err = trust.ReadKeys("zoo", append(slices.Clip(list.Changes), change))
		}
		return err
	}
	if err := errors.Join(grow(root.as(manifest.Root), nil, root.secret), grow(publisher.as(manifest.Publisher), nil, root.secret)); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"no root would be left":  grow(nil, root.becomes(manifest.Revoked), root.secret),
		"is in the list already": grow(publisher.as(manifest.Root), nil, root.secret),
		"is not in the list":     grow(nil, newOwner(t).becomes(manifest.Revoked), root.secret),
		"no key that was a root": grow(newOwner(t).as(manifest.Root), nil, publisher.secret),
	} {
		var refused *trust.ChangeError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), name) {
			t.Errorf("error is %v, want %q", err, name)
		}
	}
	if len(list.Changes) != 2 {
		t.Errorf("%d changes were made", len(list.Changes))
	}
	if err := errors.Join(grow(nil, publisher.becomes(manifest.Retired), root.secret), grow(nil, publisher.becomes(manifest.Revoked), root.secret)); err != nil {
		t.Errorf("retired, then known to be stolen: %v", err)
	}
}

// TestStatement pins the text that signatures are over: it must never change.
func TestStatement(t *testing.T) {
	t.Parallel()
	key := publicKey(t, "open.pub").String()
	c := manifest.KeyChange{
		Version: 2, Previous: "sha256:0123", Date: "2029-01-01", Expires: "2030-01-01T00:00:00Z",
		Add: []manifest.NewKey{{Key: key, Role: manifest.Root, Name: "Ada"}}, Remove: []manifest.RemovedKey{{Key: key, State: manifest.Revoked, Reason: "lost laptop"}},
	}
	want := fmt.Sprintf("beitzoo.keys.v1\nversion: 2\nprevious: sha256:0123\ndate: 2029-01-01\nexpires: 2030-01-01T00:00:00Z\nadd: %s root Ada\nremove: %s revoked lost laptop\n", key, key)
	if got := string(c.Statement()); got != want {
		t.Errorf("statement is\n%s\nwant\n%s", got, want)
	}
}

// FuzzReadKeys wants every list of keys in an index to be refused, or to be one that the owner of the seeds began.
func FuzzReadKeys(f *testing.F) {
	// The processes of a fuzzer must have the same keys.
	second, err := trust.ReadSecretKey("testdata/minisign/encrypted.key", func() (string, error) { return "correct horse", nil })
	if err != nil {
		f.Fatal(err)
	}
	root, publisher := owner{secretKey(f), publicKey(f, "open.pub")}, owner{second, publicKey(f, "encrypted.pub")}
	list := changes(nil, change{add: root.as(manifest.Root), by: []owner{root}}, change{add: publisher.as(manifest.Publisher), by: []owner{root}})
	f.Add(indexOf(f, 3, list, root, first).raw)
	f.Add(indexOf(f, 3, changes(list, change{remove: publisher.becomes(manifest.Revoked), by: []owner{root}}), root, first).raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		document, err := manifest.ParseIndex("index", raw)
		if err != nil {
			var typed *manifest.Error
			if !errors.As(err, &typed) || len(typed.Problems) == 0 {
				t.Fatalf("error is %v", err)
			}
			return
		}
		keys, err := trust.ReadKeys("index", document.Keys)
		if err != nil {
			if !errors.Is(err, manifest.ErrKeys) {
				t.Fatalf("error is %v", err)
			}
			return
		}
		for _, key := range keys.Keys {
			if !key.Equal(root.public) && !key.Equal(publisher.public) {
				t.Fatalf("the key %s came from nowhere", key.Key)
			}
		}
		encoded, err := document.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := manifest.ParseIndex("encoded", encoded); err != nil || len(again.Keys) != len(document.Keys) {
			t.Fatalf("%v\n%s", err, encoded)
		}
	})
}
