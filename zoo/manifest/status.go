package manifest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
)

// The states of an entry about which its publisher said something later.
const (
	// Deprecated is the state of an entry that can be used, although its publisher recommends something else.
	Deprecated = "deprecated"
	// Withdrawn is the state of an entry that is wrong. Who asks for no version does not get it; who asks for this version does, with a warning, so that work which depends
	// on it can still be repeated. Cargo and Go treat what is yanked or retracted alike.
	Withdrawn = "withdrawn"
)

// Status is what a publisher says about an entry after it was published. It stands in the index, because a manifest never changes.
type Status struct {
	// State is Deprecated or Withdrawn.
	State string `json:"state" yaml:"state"`
	// Reason says why, on one line, for people.
	Reason string `json:"reason" yaml:"reason"`
	// Successor is what to use instead: NAME or NAME@VERSION. It may be empty.
	Successor string `json:"successor,omitempty" yaml:"successor,omitempty"`
}

// maxReason bounds a reason in bytes.
const maxReason = 500

// CheckReason returns a *StatusError unless reason is one line of text that an index can hold.
func CheckReason(reason string) error {
	const remedy = "say on one line what users should know"
	switch {
	case strings.TrimSpace(reason) == "":
		return &StatusError{Why: "a reason must be given", Remedy: remedy}
	case len(reason) > maxReason:
		return &StatusError{Why: fmt.Sprintf("the reason has %d bytes, at most %d are allowed", len(reason), maxReason), Remedy: remedy}
	case strings.ContainsAny(reason, "\r\n"):
		return &StatusError{Why: "the reason has more than one line", Remedy: remedy}
	case strings.TrimSpace(reason) != reason:
		return &StatusError{Why: "the reason begins or ends with a space", Remedy: remedy}
	}
	if why, bad := scanLine([]byte(reason)); bad {
		return &StatusError{Why: "the reason: " + why, Remedy: remedy}
	}
	return nil
}

// IsWithdrawn reports whether the entry was withdrawn. A nil Status is that of an entry about which nothing was said.
func (s *Status) IsWithdrawn() bool { return s != nil && s.State == Withdrawn }

// String returns the state, the reason, and what to use instead.
func (s *Status) String() string {
	if s.Successor == "" {
		return s.State + ": " + s.Reason
	}
	return s.State + ": " + s.Reason + "; use " + s.Successor + " instead"
}

// StatusError says why a status cannot be given to an entry.
type StatusError struct {
	// Reference is the entry; the zero value if the status itself is wrong.
	Reference Reference
	// Why says what is wrong.
	Why string
	// Has is the status that the entry has, if that is in the way; else nil.
	Has *Status
	// Remedy is what to do, or empty.
	Remedy string
}

func (e *StatusError) Error() string {
	if e.Reference.Name == "" {
		return e.Why
	}
	return e.Reference.String() + " " + e.Why
}

// Is makes a StatusError an errdef.ErrUsage.
func (*StatusError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint returns the remedy.
func (e *StatusError) Hint() string { return e.Remedy }

// WithdrawnError says that no version was asked for, and all that exist are withdrawn.
type WithdrawnError struct {
	Name string
	// Versions are the withdrawn ones, with their statuses.
	Versions []Option
}

func (e *WithdrawnError) Error() string {
	newest := e.Versions[0]
	for _, version := range e.Versions {
		if newer(version.Version, newest.Version) {
			newest = version
		}
	}
	if len(e.Versions) == 1 {
		return fmt.Sprintf("%s, the only version, is %s", newest.Reference, newest.Status)
	}
	return fmt.Sprintf("all %d versions of %s are withdrawn; the last one, %s, is %s", len(e.Versions), e.Name, newest.Reference, newest.Status)
}

// Is makes a WithdrawnError an errdef.ErrUsage.
func (*WithdrawnError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint names the versions.
func (e *WithdrawnError) Hint() string {
	var names []string
	for _, version := range e.Versions {
		names = append(names, version.String())
	}
	return "a withdrawn version is used only if it is named: " + strings.Join(slices.Compact(names), ", ")
}

// StatusOf returns the status of the entry of a reference, which must have a version; nil if it has none, or there is no such entry.
func (i *Index) StatusOf(reference Reference) *Status {
	entry, err := i.entry(reference)
	if err != nil {
		return nil
	}
	return entry.Status
}

// SetStatus gives a status to the entry of a reference, which must have a version. changed is false if the entry has that status already. A withdrawn
// entry cannot become deprecated, because it would come back: clear its status first. An entry that does not exist is a *NotFoundError; a status
// that makes no sense a *StatusError.
func (i *Index) SetStatus(reference Reference, status *Status) (changed bool, err error) {
	entry, err := i.entry(reference)
	if err != nil {
		return false, err
	}
	if err := i.checkStatus(reference, *status); err != nil {
		return false, err
	}
	switch {
	case entry.Status != nil && *entry.Status == *status:
		return false, nil
	case entry.Status.IsWithdrawn() && status.State == Deprecated:
		return false, &StatusError{Reference: reference, Has: entry.Status, Why: "is " + entry.Status.String(), Remedy: "deprecating it would bring it back: undo the withdrawal first"}
	}
	entry.Status = status
	return true, nil
}

// ClearStatus takes away the status of the entry of a reference, which must have a version. changed is false if the entry has none. An entry that does
// not exist is a *NotFoundError; one whose status has another state than the given one a *StatusError.
func (i *Index) ClearStatus(reference Reference, state string) (changed bool, err error) {
	entry, err := i.entry(reference)
	if err != nil || entry.Status == nil {
		return false, err
	}
	if entry.Status.State != state {
		return false, &StatusError{Reference: reference, Has: entry.Status, Why: fmt.Sprintf("is not %s: it is %s", state, entry.Status)}
	}
	entry.Status = nil
	return true, nil
}

// entry returns the entry of a reference with a version.
func (i *Index) entry(reference Reference) (*Entry, error) {
	at := slices.IndexFunc(i.Entries, func(e Entry) bool { return e.Reference() == reference })
	if at >= 0 {
		return &i.Entries[at], nil
	}
	missing := notFound(reference, i.options())
	if reference.Version == "" && len(missing.Versions) > 0 {
		return nil, &StatusError{Reference: reference, Why: "needs a version", Remedy: missing.Hint()}
	}
	return nil, missing
}

// checkStatus checks a status that an entry of the index is about to get.
func (i *Index) checkStatus(of Reference, status Status) error {
	if err := CheckReason(status.Reason); err != nil {
		return err
	}
	if status.Successor == "" {
		return nil
	}
	successor, err := ParseReference(status.Successor)
	if err != nil {
		return err
	}
	entry, err := i.Find(successor)
	if err != nil {
		return fmt.Errorf("the successor of %s: %w", of, err)
	}
	if entry.Reference() == of || entry.Status.IsWithdrawn() {
		return &StatusError{Reference: of, Why: fmt.Sprintf("cannot have the successor %s: that is %s", successor, describeSuccessor(entry, of)), Remedy: "name another one, or none"}
	}
	return nil
}

func describeSuccessor(entry Entry, of Reference) string {
	if entry.Reference() == of {
		return "the same entry"
	}
	return entry.Status.State
}
