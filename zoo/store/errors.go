package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
	// ErrUnencrypted: an https address leads to a server that speaks http.
	ErrUnencrypted = errdef.New(errdef.ErrNetwork, "the server speaks http, not https")
	// ErrNotWeights: the source sent something else, such as a web page, instead of the file.
	ErrNotWeights = errdef.New(errdef.ErrNetwork, "not the file itself")
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

// Hint says what to do next.
func (*SizeError) Hint() string {
	return "the bytes were discarded; try again: if the error stays, the source has another file, or a proxy between changes it"
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

func (e *SourceError) Error() string { return e.Source + ": " + e.Cause() }

// Cause returns the message without the name of the store.
func (e *SourceError) Cause() string {
	text := e.Kind.Error()
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

// Hint returns the advice, and how long the server asks to wait.
func (e *SourceError) Hint() string {
	if e.After > 0 {
		return strings.TrimPrefix(fmt.Sprintf("%s; the server asks to wait for %v", e.Advice, e.After), "; ")
	}
	return e.Advice
}

// DeadlineError says what a call was waiting for when the time was over that its caller allowed.
type DeadlineError struct {
	// Source names the store that did not answer, or not fast enough.
	Source string
	// Problem is the last error before, or nil.
	Problem error
	// Err is the cause of the context.
	Err error
}

func (e *DeadlineError) Error() string {
	text := e.Source + ": no answer in the time that was allowed"
	if e.Problem != nil {
		text += ", after this error: " + e.Problem.Error()
	}
	return text + ": " + e.Err.Error()
}

// Unwrap returns the cause of the context, usually context.DeadlineExceeded.
func (e *DeadlineError) Unwrap() error { return e.Err }

// Ended returns the error for a call that failed with problem after its context has ended: the cause of the context, and, if that is a deadline, also the
// source and what happened.
func Ended(ctx context.Context, source string, problem error) error {
	cause := context.Cause(ctx)
	var told *DeadlineError
	switch {
	case !errors.Is(cause, context.DeadlineExceeded):
		return cause
	case errors.As(problem, &told):
		return problem
	}
	var last *SourceError
	if !errors.As(problem, &last) {
		return &DeadlineError{Source: source, Err: cause}
	}
	return &DeadlineError{Source: last.Source, Problem: problem, Err: cause}
}

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
