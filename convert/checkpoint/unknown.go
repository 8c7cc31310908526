package checkpoint

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/beitzoo/beitzoo/internal/text"
)

// foreignFiles are files that people pass instead of a checkpoint, by how they begin. Advice may have a %s for the titles of the formats.
var foreignFiles = []struct{ prefix, what, advice string }{
	{"version https://git-lfs.github.com/spec/", "it is a Git LFS pointer, not the weights", "fetch the real file with: git lfs pull"},
	{"<!DOCTYPE html", "it is a web page", "download the file itself, not the page that links to it"},
	{"<html", "it is a web page", "download the file itself, not the page that links to it"},
	{"\x89HDF\r\n\x1a\n", "it is an HDF5 file (Keras or TensorFlow)", adviceOtherFile},
	{"\x1f\x8b", "it is compressed with gzip", "decompress it first: gzip -d FILE"},
	{"(\xb5/\xfd", "it is compressed with zstd", "decompress it first: zstd -d FILE"},
	{"GGUF", "it is a GGUF file", adviceOtherFile},
}

const adviceOtherFile = "give the %s file of the model"

// unknown says as precisely as possible what a file is that none of formats recognises.
func unknown(content []byte, formats []Format) error {
	for _, foreign := range foreignFiles {
		if len(content) >= len(foreign.prefix) && bytes.EqualFold(content[:len(foreign.prefix)], []byte(foreign.prefix)) {
			advice := foreign.advice
			if advice == adviceOtherFile {
				advice = fmt.Sprintf(adviceOtherFile, text.Or(titles(formats)))
			}
			return Errorf(ErrFormat, "%s", foreign.what).WithHint("%s", advice)
		}
	}
	what := "no known checkpoint container begins like this"
	if head := content[:min(len(content), 512)]; utf8.Valid(head) && !bytes.ContainsRune(head, 0) {
		what = "it is a text file"
	}
	return Errorf(ErrFormat, "%s", what).WithHint("give a %s file, and check the download", text.Or(suffixes(formats)))
}
