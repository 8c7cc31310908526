package report

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Mistake is an image whose most probable class is not the right one.
type Mistake struct {
	evaluate.Record
	// Picture is the image as the model saw it, made small, or nil; Missing says why it is not there, as a sentence without a full stop.
	Picture image.Image
	Missing string
}

// Mistakes returns the n most confident mistakes among records: those whose wrong class has the largest probability, the most confident first. Of equal ones
// the first of the data set comes first. The error is that of records.
func Mistakes(records iter.Seq2[evaluate.Record, error], n int) ([]Mistake, error) {
	var worst []Mistake
	for record, err := range records {
		if err != nil {
			return nil, err
		}
		if n == 0 || record.Error != "" || len(record.Top) == 0 || record.Top[0].Class == record.Class || slices.Contains(record.Real, record.Top[0].Class) {
			continue
		}
		at, _ := slices.BinarySearchFunc(worst, record, func(m Mistake, r evaluate.Record) int {
			return cmp.Or(-cmp.Compare(m.Top[0].Probability, r.Top[0].Probability), cmp.Compare(m.Tar, r.Tar), cmp.Compare(m.Index, r.Index))
		})
		if at < n {
			worst = slices.Insert(worst, at, Mistake{Record: record})
			worst = worst[:min(n, len(worst))]
		}
	}
	return worst, nil
}

// Finder looks for the pictures of mistakes.
type Finder struct {
	// Header is that of the records.
	Header evaluate.Header
	// Folders are where pictures and tar files are looked for, besides the source of the data. That is what the file of predictions says, which may be
	// somebody else's, so it counts below the working directory alone. Nothing outside of both is opened, also not through links, whatever the records name.
	Folders []string
}

// Find sets the picture of each mistake, or says why it is missing. The error is that of ctx.
func (f *Finder) Find(ctx context.Context, mistakes []Mistake) error {
	for i := range mistakes {
		if err := ctx.Err(); err != nil {
			return err
		}
		m := &mistakes[i]
		picture, err := f.picture(m.Record)
		if err != nil {
			m.Missing = reasonOf(err)
			continue
		}
		m.Picture = picture
	}
	return nil
}

// reasonOf returns why a picture is missing.
func reasonOf(err error) string {
	if errors.Is(err, os.ErrNotExist) {
		return "the file is not there any more"
	}
	return err.Error()
}

// picture returns the picture of a record.
func (f *Finder) picture(r evaluate.Record) (image.Image, error) {
	return seen(f.Header.Recipe.Recipe, func() (io.ReadCloser, error) { return f.open(r) })
}

// seen returns a picture as a model sees it, made small.
func seen(recipe card.Recipe, open func() (io.ReadCloser, error)) (image.Image, error) {
	file, err := open()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	prepared, err := preprocess.Prepare(recipe, file)
	if err != nil {
		return nil, err
	}
	return shrunk(preprocess.Restore(recipe, prepared.Tensor)), nil
}

// FindIn sets the picture of each mistake from the data set that was evaluated, prepared by a recipe, or says why it is missing. The error is that of the set.
func FindIn(ctx context.Context, set dataset.Set, recipe card.Recipe, mistakes []Mistake) error {
	type place struct {
		tar   string
		index int
	}
	wanted := make(map[place]*Mistake)
	for i := range mistakes {
		m := &mistakes[i]
		m.Missing = "the data set does not have it any more"
		wanted[place{m.Tar, m.Index}] = m
	}
	for example, err := range set.Examples(ctx) {
		switch {
		case err != nil:
			return err
		case len(wanted) == 0:
			return nil
		}
		at := place{text.Valid(example.Tar), example.Index}
		m := wanted[at]
		if m == nil {
			continue
		}
		delete(wanted, at)
		m.Missing = ""
		if m.Picture, err = seen(recipe, example.Open); err != nil {
			m.Picture, m.Missing = nil, reasonOf(err)
		}
	}
	return nil
}

// open opens the file of a record.
func (f *Finder) open(r evaluate.Record) (io.ReadCloser, error) {
	from := places{f.Header.Data.Source, f.Folders}
	if r.Tar == "" {
		path, err := from.find(text.Bytes(r.Image))
		if err != nil {
			return nil, err
		}
		return os.Open(path)
	}
	path, err := from.find(text.Bytes(r.Tar))
	if err != nil {
		return nil, err
	}
	return dataset.OpenMember(path, text.Bytes(r.Image))
}

// Why a picture is left alone that a file of predictions names: whoever wrote that must not choose which files of this machine are shown.
var (
	errOutside     = errdef.New(errdef.ErrInput, "the file is outside of the folders of the data")
	errUnconfirmed = errdef.New(errdef.ErrInput, "the file is outside of the working directory, and that it belongs to the data is said by the predictions alone")
)

// places are where files of the data are looked for: the source, which predictions name, and folders of the caller. See [Finder].
type places struct {
	source  string
	folders []string
}

// find returns the path of the file of that name, wherever it is below the folders of the data and of the caller. What is no file is never opened: a pipe would wait
// for ever.
func (p places) find(name string) (string, error) {
	source, missing := text.Bytes(p.source), os.ErrNotExist
	named, allowed := realPaths(p.roots()), realPaths(p.folders)
	for _, root := range named {
		if slices.ContainsFunc(realPaths([]string{"."}), func(here string) bool { return contains(here, root) }) {
			allowed = append(allowed, root)
		}
	}
	for _, path := range append([]string{name, filepath.Join(source, name), filepath.Join(filepath.Dir(source), name)}, within(p.folders, name)...) {
		info, err := os.Stat(path)
		inside := err == nil && below(allowed, path)
		switch {
		case err != nil:
		case !inside && errors.Is(missing, os.ErrNotExist):
			if missing = errOutside; below(named, path) {
				missing = errUnconfirmed
			}
		case inside && info.Mode().IsRegular():
			return path, nil
		case inside && !info.IsDir():
			missing = &disk.NotRegularError{Path: path, Mode: info.Mode()}
		}
	}
	return "", missing
}

// roots returns the folders that the predictions name: that of the data, or those of the list or the tar files.
func (p places) roots() []string {
	source := text.Bytes(p.source)
	if isFolder(source) {
		return []string{source}
	}
	roots := []string{filepath.Dir(source)}
	for _, one := range strings.Fields(source) { // tar files, by their paths or patterns
		if !isFolder(one) {
			one = filepath.Dir(one)
		}
		roots = append(roots, one)
	}
	return roots
}

// realPaths returns where folders are: absolute, without links. Those that are not there are left out.
func realPaths(folders []string) []string {
	var paths []string
	for _, folder := range folders {
		if path, err := realPath(folder); err == nil {
			paths = append(paths, path)
		}
	}
	return paths
}

func realPath(path string) (string, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(full)
}

// below reports whether a file is in one of the folders, which have no links in their paths, wherever links in its own path lead.
func below(folders []string, path string) bool {
	full, err := realPath(path)
	return err == nil && slices.ContainsFunc(folders, func(folder string) bool { return contains(folder, full) })
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// contains reports whether a path is below a folder, or is it, by their words.
func contains(folder, path string) bool {
	relative, err := filepath.Rel(folder, path)
	return err == nil && filepath.IsLocal(relative)
}

// within returns the paths of a file of that name in folders: below its own folders, or alone.
func within(folders []string, name string) []string {
	var paths []string
	for _, folder := range folders {
		paths = append(paths, filepath.Join(folder, name), filepath.Join(folder, filepath.Base(filepath.Dir(name)), filepath.Base(name)), filepath.Join(folder, filepath.Base(name)))
	}
	return paths
}

// side is the largest width and height of a picture on the page, in pixels.
const side = 160

// shrunk returns a picture that is made smaller by a whole factor if it is large, by the means of squares.
func shrunk(p *preprocess.RGB8) image.Image {
	factor := (max(p.Width, p.Height) + side - 1) / side
	width, height := max(1, p.Width/factor), max(1, p.Height/factor)
	small := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			var sum [3]int
			for dy := range factor {
				for dx := range factor {
					at := 3 * ((y*factor+dy)*p.Width + x*factor + dx)
					for c := range sum {
						sum[c] += int(p.Pix[at+c])
					}
				}
			}
			n := factor * factor
			small.SetRGBA(x, y, color.RGBA{uint8(sum[0] / n), uint8(sum[1] / n), uint8(sum[2] / n), 0xff})
		}
	}
	return small
}

// Source returns the picture as an address.
func (m Mistake) Source() (template.URL, error) { return jpegAddress(m.Picture, m.Image) }

// jpegAddress returns a photograph as an address.
func jpegAddress(picture image.Image, name string) (template.URL, error) {
	var file bytes.Buffer
	if err := jpeg.Encode(&file, picture, &jpeg.Options{Quality: 85}); err != nil {
		return "", fmt.Errorf("the picture of %s: %w", name, err)
	}
	return template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(file.Bytes())), nil
}

// Width and Height return the size of the picture.
func (m Mistake) Width() int { return m.Picture.Bounds().Dx() }

// Height returns the height of the picture.
func (m Mistake) Height() int { return m.Picture.Bounds().Dy() }
