package zoo

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

	"github.com/beitzoo/beitzoo/zoo/store"
)

// Pin is what is remembered of an upstream file of which nobody published the digest.
type Pin struct {
	Address string        `json:"address"`
	Digest  digest.Digest `json:"digest"`
	Size    int64         `json:"size"`
	// Declared tells that the server itself declared this digest.
	Declared bool `json:"declared"`
}

// conversion is what is remembered of a checkpoint that was converted: the canonical file that it gave.
type conversion struct {
	Checkpoint   digest.Digest `json:"checkpoint"`
	Architecture string        `json:"architecture"`
	Form         int           `json:"form"`
	Weights      digest.Digest `json:"weights"`
	Size         int64         `json:"size"`
}

// key identifies the input of the conversion.
func (c conversion) key() string {
	return fmt.Sprintf("%s %s %d", c.Checkpoint, c.Architecture, c.Form)
}

// records are small JSON files by key, in a folder of the user, and in one beside the cache for those who share it. What the user's own folder has
// counts: nobody else can change it.
type records struct {
	own, shared string
	// cache is the folder of the cache, whose owner may write to shared.
	cache string
}

// pin gives what is remembered of an address; ours tells that it is this user's own memory.
func (r records) pin(address string) (pin Pin, ours bool, err error) {
	ours, err = r.get("pin", address, &pin)
	if err == nil && (pin.Address != address || store.CheckDigest(pin.Digest) != nil) {
		err = fs.ErrNotExist
	}
	return pin, ours, err
}

func (r records) setPin(pin Pin) error { return r.set("pin", pin.Address, pin) }

func (r records) conversion(wanted conversion) (conversion, error) {
	var known conversion
	_, err := r.get("conversion", wanted.key(), &known)
	if err == nil && (known.key() != wanted.key() || known.Weights.Validate() != nil) {
		err = fs.ErrNotExist
	}
	return known, err
}

func (r records) setConversion(c conversion) error { return r.set("conversion", c.key(), c) }

func fileOf(kind, key string) string {
	sum := sha256.Sum256([]byte(key))
	return kind + "-" + hex.EncodeToString(sum[:16]) + ".json"
}

// get reads a record; fs.ErrNotExist where there is none. A file that makes no sense is as good as none.
func (r records) get(kind, key string, into any) (ours bool, err error) {
	for _, folder := range []string{r.own, r.shared} {
		path := filepath.Join(folder, fileOf(kind, key))
		raw, err := os.ReadFile(path)
		if err == nil && folder == r.shared && !trustedOwner(path, r.cache) {
			continue
		}
		if err == nil && json.Unmarshal(raw, into) == nil {
			return folder == r.own, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	return false, fs.ErrNotExist
}

// set writes a record to both folders. That others cannot be told is no error.
func (r records) set(kind, key string, value any) error {
	raw, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	_ = replace(filepath.Join(r.shared, fileOf(kind, key)), append(raw, '\n'), 0o644)
	return replace(filepath.Join(r.own, fileOf(kind, key)), append(raw, '\n'), 0o600)
}

// replace writes a file beside its place and renames it.
func replace(target string, content []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(target), 0o777); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // a no-op once it has its name
	_, err = file.Write(content)
	if err := errors.Join(err, file.Chmod(mode), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), target)
}
