package dataset

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/internal/text"
)

// item is an image of a collection.
type item struct {
	// name is what messages and records call it, and path is where it is.
	name, path string
	// class is the name of its class.
	class string
}

// walk lists what is in a folder.
type walk struct {
	items []item
	// bare are the names of class folders without images.
	bare []string
	// What is left out, by the first few names and how many there are.
	foreign, hidden, special, beside, again, dangling, empty found
	// tars are the tar files directly in the folder.
	tars []string
}

// found counts things, and keeps the names of the first.
type found struct {
	count int
	first []string
}

// mostNamed is how many names a note has.
const mostNamed = 3

func (f *found) add(name string) {
	if f.count++; len(f.first) < mostNamed {
		f.first = append(f.first, text.Name(name))
	}
}

// join adds what others found in a tar file.
func (f *found) join(tar string, other found) {
	f.count += other.count
	for _, name := range other.first {
		if len(f.first) < mostNamed {
			f.first = append(f.first, text.Name(tar)+"/"+name)
		}
	}
}

// note returns a sentence, or an empty text if there is nothing to say.
func (f *found) note(one, many string) string {
	if f.count == 0 {
		return ""
	}
	listed := text.List(f.first, mostNamed, "")
	if f.count > len(f.first) {
		listed = "such as " + listed
	}
	return text.Count(f.count, one, many) + ": " + listed
}

// notes returns what was left out, and what else is odd.
func (w *walk) notes() []string {
	all := []string{
		w.foreign.note("file that is no image is left out", "files that are no images are left out"),
		w.hidden.note("hidden file or folder is left out", "hidden files or folders are left out"),
		w.special.note("pipe, socket or device is left out", "pipes, sockets or devices are left out"),
		w.beside.note("image beside the class folders is left out", "images beside the class folders are left out"),
		w.dangling.note("link leads to nothing, where a class folder may have been meant", "links lead to nothing, where class folders may have been meant"),
		w.again.note("folder is reached twice by links, and read once", "folders are reached twice by links, and read once"),
		w.empty.note("class folder has no images", "class folders have no images"),
	}
	return slices.DeleteFunc(all, func(note string) bool { return note == "" })
}

// walkFolder lists a folder with a folder for each class. The images may lie deeper. If flat, all images are in one list without a class. Links are followed;
// a folder that they lead to twice within a class is read once, so loops end. What is hidden, and what is no regular file, is left out and counted.
func walkFolder(ctx context.Context, root string, flat bool) (*walk, error) {
	w := &walk{}
	if flat {
		real, err := filepath.EvalSymlinks(root)
		if err != nil {
			return nil, err
		}
		return w, w.folder(ctx, root, "", "", real, map[string]bool{real: true})
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if err := w.top(ctx, root, entry); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// top reads what lies directly in the folder of a data set: a class folder, or something beside them.
func (w *walk) top(ctx context.Context, root string, entry fs.DirEntry) error {
	name, path := entry.Name(), filepath.Join(root, entry.Name())
	if isHidden(name) {
		w.hidden.add(name)
		return nil
	}
	switch kind, missing := kindOf(path, entry); {
	case missing:
		w.dangling.add(name)
	case kind.IsDir():
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			return err
		}
		before := len(w.items)
		if err := w.folder(ctx, path, name, name, real, map[string]bool{real: true}); err != nil {
			return err
		}
		if len(w.items) == before {
			w.bare = append(w.bare, name)
			w.empty.add(name)
		}
	case !kind.IsRegular():
		w.special.add(name)
	case looksLikeImage(path):
		w.beside.add(name)
	case isTar(name):
		w.tars = append(w.tars, path)
	default:
		w.foreign.add(name)
	}
	return nil
}

// folder reads a folder within a class. real is its path without links, and visited has those of all folders of the class so far.
func (w *walk) folder(ctx context.Context, path, name, class, real string, visited map[string]bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		path, name := filepath.Join(path, entry.Name()), joined(name, entry.Name())
		if isHidden(entry.Name()) {
			w.hidden.add(name)
			continue
		}
		switch kind, missing := kindOf(path, entry); {
		case missing && (preprocess.HasEnding(name) || filepath.Ext(name) == ""), !missing && kind.IsRegular() && looksLikeImage(path):
			w.items = append(w.items, item{name: name, path: path, class: class}) // one that is missing is an image that can't be read
		case missing, kind.IsRegular():
			w.foreign.add(name)
		case !kind.IsDir():
			w.special.add(name)
		default:
			if err := w.below(ctx, path, name, class, filepath.Join(real, entry.Name()), entry, visited); err != nil {
				return err
			}
		}
	}
	return nil
}

// below reads a folder in a folder, unless it was read before.
func (w *walk) below(ctx context.Context, path, name, class, real string, entry fs.DirEntry, visited map[string]bool) error {
	if entry.Type()&fs.ModeSymlink != 0 {
		var err error
		if real, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	}
	if visited[real] {
		w.again.add(name)
		return nil
	}
	visited[real] = true
	return w.folder(ctx, path, name, class, real, visited)
}

// joined joins the parts of the name of an image, with slashes on every system.
func joined(folder, name string) string {
	if folder == "" {
		return name
	}
	return folder + "/" + name
}
