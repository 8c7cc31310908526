package dataset

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"iter"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/internal/text"
)

// TarPictures are the pictures in tar files, whether or not anything says their classes.
type TarPictures struct{ tars *archives }

// OpenTarPictures looks for tar files, each named by its path or by a pattern such as val-{000..146}.tar. Nothing of them is read. The errors are those of [Open].
func OpenTarPictures(sources []string) (*TarPictures, error) {
	expanded, err := expandAll(sources)
	if err != nil {
		return nil, err
	}
	found, err := openTars(sources, expanded, Options{})
	if err != nil {
		return nil, err
	}
	found.tars.classless = true
	return &TarPictures{found.tars}, nil
}

// IsTar reports whether a name is that of tar files: of one, perhaps compressed, or of several by a pattern.
func IsTar(name string) bool { return isTar(name) }

// Digest identifies the files by their names and sizes: "sha256:" and 64 hexadecimal digits.
func (p *TarPictures) Digest() string { return p.tars.digest() }

// Paths returns the paths of the files.
func (p *TarPictures) Paths() []string {
	paths := make([]string, len(p.tars.files))
	for i, file := range p.tars.files {
		paths[i] = file.path
	}
	return paths
}

// LeftOut returns what was left out, as far as the files have been read, each as a sentence without a full stop.
func (p *TarPictures) LeftOut() []string { return p.tars.out.notes(p.tars.files) }

// Images yields the pictures, tar by tar, in the order of each. The name of one is that of its tar, without folder, a slash, and that in the tar. wanted says of
// which pictures the content is wanted, by their number among all; what it does not want is skipped, and can't be opened. The bytes of one picture
// after the other are read into memory. An error, such as a *[TarError], ends the sequence.
func (p *TarPictures) Images(ctx context.Context, wanted func(number int) bool) iter.Seq2[classify.Image, error] {
	return func(yield func(classify.Image, error) bool) {
		number := 0
		for _, file := range p.tars.files {
			before := number
			from := *p.tars
			from.wanted = func(n int) bool { return wanted(before + n) }
			for member, err := range from.read(ctx, file, true) {
				number++
				if !yield(classify.Image{Name: file.name + "/" + member.name, Open: member.open}, err) || err != nil {
					return
				}
			}
		}
	}
}

// NamesDigest identifies a list of pictures by their names, in their order. The zero value is that of no pictures.
type NamesDigest struct{ hash hash.Hash }

// Add adds the name of the next picture. Bytes that are not UTF-8 count as the mark for such, as in records.
func (d *NamesDigest) Add(name string) {
	if d.hash == nil {
		d.hash = sha256.New()
	}
	fmt.Fprintf(d.hash, "%q\n", text.Valid(name)) // never fails
}

// Digest returns "sha256:" and 64 hexadecimal digits.
func (d *NamesDigest) Digest() string {
	if d.hash == nil {
		return digestOf(nil)
	}
	return digestText(d.hash.Sum(nil))
}
