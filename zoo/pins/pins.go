package pins

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// Pin is the digest of an upstream file whose publisher states none.
type Pin struct {
	// Address is where the file was fetched from.
	Address string        `json:"address"`
	Digest  digest.Digest `json:"digest"`
	// Size is in bytes.
	Size int64 `json:"size"`
	// Declared reports that the server itself declared this digest.
	Declared bool `json:"declared"`
}

// Conversion says which canonical file the conversion of a checkpoint made.
type Conversion struct {
	// Checkpoint is the digest of what was converted.
	Checkpoint digest.Digest `json:"checkpoint"`
	// Architecture is the name of the architecture, or the digest of its description.
	Architecture string `json:"architecture"`
	// Form is the version of the conversion.
	Form int `json:"form"`
	// Weights and Size (bytes) are those of the canonical file.
	Weights digest.Digest `json:"weights"`
	Size    int64         `json:"size"`
}

// key identifies the input of the conversion.
func (c Conversion) key() string {
	return fmt.Sprintf("%s %s %d", c.Checkpoint, c.Architecture, c.Form)
}

// Records are small JSON files: in a folder of the user, and in one beside the cache for all who share it. The user's own records win, because nobody
// else can write them. All methods may be called from several goroutines and processes.
type Records struct {
	own, shared string
	// cache is the folder of the cache, whose owner may write to shared.
	cache string
}

// Open returns the records of a user whose state is in the folder state, and who uses the cache in the folder cache. Neither folder has to
// exist yet.
func Open(state, cache string) Records {
	return Records{own: filepath.Join(state, "pins"), shared: filepath.Join(cache, "pins"), cache: cache}
}

// Pin returns what is remembered about an address, or fs.ErrNotExist. own reports that it is this user's record, not a shared one.
func (r Records) Pin(address string) (pin Pin, own bool, err error) {
	own, err = r.get("pin", address, &pin)
	if err == nil && (pin.Address != address || store.CheckDigest(pin.Digest) != nil) {
		err = fs.ErrNotExist
	}
	return pin, own, err
}

// SetPin remembers pin, in place of what was remembered about its address.
func (r Records) SetPin(pin Pin) error { return r.set("pin", pin.Address, pin) }

// Conversion returns what is remembered about a conversion with the checkpoint, architecture and form of wanted, or fs.ErrNotExist.
func (r Records) Conversion(wanted Conversion) (Conversion, error) {
	var known Conversion
	_, err := r.get("conversion", wanted.key(), &known)
	if err == nil && (known.key() != wanted.key() || store.CheckDigest(known.Weights) != nil) {
		err = fs.ErrNotExist
	}
	return known, err
}

// SetConversion remembers c.
func (r Records) SetConversion(c Conversion) error { return r.set("conversion", c.key(), c) }

// Snapshot says which files a reference to a hub stood for when it was first used.
type Snapshot struct {
	// Reference names hub, repository, revision and path.
	Reference string `json:"reference"`
	// Commit is the one that the revision was.
	Commit string `json:"commit"`
	// Files are those that make up the model.
	Files []SnapshotFile `json:"files"`
	// Open is the name of the file to open; empty is the folder of all of them.
	Open string `json:"open,omitempty"`
}

// SnapshotFile is a file of a Snapshot.
type SnapshotFile struct {
	// Name is its path in the repository.
	Name   string        `json:"name"`
	Digest digest.Digest `json:"digest"`
	// Size is in bytes.
	Size int64 `json:"size"`
}

// Snapshot returns what is remembered about a reference, or fs.ErrNotExist.
func (r Records) Snapshot(reference string) (Snapshot, error) {
	var known Snapshot
	_, err := r.get("snapshot", reference, &known)
	if err == nil && known.Reference != reference {
		err = fs.ErrNotExist
	}
	for _, file := range known.Files {
		if err == nil && (file.Size < 0 || store.CheckDigest(file.Digest) != nil) {
			err = fs.ErrNotExist
		}
	}
	return known, err
}

// Snapshots returns the user's own records of snapshots, in the order of their files' names. Files that cannot be read are left out.
func (r Records) Snapshots() ([]Snapshot, error) {
	files, err := filepath.Glob(filepath.Join(r.own, "snapshot-*.json"))
	if err != nil {
		return nil, err
	}
	var all []Snapshot
	for _, file := range files {
		var one Snapshot
		if raw, err := disk.ReadFile(file, maxRecord); err == nil && json.Unmarshal(raw, &one) == nil {
			all = append(all, one)
		}
	}
	return all, nil
}

// SetSnapshot remembers s, in place of what was remembered about its reference.
func (r Records) SetSnapshot(s Snapshot) error { return r.set("snapshot", s.Reference, s) }

func fileOf(kind, key string) string {
	sum := sha256.Sum256([]byte(key))
	return kind + "-" + hex.EncodeToString(sum[:16]) + ".json"
}

// maxRecord is far more bytes than a record has, however long its address is.
const maxRecord = 1 << 20

// get reads a record, or returns fs.ErrNotExist. A malformed record counts as absent.
func (r Records) get(kind, key string, into any) (own bool, err error) {
	for _, folder := range []string{r.own, r.shared} {
		path := filepath.Join(folder, fileOf(kind, key))
		raw, err := disk.ReadFile(path, maxRecord)
		if err == nil && folder == r.shared && !trustedOwner(path, r.cache) {
			continue
		}
		if err == nil && json.Unmarshal(raw, into) == nil {
			return folder == r.own, nil
		}
		var large *disk.TooLargeError
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.As(err, &large) {
			return false, err
		}
	}
	return false, fs.ErrNotExist
}

// set writes a record to both folders. Failing to write the shared copy is not an error.
func (r Records) set(kind, key string, value any) error {
	raw, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	_ = write(r.shared, fileOf(kind, key), append(raw, '\n'), 0o644)
	return write(r.own, fileOf(kind, key), append(raw, '\n'), 0o600)
}

func write(folder, name string, content []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	return disk.WriteFile(filepath.Join(folder, name), content, mode)
}
