package preprocess

import (
	"io"
	"path/filepath"
	"slices"
	"strings"
)

// endings are those of the names of picture files, also of kinds that Decode may not know: such a file is one that cannot be read, not one that is no picture.
var endings = []string{
	".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".pam",
	".avif", ".heic", ".heif", ".jp2", ".j2k", ".jxl", ".tga", ".ico",
}

// HasEnding reports whether a path ends as those of pictures do, whatever the case.
func HasEnding(path string) bool {
	return slices.Contains(endings, strings.ToLower(filepath.Ext(path)))
}

// HeadLen is how many of the first bytes of a file [Recognises] looks at.
const HeadLen = 16

// Recognises reports whether data that begins with head, the first [HeadLen] bytes or all there are, is of a kind that [Decode] knows.
func Recognises(head []byte) bool {
	return slices.ContainsFunc(formats, func(f format) bool { return begins(head, f.magic) })
}

// RecognisesFile is [Recognises] for the beginning of a file that is read. What cannot be read begins with nothing.
func RecognisesFile(file io.Reader) bool {
	head := make([]byte, HeadLen)
	n, _ := io.ReadFull(file, head)
	return Recognises(head[:n])
}
