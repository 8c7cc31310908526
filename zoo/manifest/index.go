package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/suggest"
)

// SignatureSuffix is appended to the name of a file to name the file of its signature.
const SignatureSuffix = ".minisig"

// MaxSignature bounds a signature file in bytes; an honest one has about 300.
const MaxSignature = 4 << 10

// The values of the field format of an index. Programs that know only the first one refuse the second, because they do not know its fields. So an
// index keeps the first one as long as it can: see Encode.
const (
	// IndexFormat is that of an index with a list of keys, statuses, or manifests that were signed again.
	IndexFormat = "beitzoo.index.v2"
	// IndexFormatV1 is that of an index without them. Whoever changes such an index gives it a list of keys.
	IndexFormatV1 = "beitzoo.index.v1"
)

// Index lists the manifests of one place, and the keys that may sign for it. It is signed as a whole. Entries and changes of keys are only ever added,
// the statuses of entries may change, and Version only ever goes up.
type Index struct {
	// Format is IndexFormat or IndexFormatV1.
	Format string `yaml:"format"`
	// Version counts the published states of the index, from 1.
	Version int64 `yaml:"version"`
	// Expires is the time (RFC 3339, UTC) after which a reader must not accept this state as the latest.
	Expires string `yaml:"expires"`
	// Keys are all changes of the list of keys, from the first. Package trust checks their signatures.
	Keys []KeyChange `yaml:"keys,omitempty"`
	// Entries are sorted by ID and version.
	Entries []Entry `yaml:"entries"`
}

// Entry is a line of an index: one version of a set of weights.
type Entry struct {
	ID      string `yaml:"id"`
	Version string `yaml:"version"`
	// Title is that of the manifest.
	Title string `yaml:"title"`
	// Digest and Size (bytes) are those of the manifest's file.
	Digest digest.Digest `yaml:"digest"`
	Size   int64         `yaml:"size"`
	// Signature is the file with the signature that the manifest was published with.
	Signature Content `yaml:"signature"`
	// Status is what the publisher said about the entry later, or nil.
	Status *Status `yaml:"status,omitempty"`
	// Resigned is the content of a signature file that takes the place of Signature, or empty. The artifact of an entry never changes, so a later
	// signature stands here.
	Resigned string `yaml:"resigned,omitempty"`
}

// Reference names the entry.
func (e Entry) Reference() Reference { return Reference{Name: e.ID, Version: e.Version} }

// IndexDocument is an index with the bytes that it was read from.
type IndexDocument struct {
	Index
	// Raw are the exact bytes; Digest and signatures are over them.
	Raw []byte
}

// Digest returns the digest of the exact bytes of the file.
func (d *IndexDocument) Digest() digest.Digest { return digest.FromBytes(d.Raw) }

// ParseIndex reads an index strictly and checks what can be checked without its manifests. name is used only in messages. raw must not change
// afterwards. The error is of type *Error.
func ParseIndex(name string, raw []byte) (*IndexDocument, error) {
	document := &IndexDocument{Raw: raw}
	positions, err := decode(name, raw, &document.Index)
	if err != nil {
		return nil, cmp.Or(laterFormat(name, raw), err)
	}
	c := &indexChecker{index: &document.Index}
	c.check()
	if len(c.problems) == 0 {
		return document, nil
	}
	for i, problem := range c.problems {
		c.problems[i].Position = (&Document{positions: positions}).position(problem.Field)
	}
	return nil, failure(name, raw, c.problems)
}

// Encode sets Format to the first one that can hold the index, and returns the file of the index. The same index always makes the same bytes, and
// ParseIndex reads them back.
func (i *Index) Encode() ([]byte, error) {
	i.Format = IndexFormatV1
	if len(i.laterFields()) > 0 {
		i.Format = IndexFormat
	}
	return encode(i)
}

// laterFields returns the fields that an index of the format IndexFormatV1 cannot have.
func (i *Index) laterFields() []string {
	var fields []string
	if len(i.Keys) > 0 {
		fields = append(fields, "keys")
	}
	for n, entry := range i.Entries {
		if entry.Status != nil {
			fields = append(fields, join(index("entries", n), "status"))
		}
		if entry.Resigned != "" {
			fields = append(fields, join(index("entries", n), "resigned"))
		}
	}
	return fields
}

// Expiry returns the time of Expires.
func (i *Index) Expiry() (time.Time, error) { return time.Parse(time.RFC3339, i.Expires) }

// Add inserts an entry in order. If the index has its name and version already with another digest, the error is a *TakenError; if it has a higher
// version, a *BackwardsError. If it has the same entry already, added is false.
func (i *Index) Add(entry Entry) (added bool, err error) {
	at, found := slices.BinarySearchFunc(i.Entries, entry, compareEntries)
	if found && i.Entries[at].Digest != entry.Digest {
		return false, &TakenError{Reference: entry.Reference(), Have: i.Entries[at].Digest, New: entry.Digest}
	}
	if found {
		return false, nil
	}
	if at < len(i.Entries) && i.Entries[at].ID == entry.ID {
		return false, &BackwardsError{Reference: entry.Reference(), Latest: i.latest(entry.ID)}
	}
	i.Entries = slices.Insert(i.Entries, at, entry)
	return true, nil
}

// latest returns the highest version of a name.
func (i *Index) latest(id string) string {
	latest := ""
	for _, entry := range i.Entries {
		if entry.ID == id {
			latest = entry.Version
		}
	}
	return latest
}

// BackwardsError says that a higher version is published already.
type BackwardsError struct {
	Reference Reference
	Latest    string
}

func (e *BackwardsError) Error() string {
	return fmt.Sprintf("%s goes back: version %s is published already", e.Reference, e.Latest)
}

// Is makes a BackwardsError an errdef.ErrUsage.
func (*BackwardsError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what to do instead.
func (e *BackwardsError) Hint() string {
	return "versions only go up: publish under a version above " + e.Latest
}

func compareEntries(a, b Entry) int {
	if order := strings.Compare(a.ID, b.ID); order != 0 {
		return order
	}
	return CompareVersions(a.Version, b.Version)
}

// Find returns the entry of a reference, as Pick chooses it.
func (i *Index) Find(reference Reference) (Entry, error) {
	at, err := Pick(reference, i.options())
	if err != nil {
		return Entry{}, err
	}
	return i.Entries[at], nil
}

func (i *Index) options() []Option {
	options := make([]Option, len(i.Entries))
	for n, entry := range i.Entries {
		options[n] = Option{entry.Reference(), entry.Status}
	}
	return options
}

// Option is an entry that Pick may choose.
type Option struct {
	Reference
	Status *Status
}

// Pick returns the position of a reference in a list. Without a version it is that of the latest release, or of the latest pre-release if there is
// no release; withdrawn entries are left out. The error is a *NotFoundError, or a *WithdrawnError if nothing else is left.
func Pick(wanted Reference, all []Option) (int, error) {
	best := -1
	var withdrawn []Option
	for n, candidate := range all {
		switch {
		case candidate.Name != wanted.Name || wanted.Version != "" && candidate.Version != wanted.Version:
		case wanted.Version == "" && candidate.Status.IsWithdrawn():
			withdrawn = append(withdrawn, candidate)
		case best < 0 || newer(candidate.Version, all[best].Version):
			best = n
		}
	}
	switch {
	case best >= 0:
		return best, nil
	case len(withdrawn) > 0:
		return 0, &WithdrawnError{Name: wanted.Name, Versions: withdrawn}
	}
	return 0, notFound(wanted, all)
}

// newer prefers releases to pre-releases, then the higher version.
func newer(a, b string) bool {
	if preA, preB := strings.Contains(a, "-"), strings.Contains(b, "-"); preA != preB {
		return preB
	}
	return CompareVersions(a, b) > 0
}

func notFound(wanted Reference, all []Option) *NotFoundError {
	var names, versions []string
	for _, candidate := range all {
		names = append(names, candidate.Name)
		if candidate.Name == wanted.Name {
			versions = append(versions, candidate.Version)
		}
	}
	return &NotFoundError{Wanted: wanted, Versions: versions, Nearest: suggest.Nearest(wanted.Name, names)}
}

// NotFoundError says that there is no such entry.
type NotFoundError struct {
	Wanted Reference
	// Versions are the existing versions of that name, if any.
	Versions []string
	// Nearest is the name that was probably meant, or empty.
	Nearest string
}

func (e *NotFoundError) Error() string { return fmt.Sprintf("the zoo has no %q", e.Wanted.String()) }

// Is makes a NotFoundError an errdef.ErrUsage.
func (*NotFoundError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint lists the existing versions, or suggests a name.
func (e *NotFoundError) Hint() string {
	switch {
	case len(e.Versions) > 0:
		return "versions of it: " + strings.Join(e.Versions, ", ")
	case e.Nearest != "":
		return fmt.Sprintf("did you mean %s?", e.Nearest)
	}
	return ""
}

// TakenError says that a version is published already, with other content.
type TakenError struct {
	Reference Reference
	Have, New digest.Digest
}

func (e *TakenError) Error() string {
	return fmt.Sprintf("%s is published already, with another manifest (%s)", e.Reference, e.Have)
}

// Is makes a TakenError an errdef.ErrUsage.
func (*TakenError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what to do instead.
func (*TakenError) Hint() string {
	return "a published version never changes: publish under a higher version"
}
