package hub

import (
	"fmt"
	"path"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/beitzoo/beitzoo/errdef"
)

// OfflineError says that a model of the hub is not in the cache, and the network is off.
type OfflineError struct {
	Reference Reference
	// Variable is the environment variable that forbids the network, or empty if the caller does.
	Variable string
}

func (e *OfflineError) Error() string {
	said := e.Reference.String() + " is not on this machine, and the network is off"
	if e.Variable != "" {
		said += " (" + e.Variable + " is set)"
	}
	return said
}

// Is makes an OfflineError an errdef.ErrNetwork.
func (*OfflineError) Is(kind error) bool { return kind == errdef.ErrNetwork }

// Hint says how to get it.
func (*OfflineError) Hint() string { return "pull it once with the network" }

// ChangedError says that what a hub has under a pinned commit is not what was pinned.
type ChangedError struct {
	Reference Reference
	// Pinned is the commit.
	Pinned string
	// Why says what is different.
	Why string
}

func (e *ChangedError) Error() string {
	return fmt.Sprintf("%s is not what was pulled before (pinned: commit %s): %s", e.Reference, e.Pinned, e.Why)
}

// Is makes a ChangedError an errdef.ErrIntegrity.
func (*ChangedError) Is(kind error) bool { return kind == errdef.ErrIntegrity }

// Hint says what may have happened.
func (*ChangedError) Hint() string {
	return "the owner or somebody else replaced it; if you trust the new files, accept them as they are now"
}

// GitError says that a file is not the one that git's name stands for.
type GitError struct{ Name, Want, Got string }

func (e *GitError) Error() string {
	return fmt.Sprintf("%s: digest mismatch: git calls it %s, but what came would be called %s", e.Name, e.Want, e.Got)
}

// Is makes a GitError an errdef.ErrIntegrity.
func (*GitError) Is(kind error) bool { return kind == errdef.ErrIntegrity }

// Hint says what to do next.
func (*GitError) Hint() string {
	return "the bytes were discarded; try again: if the error stays, a proxy between changes them"
}

// The following are errors only to stand among the notices.

// FetchNotice says what is about to be fetched, and from where.
type FetchNotice struct {
	Reference Reference
	Endpoint  string
	Commit    string
	Files     []File
}

func (n *FetchNotice) Error() string {
	var names []string
	var sum int64
	for _, file := range n.Files {
		names = append(names, path.Base(file.Name))
		sum += max(0, file.Size)
	}
	return fmt.Sprintf("fetching %s of %s from %s/%s, %s, commit %.12s", humanize.Bytes(uint64(sum)), strings.Join(names, ", "), n.Endpoint, n.Reference.Repository(),
		n.Reference.Revision, n.Commit)
}

// Is makes a FetchNotice an errdef.ErrInput.
func (*FetchNotice) Is(kind error) bool { return kind == errdef.ErrInput }

// PinnedNotice says that the commit of a revision is pinned from now on.
type PinnedNotice struct {
	Reference Reference
	Commit    string
}

func (n *PinnedNotice) Error() string {
	return fmt.Sprintf("pinned: from now on %s means commit %s, with the files that it has now", n.Reference, n.Commit)
}

// Is makes a PinnedNotice an errdef.ErrInput.
func (*PinnedNotice) Is(kind error) bool { return kind == errdef.ErrInput }

// MovedNotice says that a revision is another commit now than the pinned one, which is used.
type MovedNotice struct {
	Reference   Reference
	Pinned, Now string
}

func (n *MovedNotice) Error() string {
	return fmt.Sprintf("%s of %s is commit %.12s now; the pinned commit %.12s is used", n.Reference.Revision, n.Reference.Repository(), n.Now, n.Pinned)
}

// Is makes a MovedNotice an errdef.ErrInput.
func (*MovedNotice) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says how to take the new one.
func (*MovedNotice) Hint() string { return "accept it as it is now" }

// UnaskedNotice says that the hub could not be asked whether a revision has moved.
type UnaskedNotice struct {
	Reference Reference
	Err       error
}

func (n *UnaskedNotice) Error() string {
	return fmt.Sprintf("the hub could not be asked whether %s has changed, and what is pinned is used: %s", n.Reference, n.Err)
}

func (n *UnaskedNotice) Unwrap() error { return n.Err }
