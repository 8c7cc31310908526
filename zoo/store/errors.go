package store

import (
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/errdef"
)

// The kinds of errors of stores, which wrap them; test with errors.Is.
var (
	// ErrInvalid: a blob, digest, name, address or file is malformed.
	ErrInvalid = errdef.New(errdef.ErrInput, "invalid")
	// ErrNotFound: the store has no such blob.
	ErrNotFound = errdef.New(errdef.ErrNetwork, "not found")
	// ErrDigestMismatch: the bytes are not those that were asked for. [DigestError] and [SizeError] have the details.
	ErrDigestMismatch = errdef.New(errdef.ErrIntegrity, "digest mismatch")
	// ErrUnreachable: the store did not answer, or its answer cannot be used. [SourceError] has the details.
	ErrUnreachable = errdef.New(errdef.ErrNetwork, "unreachable")
	// ErrUnauthorized: the store requires a login, or refuses the one that it got.
	ErrUnauthorized = errdef.New(errdef.ErrNetwork, "not authorised")
	// ErrChanged: the source has other content than when the copy began.
	ErrChanged = errdef.New(errdef.ErrNetwork, "changed in the meantime")
	// ErrNoRanges: the source sends whole blobs only. Copy handles this error itself.
	ErrNoRanges = errdef.New(errdef.ErrInput, "no ranges")
	// ErrNotWeights: the source sent something else, such as a web page, instead of the file.
	ErrNotWeights = errdef.New(errdef.ErrNetwork, "a web page instead of the file")
	// ErrExists: the name or version is taken, and is never overwritten.
	ErrExists = errdef.New(errdef.ErrUsage, "exists already")
	// ErrReadOnly: the store cannot be written to.
	ErrReadOnly = errdef.New(errdef.ErrUsage, "read-only")
)

// DigestError says which bytes were wrong.
type DigestError struct {
	// Name is that of the blob, for messages.
	Name      string
	Want, Got digest.Digest
	// Span says where the bytes are in the blob.
	Span Span
	// Chunk is the index of the chunk, or -1 if the digest is that of the whole blob.
	Chunk int
	// Source is the store that sent them, or empty.
	Source string
}

func (e *DigestError) Error() string {
	what := e.Name
	if e.Chunk >= 0 {
		what = fmt.Sprintf("chunk %d (bytes %d to %d) of %s", e.Chunk, e.Span.Offset, e.Span.End()-1, e.Name)
	}
	return fmt.Sprintf("%s%s: %v: want %s, got %s", what, fromSource(e.Source), ErrDigestMismatch, e.Want, e.Got)
}

// Is makes a DigestError an ErrDigestMismatch and an errdef.ErrIntegrity.
func (*DigestError) Is(kind error) bool {
	return kind == ErrDigestMismatch || kind == errdef.ErrIntegrity
}

// Hint says what to do next.
func (*DigestError) Hint() string {
	return "the wrong bytes were discarded; try again: if the error stays, the source does not have the file that the manifest describes"
}

// SizeError says that there are more or fewer bytes than there should be. The digest cannot match either.
type SizeError struct {
	// Name is that of the blob, for messages.
	Name string
	// Want and Got are in bytes. If there were too many, Got is where reading stopped.
	Want, Got int64
	// Source is the store that sent them, or empty.
	Source string
}

func (e *SizeError) Error() string {
	if e.Got > e.Want {
		return fmt.Sprintf("%s%s: %v: more than the %d bytes it should have", e.Name, fromSource(e.Source), ErrDigestMismatch, e.Want)
	}
	return fmt.Sprintf("%s%s: %v: %d bytes, should be %d", e.Name, fromSource(e.Source), ErrDigestMismatch, e.Got, e.Want)
}

// Is makes a SizeError an ErrDigestMismatch and an errdef.ErrIntegrity.
func (*SizeError) Is(kind error) bool {
	return kind == ErrDigestMismatch || kind == errdef.ErrIntegrity
}

// ExistsError says which blob is there already, for callers who did not know its digest.
type ExistsError struct{ Blob Blob }

func (e *ExistsError) Error() string { return fmt.Sprintf("%s %v", e.Blob, ErrExists) }

// Is makes an ExistsError an ErrExists and an errdef.ErrUsage.
func (*ExistsError) Is(kind error) bool { return kind == ErrExists || kind == errdef.ErrUsage }

// SourceError says what went wrong with a store. It never holds a secret: no query of an address, no user information, no header.
type SourceError struct {
	// Source names the store: an address or a folder.
	Source string
	// Status is the HTTP status, or 0.
	Status int
	// Temporary reports that trying again may help, but not before After has passed.
	Temporary bool
	After     time.Duration
	// Kind is one of the Err values of this package; Err is the cause, or nil.
	Kind error
	Err  error
	// Advice is what the user could do, or empty.
	Advice string
}

func (e *SourceError) Error() string {
	text := fmt.Sprintf("%s: %v", e.Source, e.Kind)
	if e.Status != 0 {
		text += fmt.Sprintf(" (HTTP status %d)", e.Status)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the kind and the cause.
func (e *SourceError) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// Hint returns the advice.
func (e *SourceError) Hint() string { return e.Advice }

// Temporary reports whether trying again may help against err, and how long to wait at least.
func Temporary(err error) (after time.Duration, ok bool) {
	var source *SourceError
	if errors.As(err, &source) && source.Temporary {
		return source.After, true
	}
	return 0, false
}

// fromSource returns " from " and the name of a source, or nothing if it has none.
func fromSource(source string) string {
	if source == "" {
		return ""
	}
	return " from " + source
}
