package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
)

// drawings is where a command puts what it draws of pictures: in one file, or for several pictures in a folder.
type drawings struct {
	// flag names path on the command line.
	flag, path string
	// what is a file of the command, such as "a drawing of --attention", and noun what one is in short.
	what, noun string
	// source returns the picture of which a file is a drawing, if it is one of the command.
	source func(path string) (picture string, own bool, err error)
	in     *inputs
	used   map[string]bool
}

// targets returns where the drawing of a picture goes, by its index among those that are drawn, and its name; it makes the folder for several. Nothing is replaced
// but drawings: in a folder those of the same picture. If the pictures are known, that is found out before the first is drawn.
func (d *drawings) targets(list *pictureList) (func(index int, image string) (string, error), error) {
	info, err := os.Stat(d.path)
	isFolder := err == nil && info.IsDir() || strings.HasSuffix(d.path, "/") || strings.HasSuffix(d.path, string(filepath.Separator))
	if list.total == 1 && !isFolder {
		if !strings.EqualFold(filepath.Ext(d.path), ".png") {
			return nil, &usageError{fmt.Sprintf("%s %s is not the name of a PNG file", d.flag, d.path), "end it in .png, or in / for a folder"}
		}
		isOwn := func(path string) (bool, error) { _, own, err := d.source(path); return own, err }
		return func(int, string) (string, error) { return d.path, nil }, d.in.check(d.path, d.what, isOwn)
	}
	if strings.EqualFold(filepath.Ext(d.path), ".png") && !isFolder {
		return nil, &usageError{d.flag + " names one file, and there are several pictures", "give a folder: its " + d.noun + "s get the names of the pictures"}
	}
	if err := os.MkdirAll(d.path, 0o777); err != nil {
		return nil, disk.AtTarget(d.path, err)
	}
	d.used = make(map[string]bool)
	if list.names == nil {
		return func(_ int, image string) (string, error) { return d.checked(d.next(image), image) }, nil
	}
	// All parts count, so that the names are the same whatever the part: those that write into one folder don't meet.
	paths := make([]string, 0, len(list.names))
	for i, name := range list.all {
		path := d.next(name)
		if i%list.step != list.first {
			continue
		}
		if path, err = d.checked(path, name); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return func(index int, _ string) (string, error) { return paths[index], nil }, nil
}

// next returns the path of the drawing of the next picture.
func (d *drawings) next(image string) string {
	base := strings.TrimSuffix(filepath.Base(image), filepath.Ext(image))
	name := base + ".png"
	for i := 2; d.used[name]; i++ {
		name = fmt.Sprintf("%s-%d.png", base, i)
	}
	d.used[name] = true
	return filepath.Join(d.path, name)
}

// checked returns path, and an error if there is something else than a drawing of that picture.
func (d *drawings) checked(path, image string) (string, error) {
	return path, d.in.check(path, "a "+d.noun+" of "+text.Quote(image), func(path string) (bool, error) {
		of, own, err := d.source(path)
		return own && of == image, err
	})
}
