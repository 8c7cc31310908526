package dataset

import (
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/internal/disk"
)

// isHidden reports whether a name, which is no path, is one that systems do not show.
func isHidden(name string) bool { return strings.HasPrefix(name, ".") }

// looksLikeImage reports whether a regular file is an image by its extension or, if that is none of images, by its first bytes.
func looksLikeImage(path string) bool {
	if preprocess.HasEnding(path) {
		return true
	}
	file, err := openRegular(path)
	if err != nil {
		return false
	}
	defer file.Close()
	return preprocess.RecognisesFile(file)
}

// openRegular opens a file. It never opens a pipe, which would wait for somebody to write into it, nor a device: then the error is a *[disk.NotRegularError].
func openRegular(path string) (io.ReadCloser, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &disk.NotRegularError{Path: path, Mode: info.Mode()}
	}
	return os.Open(path)
}

// opener returns the Open of an image in a file.
func opener(path string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return openRegular(path) }
}

// isMissing reports whether a file is not there.
func isMissing(path string) bool {
	_, err := os.Stat(path)
	return os.IsNotExist(err)
}

// kindOf returns the type bits of what an entry of a folder is, or leads to if it is a link; missing if it leads to nothing.
func kindOf(path string, entry fs.DirEntry) (kind fs.FileMode, missing bool) {
	if entry.Type()&fs.ModeSymlink == 0 {
		return entry.Type(), false
	}
	info, err := os.Stat(path)
	if err != nil {
		return 0, true
	}
	return info.Mode().Type(), false
}
