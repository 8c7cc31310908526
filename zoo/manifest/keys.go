package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"aead.dev/minisign"
	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/internal/text"
)

// Role says what a key of a place may sign.
type Role string

// The roles.
const (
	// Root may change the list of keys, and sign the index and manifests.
	Root Role = "root"
	// Publisher may sign the index and manifests.
	Publisher Role = "publisher"
)

// KeyState says whether a key may still sign.
type KeyState string

// The states. A key only moves down this list.
const (
	// Active keys may sign what their role allows.
	Active KeyState = "active"
	// Retired keys sign nothing new; the manifests that they signed stay valid.
	Retired KeyState = "retired"
	// Revoked keys may be in the wrong hands: nothing that they signed is valid, until another key signs it again.
	Revoked KeyState = "revoked"
)

// KeyChange is one change of the list of keys of a place. The list itself is the result of all changes, of which each names the digest of the one before
// it: nothing can be taken out of the middle or put there.
type KeyChange struct {
	// Version counts the changes, from 1.
	Version int64 `yaml:"version"`
	// Previous is the digest of the statement of the change before; the first has none.
	Previous digest.Digest `yaml:"previous,omitempty"`
	// Date (2006-01-02) is the day of the change, as the one who made it says.
	Date string `yaml:"date"`
	// Expires is the time (RFC 3339, UTC) after which a reader must not accept this as the last change.
	Expires string `yaml:"expires"`
	// Add are keys that nobody added before, and Remove keys that sign nothing new from now on. A change without either renews Expires.
	Add    []NewKey     `yaml:"add,omitempty"`
	Remove []RemovedKey `yaml:"remove,omitempty"`
	// Signatures are files of the minisign tool over Statement. One is by a key that was a root before this change; for the first change, by a root that
	// it adds. Others are by keys that this change adds.
	Signatures []string `yaml:"signatures"`
}

// NewKey is a key that a change adds.
type NewKey struct {
	// Key is a minisign public key.
	Key  string `yaml:"key"`
	Role Role   `yaml:"role"`
	// Name says whose key it is, for people; it may be empty.
	Name string `yaml:"name,omitempty"`
}

// RemovedKey is a key that signs nothing new from now on.
type RemovedKey struct {
	// Key is a minisign public key.
	Key string `yaml:"key"`
	// State is Retired or Revoked.
	State KeyState `yaml:"state"`
	// Reason says why, for people.
	Reason string `yaml:"reason"`
}

// keysFormat is the first line of every statement.
const keysFormat = "beitzoo.keys.v1"

// Limits of a list of keys, far above any honest one.
const (
	// MaxKeyChanges is how many changes a list can have.
	MaxKeyChanges = 500
	// MaxChangedKeys is how many keys one change can add and remove.
	MaxChangedKeys = 32
	// MaxKeyText is the longest name of a key, or reason, in bytes.
	MaxKeyText = 200

	maxKeySignatures = 4
)

// Statement returns what the signatures of the change are over: a line for each of its fields, in a fixed order. Lines end in a newline.
func (c *KeyChange) Statement() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nversion: %d\n", keysFormat, c.Version)
	if c.Previous != "" {
		fmt.Fprintf(&b, "previous: %s\n", c.Previous)
	}
	fmt.Fprintf(&b, "date: %s\nexpires: %s\n", c.Date, c.Expires)
	for _, added := range c.Add {
		fmt.Fprintf(&b, "add: %s %s %s\n", added.Key, added.Role, added.Name)
	}
	for _, removed := range c.Remove {
		fmt.Fprintf(&b, "remove: %s %s %s\n", removed.Key, removed.State, removed.Reason)
	}
	return b.Bytes()
}

// Digest returns the digest of the statement.
func (c *KeyChange) Digest() digest.Digest { return digest.FromBytes(c.Statement()) }

// KeysExpiry returns the time after which the list of keys is not accepted as the latest, and whether there is a list.
func (i *Index) KeysExpiry() (time.Time, bool) {
	if len(i.Keys) == 0 {
		return time.Time{}, false
	}
	expiry, err := time.Parse(time.RFC3339, i.Keys[len(i.Keys)-1].Expires)
	return expiry, err == nil
}

// CheckKeyText returns an error unless text can be the name of a key or the reason for its removal: one line of printable characters.
func CheckKeyText(shown string) error {
	switch {
	case len(shown) > MaxKeyText:
		return fmt.Errorf("has %d bytes, at most %d are read", len(shown), MaxKeyText)
	case strings.TrimSpace(shown) != shown || strings.ContainsFunc(shown, func(r rune) bool { return !unicode.IsPrint(r) }):
		return errors.New("must be one line of printable characters, without spaces around it")
	}
	return nil
}

// keys checks the form of the list of keys. Whether the changes are signed by whom they must be is a question for package trust.
func (c *indexChecker) keys() {
	if len(c.index.Keys) > MaxKeyChanges {
		c.report("keys", "has %d changes, at most %d are read", len(c.index.Keys), MaxKeyChanges)
		return
	}
	previous := digest.Digest("")
	for i := range c.index.Keys {
		change := &c.index.Keys[i]
		field := index("keys", i)
		if change.Version != int64(i)+1 {
			c.report(join(field, "version"), "must be %d", i+1)
		}
		if change.Previous != previous {
			c.report(join(field, "previous"), "is not the digest of the change before")
		}
		c.keyChange(field, change)
		previous = change.Digest()
	}
}

func (c *indexChecker) keyChange(field string, change *KeyChange) {
	if _, err := time.Parse(time.DateOnly, change.Date); err != nil {
		c.report(join(field, "date"), "%q is not a date of the form 2006-01-02", text.Shorten(change.Date, 40))
	}
	c.time(join(field, "expires"), change.Expires)
	if n := len(change.Add) + len(change.Remove); n > MaxChangedKeys {
		c.report(field, "adds and removes %d keys, at most %d are read", n, MaxChangedKeys)
		return
	}
	for i, added := range change.Add {
		at := join(field, index("add", i))
		c.publicKey(join(at, "key"), added.Key)
		c.oneOf(join(at, "role"), string(added.Role), []string{string(Root), string(Publisher)})
		c.checker.check(join(at, "name"), CheckKeyText(added.Name))
	}
	for i, removed := range change.Remove {
		at := join(field, index("remove", i))
		c.publicKey(join(at, "key"), removed.Key)
		c.oneOf(join(at, "state"), string(removed.State), []string{string(Retired), string(Revoked)})
		c.checker.check(join(at, "reason"), CheckKeyText(removed.Reason))
	}
	if n := len(change.Signatures); n < 1 || n > maxKeySignatures {
		c.report(join(field, "signatures"), "must be 1 to %d", maxKeySignatures)
		return
	}
	for i, signature := range change.Signatures {
		c.signature(join(field, index("signatures", i)), signature)
	}
}

// publicKey reports what is not a minisign public key on one line, exactly as the tool writes it.
func (c *indexChecker) publicKey(field, shown string) {
	var key minisign.PublicKey
	if key.UnmarshalText([]byte(shown)) != nil || key.String() != shown {
		c.report(field, "%q is not a minisign public key", text.Shorten(shown, 80))
	}
}

// signature reports what is not the content of a signature file.
func (c *indexChecker) signature(field, content string) {
	var signature minisign.Signature
	if len(content) > MaxSignature || signature.UnmarshalText([]byte(content)) != nil {
		c.report(field, "is not a minisign signature")
	}
}

// time reports what is not a time in RFC 3339.
func (c *indexChecker) time(field, shown string) {
	if _, err := time.Parse(time.RFC3339, shown); err != nil {
		c.report(field, "%q is not a time of the form 2006-01-02T15:04:05Z", text.Shorten(shown, 40))
	}
}

// checkKeysSuccessor compares the list of keys of an index with one that was seen before: it must begin with the same changes.
func checkKeysSuccessor(place string, before, now *Index) error {
	for i := range before.Keys {
		switch {
		case i >= len(now.Keys):
			return &IndexError{Place: place, Kind: ErrRollback, Text: fmt.Sprintf("change %d of the list of keys was seen, %d is the last that is served", len(before.Keys), len(now.Keys))}
		case now.Keys[i].Digest() != before.Keys[i].Digest():
			return &IndexError{Place: place, Kind: ErrRewritten, Text: fmt.Sprintf("change %d of the list of keys is another than before", i+1)}
		}
	}
	return nil
}
