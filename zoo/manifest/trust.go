package manifest

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
)

// Trust remembers, for each place that publishes an index, which keys may sign and the latest index that was seen. It is a folder:
// processes may share it, and no file in it ever changes, so that no lock is needed.
type Trust struct{ folder string }

// OpenTrust uses folder, which need not exist yet.
func OpenTrust(folder string) *Trust { return &Trust{folder: folder} }

// Accepted is an index that may be believed.
type Accepted struct {
	*IndexDocument
	Key minisign.PublicKey
	// Pinned tells that the key was not known for this place before. Tell the user.
	Pinned bool
}

// Accept checks an index that place serves: the signature, by a key pinned for the place or one of extra, which the user said to trust; that
// it is not older than the latest seen, keeps all its entries, and has not expired at now. What it accepts it remembers. Errors are
// *SignatureError, *Error or *IndexError.
func (t *Trust) Accept(place string, raw, signature []byte, extra Keyring, now time.Time) (Accepted, error) {
	pinned, err := t.Keys(place)
	if err != nil {
		return Accepted{}, err
	}
	key, err := append(slices.Clone(pinned), extra...).Check("index of "+place, raw, signature)
	if err != nil {
		return Accepted{}, err
	}
	document, err := ParseIndex("index of "+place, raw)
	if err != nil {
		return Accepted{}, err
	}
	if err := t.successor(place, document); err != nil {
		return Accepted{}, err
	}
	if err := document.CheckFresh(place, now); err != nil {
		return Accepted{}, err
	}
	return Accepted{IndexDocument: document, Key: key, Pinned: !pinned.Has(key)}, t.remember(place, document, key)
}

// successor compares document with the latest index seen at place.
func (t *Trust) successor(place string, document *IndexDocument) error {
	before, err := t.Latest(place)
	if err != nil || before == nil {
		return err
	}
	return CheckSuccessor(place, before, document)
}

// Keys gives the keys that are pinned for place.
func (t *Trust) Keys(place string) (Keyring, error) {
	var keys Keyring
	return keys, t.each(place, keySuffix, func(path string) error {
		key, err := minisign.PublicKeyFromFile(path)
		keys = append(keys, key)
		return err
	})
}

// Latest gives the latest index that was accepted from place, or nil.
func (t *Trust) Latest(place string) (*IndexDocument, error) {
	latest := ""
	if err := t.each(place, indexSuffix, func(path string) error { latest = max(latest, path); return nil }); err != nil || latest == "" {
		return nil, err
	}
	raw, err := os.ReadFile(latest)
	if errors.Is(err, fs.ErrNotExist) { // another process has put a later one in its place
		return t.Latest(place)
	}
	if err != nil {
		return nil, err
	}
	return ParseIndex(latest, raw)
}

// Forget removes everything that is remembered about place. Where that is nothing, it reports fs.ErrNotExist.
func (t *Trust) Forget(place string) error {
	if _, err := os.Stat(t.of(place)); err != nil {
		return err
	}
	return os.RemoveAll(t.of(place))
}

// Places gives the places that something is remembered about, sorted.
func (t *Trust) Places() ([]string, error) {
	folders, err := os.ReadDir(t.folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var places []string
	for _, folder := range folders {
		name, err := os.ReadFile(filepath.Join(t.folder, folder.Name(), placeFile))
		if errors.Is(err, fs.ErrNotExist) { // another process is about to write it, or has just removed it
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

// of is the folder for a place. The name of a place may hold anything, so its digest stands for it.
func (t *Trust) of(place string) string {
	sum := sha256.Sum256([]byte(place))
	return filepath.Join(t.folder, hex.EncodeToString(sum[:16]))
}

// each visits what is remembered about place under names with a suffix.
func (t *Trust) each(place, suffix string, visit func(path string) error) error {
	files, err := os.ReadDir(t.of(place))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), suffix) || strings.HasPrefix(file.Name(), ".") {
			continue
		}
		if err := visit(filepath.Join(t.of(place), file.Name())); err != nil {
			return err
		}
	}
	return err
}

// remember adds files; the name of an index sorts by its version.
func (t *Trust) remember(place string, document *IndexDocument, key minisign.PublicKey) error {
	text, err := key.MarshalText()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(t.of(place), 0o700); err != nil {
		return err
	}
	name := fmt.Sprintf("%019d%s", document.Version, indexSuffix)
	return errors.Join(
		t.put(place, placeFile, []byte(place+"\n")),
		t.put(place, KeyID(key.ID())+keySuffix, text),
		t.put(place, name, document.Raw),
		t.each(place, indexSuffix, func(path string) error { return removeBelow(path, name) }))
}

// removeBelow removes an index that a later one has made superfluous; another process may have done so.
func removeBelow(path, name string) error {
	if filepath.Base(path) >= name {
		return nil
	}
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// put writes a file that is either there whole or not at all, unless it is there.
func (t *Trust) put(place, name string, content []byte) error {
	target := filepath.Join(t.of(place), name)
	if _, err := os.Stat(target); err == nil {
		return nil
	}
	file, err := os.CreateTemp(t.of(place), "."+name+".*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(content)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), target)
}
