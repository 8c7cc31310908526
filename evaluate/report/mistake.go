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

	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
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
	// Folders are where pictures and tar files are looked for, besides the place that their names say and the source of the data.
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
	file, err := f.open(r)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	prepared, err := preprocess.Prepare(f.Header.Recipe.Recipe, file)
	if err != nil {
		return nil, err
	}
	return shrunk(preprocess.Restore(f.Header.Recipe.Recipe, prepared.Tensor)), nil
}

// open opens the file of a record.
func (f *Finder) open(r evaluate.Record) (io.ReadCloser, error) {
	if r.Tar == "" {
		path, err := f.find(r.Image)
		if err != nil {
			return nil, err
		}
		return os.Open(path)
	}
	path, err := f.find(r.Tar)
	if err != nil {
		return nil, err
	}
	return dataset.OpenMember(path, r.Image)
}

// find returns the path of the file of that name, wherever it is.
func (f *Finder) find(name string) (string, error) {
	source := f.Header.Data.Source
	for _, path := range append([]string{name, filepath.Join(source, name), filepath.Join(filepath.Dir(source), name)}, within(f.Folders, name)...) {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() { // a pipe would wait for ever
			return path, nil
		}
	}
	return "", os.ErrNotExist
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
func (m Mistake) Source() (template.URL, error) {
	var file bytes.Buffer
	if err := jpeg.Encode(&file, m.Picture, &jpeg.Options{Quality: 85}); err != nil {
		return "", fmt.Errorf("the picture of %s: %w", m.Image, err)
	}
	return template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(file.Bytes())), nil
}

// Width and Height return the size of the picture.
func (m Mistake) Width() int { return m.Picture.Bounds().Dx() }

// Height returns the height of the picture.
func (m Mistake) Height() int { return m.Picture.Bounds().Dy() }
