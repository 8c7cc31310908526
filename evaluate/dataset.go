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
	// Classes are the names of the class folders. The index of a name is the class of its images.
	Classes []string
	// Images are in the order of their names. A caller may shorten or reorder the list.
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

// ClassFolders returns the images in a file system with a folder for each class. Classes are numbered in the order of the folders' names, as torchvision's
// ImageFolder does, and every file directly inside a class folder is an image. Other files, and folders inside class folders, are ignored. If there are no
// images, the error is a *[NoImagesError].
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

// Folder is [ClassFolders] for the folder of that path.
func Folder(folder string) (*Dataset, error) {
	data, err := ClassFolders(os.DirFS(folder))
	if named := (*fs.PathError)(nil); errors.As(err, &named) {
		named.Path = path.Join(folder, named.Path) // os.DirFS reports paths inside of it
	}
	if none := (*NoImagesError)(nil); errors.As(err, &none) {
		none.Folder = folder
	}
	return data, err
}

// NoImagesError says that a data set has no images.
type NoImagesError struct {
	// Folder is the path that Folder was called with, or empty.
	Folder string
	// Classes is the number of class folders, all of them empty.
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

// ClassesError says that a data set has more classes than the model. Folders is the number of class folders, Classes that of the model's classes.
type ClassesError struct{ Folders, Classes int }

func (e *ClassesError) Error() string {
	return fmt.Sprintf("the data set has %d class folders, the model only %d classes", e.Folders, e.Classes)
}

// Is reports that the data set is not one for this model.
func (e *ClassesError) Is(kind error) bool { return kind == errdef.ErrUsage }
