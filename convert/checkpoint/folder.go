package checkpoint

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/mmap"
)

// FolderKind is one way in which the files of a folder make up a checkpoint together.
type FolderKind struct {
	// Match reports from the names in the folder whether it may be of this kind. Files that have one of the names of Member stand for their folder.
	Match  func(folder *Folder) bool
	Member func(name string) bool
	// Read lists the tensors. It returns nil and no error if the content shows that the folder is not of this kind after all.
	Read func(ctx context.Context, folder *Folder, options Options) (*Checkpoint, error)
}

// Folder gives access to the files of a folder that is opened as one checkpoint. Files are mapped when they are first asked for.
type Folder struct {
	// Path is that of the folder.
	Path string
	// names are those of the files and folders in it, sorted.
	names   []string
	content map[string][]byte
	// files are those that are mapped, by their sizes, as several names can be links to one.
	files   map[int64][]mappedFile
	closers []io.Closer
	size    int64
}

const (
	// mostNames is how many entries of a folder are looked at.
	mostNames = 100_000
	// mostFiles is how many files of a folder are opened: a model has one for each tensor at most.
	mostFiles = 10_000
)

// mappedFile is a file and its content.
type mappedFile struct {
	info    os.FileInfo
	content []byte
}

// listFolder lists a folder.
func listFolder(path string) (*Folder, error) {
	dir, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(mostNames)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	slices.Sort(names)
	return &Folder{Path: path, names: names, content: map[string][]byte{}, files: map[int64][]mappedFile{}}, nil
}

// Names returns the names of the files and folders in it, sorted.
func (f *Folder) Names() []string { return f.names }

// Has reports whether it has a file or folder of that name.
func (f *Folder) Has(name string) bool {
	_, found := slices.BinarySearch(f.names, name)
	return found
}

// HasFile reports whether there is a file of that name, which may have folders, separated by slashes.
func (f *Folder) HasFile(name string) bool {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return false
	}
	info, err := os.Stat(filepath.Join(f.Path, filepath.FromSlash(name)))
	return err == nil && info.Mode().IsRegular()
}

// Content maps a file, of which the name may have folders, separated by slashes, and returns its bytes, which are valid until the checkpoint is closed. Links to
// one file have the same bytes, not copies. Names that lead out of the folder, by themselves or by links, are refused. A file that is not there is an error of kind fs.ErrNotExist.
func (f *Folder) Content(name string) ([]byte, error) {
	if known, ok := f.content[name]; ok {
		return known, nil
	}
	if !filepath.IsLocal(filepath.FromSlash(name)) || strings.ContainsAny(name, "\\\x00:") {
		return nil, Unsafe("the folder's files refer to %.200q, which is not a file in it", name)
	}
	path := filepath.Join(f.Path, filepath.FromSlash(name))
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if escapes(f.Path, filepath.FromSlash(name)) {
		return nil, Unsafe("the file %.200q is a link that leads out of the folder", name).WithHint("give the folder that holds the files themselves")
	}
	if len(f.content) >= mostFiles {
		return nil, Unsafe("more than %d files", mostFiles)
	}
	if err := Regular(path); err != nil {
		return nil, err
	}
	for _, known := range f.files[info.Size()] {
		if os.SameFile(known.info, info) {
			f.content[name] = known.content
			return known.content, nil
		}
	}
	file, err := mmap.Open(path)
	if err != nil {
		return nil, err
	}
	f.closers = append(f.closers, file)
	f.content[name] = file.Content
	f.files[info.Size()] = append(f.files[info.Size()], mappedFile{info, file.Content})
	f.size += int64(len(file.Content))
	return file.Content, nil
}

// Size returns the bytes of all files that were mapped so far.
func (f *Folder) Size() int64 { return f.size }

// close unmaps all files.
func (f *Folder) close() {
	for _, closer := range f.closers {
		closer.Close()
	}
}

// Missing reports whether an error of Content says that there is no such file.
func Missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
