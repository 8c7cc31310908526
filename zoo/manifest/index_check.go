package manifest

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
)

// The ways in which a place may serve a false index. An *IndexError wraps one of them.
var (
	// ErrRollback: the index is older than one that was seen.
	ErrRollback = errdef.New(errdef.ErrIntegrity, "rollback")
	// ErrFreeze: the index has expired, so newer ones may be withheld.
	ErrFreeze = errdef.New(errdef.ErrIntegrity, "freeze")
	// ErrRewritten: the index lacks or changes an entry of an earlier one.
	ErrRewritten = errdef.New(errdef.ErrIntegrity, "rewritten history")
	// ErrKeys: the list of keys was changed by somebody who may not.
	ErrKeys = errdef.New(errdef.ErrIntegrity, "false list of keys")
)

// IndexError says what is wrong with an index that is signed and well formed.
type IndexError struct {
	// Place is the one that served it.
	Place string
	// Kind is ErrRollback, ErrFreeze, ErrRewritten or ErrKeys.
	Kind error
	// Text says what was found.
	Text string
}

func (e *IndexError) Error() string {
	return fmt.Sprintf("index of %s: %s: %s", e.Place, e.Kind, e.Text)
}

func (e *IndexError) Unwrap() error { return e.Kind }

// Is makes every IndexError an errdef.ErrIntegrity.
func (*IndexError) Is(kind error) bool { return kind == errdef.ErrIntegrity }

// Hint says what it may mean.
func (e *IndexError) Hint() string {
	if errors.Is(e.Kind, ErrFreeze) {
		return "the publisher must renew the index, or somebody withholds a newer one; also check the clock of this machine"
	}
	return "somebody may be serving an old or forged state; ask the publisher"
}

// CheckSuccessor compares the index that place serves now with the one that was seen before. It must be the same, or a later one that has
// every entry and every change of keys of the earlier one. Of an entry only its status and its later signature may change. The error is of type
// *IndexError.
func CheckSuccessor(place string, before, now *IndexDocument) error {
	fail := func(kind error, format string, arguments ...any) error {
		return &IndexError{Place: place, Kind: kind, Text: fmt.Sprintf(format, arguments...)}
	}
	switch {
	case now.Version < before.Version:
		return fail(ErrRollback, "version %d was seen, %d is served", before.Version, now.Version)
	case now.Version == before.Version && now.Digest() != before.Digest():
		return fail(ErrRewritten, "there are two different versions %d", now.Version)
	}
	if err := checkKeysSuccessor(place, &before.Index, &now.Index); err != nil {
		return err
	}
	for _, entry := range before.Entries {
		kept, err := now.Find(entry.Reference())
		if err != nil {
			return fail(ErrRewritten, "%s was there and is gone", entry.Reference())
		}
		if kept.Digest != entry.Digest {
			return fail(ErrRewritten, "%s had the manifest %s and has %s now", entry.Reference(), entry.Digest, kept.Digest)
		}
		if kept.Status, kept.Resigned = entry.Status, entry.Resigned; kept != entry {
			return fail(ErrRewritten, "%s has another title, size or signature now", entry.Reference())
		}
	}
	return nil
}

// CheckFresh returns an *IndexError of kind ErrFreeze if the index, which place serves, or its list of keys has expired at now.
func (i *Index) CheckFresh(place string, now time.Time) error {
	expiry, err := i.Expiry()
	if err != nil || now.After(expiry) {
		return &IndexError{Place: place, Kind: ErrFreeze, Text: fmt.Sprintf("version %d expired at %.40s", i.Version, i.Expires)}
	}
	return i.CheckKeysFresh(place, now)
}

// CheckKeysFresh returns an *IndexError of kind ErrFreeze if the list of keys has expired at now.
func (i *Index) CheckKeysFresh(place string, now time.Time) error {
	if expiry, hasKeys := i.KeysExpiry(); hasKeys && now.After(expiry) {
		return &IndexError{Place: place, Kind: ErrFreeze, Text: fmt.Sprintf("the list of keys expired at %s", expiry.Format(time.RFC3339))}
	}
	return nil
}

// indexChecker collects problems of one index.
type indexChecker struct {
	checker
	index *Index
}

func (c *indexChecker) check() {
	switch c.index.Format {
	case IndexFormat:
	case IndexFormatV1:
		for _, field := range c.index.laterFields() {
			c.report(field, "an index of the format %q cannot have it", IndexFormatV1)
		}
	default:
		c.report("format", "is %q, this program reads %q and %q", text.Shorten(c.index.Format, 40), IndexFormatV1, IndexFormat)
	}
	if c.index.Version < 1 {
		c.report("version", "counts from 1")
	}
	c.time("expires", c.index.Expires)
	c.keys()
	for i, entry := range c.index.Entries {
		c.entry(index("entries", i), entry)
		if i > 0 && compareEntries(c.index.Entries[i-1], entry) >= 0 {
			c.report(index("entries", i), "is out of order, or is listed twice")
		}
	}
}

func (c *indexChecker) entry(field string, e Entry) {
	c.checker.check(join(field, "id"), CheckName(e.ID))
	c.checker.check(join(field, "version"), CheckVersion(e.Version))
	c.digest(join(field, "digest"), e.Digest)
	c.digest(join(field, "signature.digest"), e.Signature.Digest)
	if e.Resigned != "" {
		c.signature(join(field, "resigned"), e.Resigned)
	}
	if e.Size < 1 || e.Size > MaxSize {
		c.report(join(field, "size"), "is outside of 1 to %d bytes", MaxSize)
	}
	if e.Status != nil {
		c.status(join(field, "status"), *e.Status)
	}
	if e.Signature.Size < 1 || e.Signature.Size > MaxSignature {
		c.report(join(field, "signature.size"), "is outside of 1 to %d bytes", MaxSignature)
	}
}

func (c *indexChecker) status(field string, s Status) {
	c.oneOf(join(field, "state"), s.State, []string{Deprecated, Withdrawn})
	c.checker.check(join(field, "reason"), CheckReason(s.Reason))
	if s.Successor != "" {
		_, err := ParseReference(s.Successor)
		c.checker.check(join(field, "successor"), err)
	}
}

// formatLine is the line of an index that says what the other lines mean.
var formatLine = regexp.MustCompile(`(?m)^format: "?(beitzoo\.index\.v[0-9]{1,4})"?\s*$`)

// laterFormat returns an error that says so if raw is an index of a format that this program does not know: that it has unknown fields is no news then.
func laterFormat(name string, raw []byte) error {
	match := formatLine.FindSubmatch(raw)
	if match == nil || string(match[1]) == IndexFormatV1 || string(match[1]) == IndexFormat {
		return nil
	}
	return failure(name, raw, []Problem{{
		Field: "format", Text: fmt.Sprintf("is %q, which a later version of this program reads; this one reads %q and %q", match[1], IndexFormatV1, IndexFormat),
	}})
}
