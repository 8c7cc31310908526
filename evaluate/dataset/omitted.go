package dataset

import (
	"slices"
	"sync"
)

// omitted counts what is left out of tar files, each of which may be read several times. Its methods may be called from several goroutines.
type omitted struct {
	mu    sync.Mutex
	files map[string]*omittedOf
}

// omittedOf is what was left out of one tar file.
type omittedOf struct{ foreign, hidden found }

// set keeps what a reading left out of a file, in place of what an earlier one did.
func (l *omitted) set(path string, of *omittedOf) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.files == nil {
		l.files = map[string]*omittedOf{}
	}
	l.files[path] = of
}

// notes returns what was left out of these files, as far as they have been read.
func (l *omitted) notes(files []archive) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var foreign, hidden found
	for _, file := range files {
		if of := l.files[file.path]; of != nil {
			foreign.join(file.name, of.foreign)
			hidden.join(file.name, of.hidden)
		}
	}
	all := []string{
		foreign.note("file in a tar that is no image is left out", "files in tars that are no images are left out"),
		hidden.note("hidden file in a tar is left out", "hidden files in tars are left out"),
	}
	return slices.DeleteFunc(all, func(note string) bool { return note == "" })
}
