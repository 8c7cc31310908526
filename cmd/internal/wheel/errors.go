package wheel

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/beitzoo/beitzoo/errdef"
)

// ChecksumError is a member of a wheel that differs from what the wheel's RECORD says.
type ChecksumError struct {
	Member string
}

func (e *ChecksumError) Error() string {
	return fmt.Sprintf("%q does not have the checksum of the wheel's RECORD", e.Member)
}

// Hint says how to download it again.
func (e *ChecksumError) Hint() string {
	return "the download is damaged: remove it and type `make libtorch` again"
}

// Is reports that a digest does not match.
func (e *ChecksumError) Is(kind error) bool { return kind == errdef.ErrIntegrity }

// DownloadError is a failed download of wheels.
type DownloadError struct {
	Requirements []string
	// Output is what pip printed.
	Output string
	Err    error
}

func (e *DownloadError) Error() string {
	return fmt.Sprintf("pip download %s: %v\n%s", strings.Join(e.Requirements, " "), e.Err, e.Output)
}

// Unwrap returns pip's exit status, or why it did not start.
func (e *DownloadError) Unwrap() error { return e.Err }

// Hint says what to install if pip is missing, otherwise what to check.
func (e *DownloadError) Hint() string {
	if e.noPip() {
		return "install Python 3 with pip (Debian, Ubuntu: apt-get install python3-pip), or set LIBTORCH to the folder of a libtorch"
	}
	return "check that pip reaches a package index, or set LIBTORCH to the folder of a libtorch"
}

// Is reports that the machine has no pip, or that pip could not reach the package index.
func (e *DownloadError) Is(kind error) bool {
	if e.noPip() {
		return kind == errdef.ErrUnavailable
	}
	return kind == errdef.ErrNetwork
}

func (e *DownloadError) noPip() bool {
	return errors.Is(e.Err, exec.ErrNotFound) || strings.Contains(e.Output, "No module named pip")
}

// SpaceError is a disk that is too full.
type SpaceError struct {
	Folder string
	// Need and Have are in bytes.
	Need, Have uint64
}

func (e *SpaceError) Error() string {
	return fmt.Sprintf("%s has %s free, libtorch needs %s", e.Folder, humanize.Bytes(e.Have), humanize.Bytes(e.Need))
}

// Hint says how to use another disk.
func (e *SpaceError) Hint() string {
	return "make room, or set XDG_CACHE_HOME to a folder on another disk"
}

// Is reports that the machine lacks something.
func (e *SpaceError) Is(kind error) bool { return kind == errdef.ErrUnavailable }
