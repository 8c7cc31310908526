package dataset

import (
	"context"
	"crypto/sha256"
	"fmt"
	"iter"

	"github.com/beitzoo/beitzoo/beit/classify"
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

// NamesDigest identifies a list of pictures by their names: "sha256:" and 64 hexadecimal digits.
func NamesDigest(names []string) string {
	hash := sha256.New()
	for _, name := range names {
		fmt.Fprintf(hash, "%q\n", name) // never fails
	}
	return digestText(hash.Sum(nil))
}
