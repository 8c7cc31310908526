package disk

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// OpenRegular opens a file to be read. It opens no named pipe, which would wait for somebody to write into it, nor a device, which might never end, nor a socket: then
// the error is a *[NotRegularError], else one of the system. A pipe that the process has been given, such as /dev/stdin, is read.
func OpenRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	kind := info.Mode().Type()
	if kind == 0 || kind == fs.ModeDir || kind == fs.ModeNamedPipe && isGiven(path) { // to read a folder is an error
		return os.Open(path)
	}
	return nil, &NotRegularError{Path: path, Mode: info.Mode()}
}

// given are the names of what the process has open.
var given = regexp.MustCompile(`^/dev/(stdin|fd/[0-9]+)$|^/proc/(self|[0-9]+)/fd/[0-9]+$`)

// isGiven reports whether a path leads to what the process has open already.
func isGiven(path string) bool {
	for range 8 { // links, such as a name for /dev/stdin
		absolute, err := filepath.Abs(path)
		if err != nil {
			return false
		}
		if given.MatchString(absolute) {
			return true
		}
		target, err := os.Readlink(absolute)
		if err != nil {
			return false
		}
		if path = target; !filepath.IsAbs(target) {
			path = filepath.Join(filepath.Dir(absolute), target)
		}
	}
	return false
}
