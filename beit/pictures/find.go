package pictures

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Found are the pictures that names stand for.
type Found struct {
	// Paths are those of the pictures: what each name stands for in the order of the names, the files of a folder or pattern in the order of [Natural].
	Paths []string
	// Foreign is the number of files in folders that are not pictures, by name and content, and Examples are the first of them; Hidden is the number of files
	// and folders there that are left out because their names begin with a dot.
	Foreign, Hidden int
	Examples        []string
}

// mostExamples is how many foreign files a Found names.
const mostExamples = 3

// Notes returns what else has to be known about the list, each a sentence without a full stop.
func (f *Found) Notes() []string {
	var notes []string
	if f.Foreign > 0 {
		notes = append(notes, fmt.Sprintf("%s in the folders left out, which %s not a picture that is read: %s",
			text.Count(f.Foreign, "file", "files"), map[bool]string{true: "is", false: "are"}[f.Foreign == 1], text.List(f.Examples, mostExamples, "")))
	}
	if f.Hidden > 0 {
		notes = append(notes, fmt.Sprintf("%s left out whose names begin with a dot", text.Count(f.Hidden, "file or folder", "files and folders")))
	}
	return notes
}

// NoneError says that names stand for no picture.
type NoneError struct {
	// Name is a pattern that matches nothing, or a folder without pictures.
	Name string
	// Folder says that it is a folder, of which Foreign files are not pictures.
	Folder  bool
	Foreign int
}

func (e *NoneError) Error() string {
	if e.Folder {
		return fmt.Sprintf("the folder %s has no pictures", text.Quote(e.Name))
	}
	return fmt.Sprintf("no file matches %s", text.Quote(e.Name))
}

// Is reports that the wrong name was given.
func (e *NoneError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what is looked for.
func (e *NoneError) Hint() string {
	if e.Folder && e.Foreign > 0 {
		return fmt.Sprintf("it has %s of other kinds", text.Count(e.Foreign, "file", "files"))
	}
	return "folders are searched to the bottom, and in patterns * stands for anything but a slash"
}

// Find returns the pictures that names stand for: a file for itself, whatever it holds; a folder for all pictures in it, to the bottom, links followed; and a
// name that does not exist and has one of *?[ for what it matches (see [filepath.Match]), in which folders are searched, too. In folders a file is a picture by
// the ending of its name or by how it begins; names that begin with a dot are left out. A name that does not exist is a path all the same: to open it is an
// error. The error is a *[NoneError], one of the system about a folder, or that of ctx.
func Find(ctx context.Context, names ...string) (*Found, error) {
	found := &Found{}
	for _, name := range names {
		info, err := os.Stat(name)
		switch {
		case err == nil && info.IsDir():
			if err := found.folder(ctx, name); err != nil {
				return nil, err
			}
		case errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(name, "*?["):
			if err := found.pattern(ctx, name); err != nil {
				return nil, err
			}
		default:
			found.Paths = append(found.Paths, name)
		}
	}
	return found, nil
}

// pattern adds what matches a pattern.
func (f *Found) pattern(ctx context.Context, pattern string) error {
	matches, err := filepath.Glob(pattern)
	if err != nil || len(matches) == 0 {
		return &NoneError{Name: pattern}
	}
	slices.SortFunc(matches, Natural)
	for _, match := range matches {
		if info, err := os.Stat(match); err != nil || !info.IsDir() {
			f.Paths = append(f.Paths, match)
			continue
		}
		err := f.folder(ctx, match)
		if none := (*NoneError)(nil); err != nil && !errors.As(err, &none) {
			return err
		}
	}
	return nil
}

// folder adds the pictures of a folder.
func (f *Found) folder(ctx context.Context, folder string) error {
	before := *f
	if err := f.walk(ctx, folder, nil); err != nil {
		return err
	}
	if len(f.Paths) == len(before.Paths) {
		return &NoneError{Name: folder, Folder: true, Foreign: f.Foreign - before.Foreign}
	}
	return nil
}

// walk adds the pictures of a folder inside of others. above are those on the way, by their real paths: a link to one of them is not followed.
func (f *Found) walk(ctx context.Context, folder string, above []string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	actual, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return err
	}
	if slices.Contains(above, actual) {
		return nil
	}
	above = append(above, actual)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return Natural(a.Name(), b.Name()) })
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
		info, err := os.Stat(path) // of what a link stands for
		switch {
		case strings.HasPrefix(entry.Name(), "."):
			f.Hidden++
		case err == nil && info.IsDir():
			if err := f.walk(ctx, path, above); err != nil {
				return err
			}
		case preprocess.HasEnding(path) && (err != nil || info.Mode().IsRegular()), err == nil && info.Mode().IsRegular() && looksLikeOne(path):
			f.Paths = append(f.Paths, path)
		default:
			if f.Foreign++; len(f.Examples) < mostExamples {
				f.Examples = append(f.Examples, path)
			}
		}
	}
	return nil
}

// looksLikeOne reports whether a file begins as a picture does.
func looksLikeOne(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	return preprocess.RecognisesFile(file)
}
