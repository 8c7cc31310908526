package trust

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"aead.dev/minisign"

	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

// Ledger remembers, for each place that publishes an index, which keys may sign and the latest index that was accepted. It is a folder, which
// goroutines and processes may use at the same time: no file in it ever changes, so no lock is needed.
type Ledger struct{ folder string }

// Open returns the ledger in folder, which need not exist yet.
func Open(folder string) *Ledger { return &Ledger{folder: folder} }

// AcceptedIndex is an index that passed all checks.
type AcceptedIndex struct {
	*manifest.IndexDocument
	// Key is the one that signed it.
	Key minisign.PublicKey
	// Keys say who may sign the manifests.
	Keys *KeyList
	// Pinned reports that the key, or the list of keys, was not pinned for this place before, and is now. Tell the user.
	Pinned bool
	// Before is how many changes of the list of keys were pinned before; what Keys.Changes has more is new. Tell the user, unless Pinned is set.
	Before int
}

// Accept checks an index that place serves, and if it is right remembers it, and pins its keys. On the first contact with a place the index must be signed
// by one of extra, which the user trusts, or by a key in a list that one of extra has signed a change of; afterwards by an active key of the list,
// which may only have grown by changes that its roots signed, and extra no longer counts. The index must not be older than the latest that was accepted,
// must keep all entries of that one, and must not have expired at now (the zero time skips that check). For an index without a list of keys,
// it must be signed by a key that is pinned, or by one of extra. An index that is refused is a *SignatureError, *manifest.Error or *manifest.IndexError.
func (l *Ledger) Accept(place string, raw, signature []byte, extra Keyring, now time.Time) (AcceptedIndex, error) {
	accepted, err := l.Check(place, raw, signature, extra, now)
	if err != nil {
		return AcceptedIndex{}, err
	}
	return accepted, l.remember(place, accepted)
}

// Check is Accept without remembering or pinning anything.
func (l *Ledger) Check(place string, raw, signature []byte, extra Keyring, now time.Time) (AcceptedIndex, error) {
	known, err := l.known(place)
	if err != nil {
		return AcceptedIndex{}, err
	}
	accepted, err := known.check(place, raw, signature, extra)
	if err != nil {
		return AcceptedIndex{}, err
	}
	if known.latest != nil {
		if err := manifest.CheckSuccessor(place, known.latest, accepted.IndexDocument); err != nil {
			return AcceptedIndex{}, err
		}
	}
	return accepted, accepted.CheckFresh(place, now)
}

// AcceptArchived is Accept for an index in an archive of place, which the user chose: it may have expired, and may be older than the latest that was
// accepted. Then it is an ancestor of that one, and is not remembered; the keys are those of the latest, so that a key that was removed since is refused.
func (l *Ledger) AcceptArchived(place string, raw, signature []byte, extra Keyring) (AcceptedIndex, error) {
	known, err := l.known(place)
	if err != nil {
		return AcceptedIndex{}, err
	}
	document, err := manifest.ParseIndex("index of "+place, raw)
	if err != nil || known.latest == nil || document.Version >= known.latest.Version {
		return l.Accept(place, raw, signature, extra, time.Time{})
	}
	keys := known.keys
	if len(known.latest.Keys) == 0 {
		keys = ListOf(append(keys.Ring(), extra...))
	}
	key, err := keys.CheckIndex("index of "+place, raw, signature)
	if err != nil {
		return AcceptedIndex{}, err
	}
	if err := manifest.CheckSuccessor(place, document, known.latest); err != nil {
		return AcceptedIndex{}, err
	}
	return AcceptedIndex{IndexDocument: document, Key: key, Keys: keys, Before: len(keys.Changes)}, nil
}

// knownPlace is what a ledger remembers about a place.
type knownPlace struct {
	// latest is the index that was accepted last, or nil.
	latest *manifest.IndexDocument
	// keys are those of latest, or the pinned ones if it has no list.
	keys *KeyList
}

func (l *Ledger) known(place string) (knownPlace, error) {
	latest, err := l.Latest(place)
	if err != nil {
		return knownPlace{}, err
	}
	keys, err := l.Keys(place)
	return knownPlace{latest, keys}, err
}

// check finds out who signed an index, and whether that key may.
func (k knownPlace) check(place string, raw, signature []byte, extra Keyring) (AcceptedIndex, error) {
	what := "index of " + place
	trusted := append(k.keys.Ring(), extra...)
	pinnedList := len(k.keys.Changes) > 0
	document, err := manifest.ParseIndex(what, raw)
	if err != nil { // who sends nonsense without a signature is not worth a look at the nonsense
		if _, refused := trusted.Check(what, raw, signature); refused != nil {
			err = refused
		}
		return AcceptedIndex{}, err
	}
	if len(document.Keys) == 0 && pinnedList {
		return AcceptedIndex{}, &manifest.IndexError{Place: place, Kind: manifest.ErrRollback, Text: "it had a list of keys, and has none now"}
	}
	keys := ListOf(trusted)
	if len(document.Keys) > 0 {
		if keys, err = ReadKeys(place, document.Keys); err != nil {
			return AcceptedIndex{}, err
		}
	}
	key, err := keys.CheckIndex(what, raw, signature)
	if err != nil {
		return AcceptedIndex{}, err
	}
	if len(document.Keys) > 0 && !pinnedList && !keys.vouched(trusted, key) {
		refused := &SignatureError{What: what, KeyID: key.ID(), Err: ErrUnknownKey}
		for _, one := range trusted {
			refused.Trusted = append(refused.Trusted, one.ID())
		}
		if slices.ContainsFunc(keys.Keys, func(listed ListedKey) bool { return trusted.has(listed.PublicKey) }) {
			refused.Roots = keys.roots()
		}
		return AcceptedIndex{}, refused
	}
	return AcceptedIndex{
		IndexDocument: document, Key: key, Keys: keys, Pinned: !pinnedList && !k.keys.Ring().has(key), Before: len(k.keys.Changes),
	}, nil
}

// Keys returns the keys that are pinned for place: those of the list in the latest index, or, without a list, those that were trusted.
func (l *Ledger) Keys(place string) (*KeyList, error) {
	latest, err := l.Latest(place)
	if err != nil {
		return nil, err
	}
	if latest != nil && len(latest.Keys) > 0 {
		return ReadKeys(place, latest.Keys)
	}
	var keys Keyring
	err = l.each(place, keySuffix, func(path string) error {
		key, err := minisign.PublicKeyFromFile(path)
		keys = append(keys, key)
		return err
	})
	return ListOf(keys), err
}

// Latest returns the latest index that was accepted from place, or nil.
func (l *Ledger) Latest(place string) (*manifest.IndexDocument, error) {
	latest := ""
	if err := l.each(place, indexSuffix, func(path string) error { latest = max(latest, path); return nil }); err != nil || latest == "" {
		return nil, err
	}
	raw, err := disk.ReadFile(latest, manifest.MaxSize)
	if errors.Is(err, fs.ErrNotExist) { // another process has replaced it by a newer one
		return l.Latest(place)
	}
	if err != nil {
		return nil, err
	}
	return manifest.ParseIndex(latest, raw)
}

// Forget deletes everything that is remembered about place. It returns fs.ErrNotExist if nothing is.
func (l *Ledger) Forget(place string) error {
	if _, err := os.Stat(l.folderOf(place)); err != nil {
		return err
	}
	return os.RemoveAll(l.folderOf(place))
}

// Places returns the names of the places that something is remembered about, sorted.
func (l *Ledger) Places() ([]string, error) {
	folders, err := os.ReadDir(l.folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var places []string
	for _, folder := range folders {
		name, err := os.ReadFile(filepath.Join(l.folder, folder.Name(), placeFile))
		if errors.Is(err, fs.ErrNotExist) { // another process is about to write it, or has just deleted it
			continue
		}
		if err != nil {
			return nil, err
		}
		places = append(places, strings.TrimSuffix(string(name), "\n"))
	}
	slices.Sort(places)
	return places, err
}

const (
	placeFile   = "place.txt"
	keySuffix   = ".pub"
	indexSuffix = ".index.yaml"
)

// folderOf returns the folder for a place. The name of a place may hold any character, so the folder is named by its digest.
func (l *Ledger) folderOf(place string) string {
	sum := sha256.Sum256([]byte(place))
	return filepath.Join(l.folder, hex.EncodeToString(sum[:16]))
}

// each calls visit for the files of place whose names end in suffix.
func (l *Ledger) each(place, suffix string, visit func(path string) error) error {
	files, err := os.ReadDir(l.folderOf(place))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), suffix) || strings.HasPrefix(file.Name(), ".") {
			continue
		}
		if err := visit(filepath.Join(l.folderOf(place), file.Name())); err != nil {
			return err
		}
	}
	return err
}

// remember writes what was accepted, and removes older indexes. The names of the files of indexes sort by version. A key has a file of its own only if
// the index has no list of keys.
func (l *Ledger) remember(place string, accepted AcceptedIndex) error {
	text, err := accepted.Key.MarshalText()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(l.folderOf(place), 0o700); err != nil {
		return err
	}
	if err := l.put(place, placeFile, []byte(place+"\n")); err != nil {
		return err
	}
	if len(accepted.IndexDocument.Keys) == 0 {
		if err := l.put(place, KeyID(accepted.Key.ID())+keySuffix, text); err != nil {
			return err
		}
	}
	name := fmt.Sprintf("%019d%s", accepted.Version, indexSuffix)
	return errors.Join(
		l.put(place, name, accepted.Raw),
		l.each(place, indexSuffix, func(path string) error { return removeBelow(path, name) }))
}

// removeBelow deletes an index that a newer one has replaced. Another process may already have deleted it.
func removeBelow(path, name string) error {
	if filepath.Base(path) >= name {
		return nil
	}
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// put writes a file unless it exists: files of a ledger never change.
func (l *Ledger) put(place, name string, content []byte) error {
	target := filepath.Join(l.folderOf(place), name)
	if _, err := os.Stat(target); err == nil {
		return nil
	}
	return disk.WriteFile(target, content, 0o600)
}
