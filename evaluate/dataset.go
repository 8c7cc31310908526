package evaluate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"github.com/beitzoo/beitzoo/errdef"
)

// Dataset is a list of images with their classes.
type Dataset struct {
	// FS holds the files.
	FS fs.FS
	// Classes are the names of the class folders. The position of a name is the class that its images have.
	Classes []string
	// Images are in the order in which they were found; it may be changed.
	Images []Image
}

// Image is a file of a data set.
type Image struct {
	// Name is the path of the file in the data set's FS.
	Name string
	// Class is the index of the right logit.
	Class int
}

// Names returns the paths of all images, in order.
func (d *Dataset) Names() []string {
	names := make([]string, len(d.Images))
	for i, img := range d.Images {
		names[i] = img.Name
	}
	return names
}

// ClassFolders lists a file system with a folder for each class: the folders are numbered in the order of their names, as torchvision's ImageFolder
// does, and all files right inside them are images. Other files, and folders inside class folders, are left out. If there are no images, the error is
// a *[NoImagesError].
func ClassFolders(files fs.FS) (*Dataset, error) {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, err
	}
	data := &Dataset{FS: files}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		inside, err := fs.ReadDir(files, entry.Name())
		if err != nil {
			return nil, err
		}
		for _, file := range inside {
			if !file.IsDir() {
				data.Images = append(data.Images, Image{path.Join(entry.Name(), file.Name()), len(data.Classes)})
			}
		}
		data.Classes = append(data.Classes, entry.Name())
	}
	if len(data.Images) == 0 {
		return nil, &NoImagesError{Classes: len(data.Classes)}
	}
	return data, nil
}

// Folder is [ClassFolders] for a folder of the system.
func Folder(folder string) (*Dataset, error) {
	data, err := ClassFolders(os.DirFS(folder))
	if named := (*fs.PathError)(nil); errors.As(err, &named) {
		named.Path = path.Join(folder, named.Path) // os.DirFS leaves out where it is
	}
	if none := (*NoImagesError)(nil); errors.As(err, &none) {
		none.Folder = folder
	}
	return data, err
}

// NoImagesError says that a data set has no images.
type NoImagesError struct {
	// Folder is where it should be, or empty if it is not a folder of the system.
	Folder string
	// Classes is the number of class folders, which are all empty.
	Classes int
}

func (e *NoImagesError) Error() string {
	if e.Folder == "" {
		return "the data set has no class folders with images"
	}
	return fmt.Sprintf("%s has no class folders with images", e.Folder)
}

// Is reports that the wrong folder was named.
func (e *NoImagesError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says how a data set is laid out.
func (e *NoImagesError) Hint() string {
	return "expected FOLDER/CLASS/IMAGE, such as val/n01440764/1.jpg"
}

// ClassesError says that a data set has more classes than the model tells apart, so that some images can't be classified right.
type ClassesError struct{ Folders, Classes int }

func (e *ClassesError) Error() string {
	return fmt.Sprintf("the data set has %d class folders, the model only %d classes", e.Folders, e.Classes)
}

// Is reports that the data set is not one for this model.
func (e *ClassesError) Is(kind error) bool { return kind == errdef.ErrUsage }
