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
	// Pinned reports that the key was not pinned for this place before, and is now. Tell the user.
	Pinned bool
}

// Accept checks an index that place serves. It must be signed by a key that is pinned for the place, or by one of extra, which the user trusts; it
// must not be older than the latest that was accepted, must keep all entries of that one, and must not have expired at now (the zero time skips that
// check). What Accept accepts it remembers, and pins its key. An index that is refused is a *SignatureError, *manifest.Error or *manifest.IndexError.
func (l *Ledger) Accept(place string, raw, signature []byte, extra Keyring, now time.Time) (AcceptedIndex, error) {
	pinned, err := l.Keys(place)
	if err != nil {
		return AcceptedIndex{}, err
	}
	key, err := append(slices.Clone(pinned), extra...).Check("index of "+place, raw, signature)
	if err != nil {
		return AcceptedIndex{}, err
	}
	document, err := manifest.ParseIndex("index of "+place, raw)
	if err != nil {
		return AcceptedIndex{}, err
	}
	before, err := l.Latest(place)
	if err != nil {
		return AcceptedIndex{}, err
	}
	if before != nil {
		if err := manifest.CheckSuccessor(place, before, document); err != nil {
			return AcceptedIndex{}, err
		}
	}
	if err := document.CheckFresh(place, now); err != nil {
		return AcceptedIndex{}, err
	}
	return AcceptedIndex{IndexDocument: document, Key: key, Pinned: !pinned.has(key)}, l.remember(place, document, key)
}

// Keys returns the keys that are pinned for place.
func (l *Ledger) Keys(place string) (Keyring, error) {
	var keys Keyring
	return keys, l.each(place, keySuffix, func(path string) error {
		key, err := minisign.PublicKeyFromFile(path)
		keys = append(keys, key)
		return err
	})
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

// remember writes what was accepted, and removes older indexes. The names of the files of indexes sort by version.
func (l *Ledger) remember(place string, document *manifest.IndexDocument, key minisign.PublicKey) error {
	text, err := key.MarshalText()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(l.folderOf(place), 0o700); err != nil {
		return err
	}
	name := fmt.Sprintf("%019d%s", document.Version, indexSuffix)
	return errors.Join(
		l.put(place, placeFile, []byte(place+"\n")),
		l.put(place, KeyID(key.ID())+keySuffix, text),
		l.put(place, name, document.Raw),
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
