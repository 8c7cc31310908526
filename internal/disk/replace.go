package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/beitzoo/beitzoo/errdef"
)

// NotFileError says that there is something at the path that is not a file, such as a device: a rename would destroy it.
type NotFileError struct {
	Path string
	// Mode says what is there instead.
	Mode fs.FileMode
}

func (e *NotFileError) Error() string {
	what := "a device, pipe or socket"
	if e.Mode.IsDir() {
		what = "a folder"
	}
	return fmt.Sprintf("%s is %s, and only a file can be replaced", e.Path, what)
}

// Is reports that the request was wrong.
func (e *NotFileError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint returns what to do next.
func (e *NotFileError) Hint() string { return "give the name of a file" }

// CheckFile returns a *[NotFileError] if there is something at path, or behind a link there, that is not a file.
func CheckFile(path string) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return &NotFileError{Path: path, Mode: info.Mode()}
	}
	return nil
}

// Replace writes the file at path with the content that write produces. It writes a new file beside path, syncs it, and renames it to path, so the
// old content stays until the new one is complete. The file has the permissions mode, whatever the umask. If there is
// something else than a file at path, or behind a link there, the error is a *[NotFileError].
func Replace(path string, mode fs.FileMode, write func(to io.Writer) error) error {
	if err := CheckFile(path); err != nil {
		return err
	}
	file, err := CreatePartial(path)
	if err != nil {
		return err
	}
	defer func() {
		file.Close()
		os.Remove(file.Name()) // does nothing after the rename
	}()
	if err := write(file); err != nil {
		return WriteError(path, file, err)
	}
	if err := errors.Join(file.Chmod(mode), file.Sync()); err != nil {
		return AtTarget(path, err)
	}
	if err := Publish(file, path); err != nil {
		return err
	}
	SyncFolder(filepath.Dir(path))
	return nil
}

// WriteError returns the error of writing to the partial file of path: as a *TargetError if it is about that file.
func WriteError(path string, file *os.File, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) && at.Path == file.Name() {
		return &TargetError{Path: path, Err: err}
	}
	return err
}

// WriteFile is [Replace] for content in memory.
func WriteFile(path string, content []byte, mode fs.FileMode) error {
	return Replace(path, mode, func(to io.Writer) error {
		_, err := to.Write(content)
		return err
	})
}

// NewFolder makes the folder path. fill creates the folder partial, beside path, and its files; then partial is renamed to path. If fill fails, partial
// is deleted. The files are not synced.
func NewFolder(path string, fill func(partial string) error) (err error) {
	partial := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".partial")
	if err := os.RemoveAll(partial); err != nil {
		return err
	}
	if err := fill(partial); err != nil {
		return errors.Join(err, os.RemoveAll(partial))
	}
	if err := os.Rename(partial, path); err != nil {
		return errors.Join(err, os.RemoveAll(partial))
	}
	return nil
}

// SyncFolder makes the names in a folder durable. Some systems cannot open a folder; then it does nothing. The files themselves are complete either
// way, so it reports no error.
func SyncFolder(path string) {
	folder, err := os.Open(filepath.Clean(path))
	if err != nil {
		return
	}
	defer folder.Close()
	_ = folder.Sync()
}

// TooLargeError says that a file is larger than Limit, in bytes.
type TooLargeError struct {
	Path  string
	Limit int64
}

// Is reports that what was read is not usable.
func (e *TooLargeError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what such a file usually is.
func (e *TooLargeError) Hint() string {
	return "it is another file than the one that is meant: check the path"
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s is larger than %d bytes", e.Path, e.Limit)
}

// NotRegularError says that something is to be read that is not a file: a pipe, of which opening it would wait for somebody to write into it, a device, or a
// folder.
type NotRegularError struct {
	Path string
	// Mode says what is there instead.
	Mode fs.FileMode
}

func (e *NotRegularError) Error() string {
	what := "a pipe, device or socket"
	if e.Mode.IsDir() {
		what = "a folder"
	}
	return fmt.Sprintf("%s is %s, where a file is expected", e.Path, what)
}

// Is reports that what was given is not usable.
func (e *NotRegularError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint returns what to do next.
func (e *NotRegularError) Hint() string {
	if e.Mode.IsDir() {
		return "give the path of a file"
	}
	return "save it to a file first and give that"
}

// ReadFile reads a whole file of at most limit bytes. A larger one is a *[TooLargeError], what is no file a *[NotRegularError].
func ReadFile(path string, limit int64) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, &NotRegularError{Path: path, Mode: info.Mode()}
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > limit {
		return nil, &TooLargeError{Path: path, Limit: limit}
	}
	return content, nil
}
