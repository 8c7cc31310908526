package features

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
)

// maxFirstLine bounds the facts in the first line of JSON lines, in bytes. They have no list of pictures.
const maxFirstLine = 1 << 20

// IsOwn reports whether the file at path is one of features, as a [Writer] writes them: so nothing else is lost if it is replaced. The error is one of the
// system. It must not be a pipe.
func IsOwn(path string) (bool, error) {
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	own, err := isOwn(file)
	return own, errors.Join(err, file.Close())
}

func isOwn(from io.Reader) (bool, error) {
	head := bufio.NewReader(from)
	begin, err := head.Peek(9)
	switch {
	case errors.Is(err, io.EOF):
		return false, nil
	case err != nil:
		return false, err
	case begin[0] == '{': // lengths of headers are multiples of 8, and a brace is odd
		return isHeader(io.LimitReader(head, maxFirstLine), false), nil
	}
	size := binary.LittleEndian.Uint64(begin)
	if size > maxHeader || begin[8] != '{' {
		return false, nil
	}
	if _, err := head.Discard(8); err != nil {
		return false, err
	}
	return isHeader(io.LimitReader(head, int64(size)), true), nil
}

// isHeader reports whether a header, or the metadata in it, says that it is of features.
func isHeader(from io.Reader, metadata bool) bool {
	var header struct {
		Format   string            `json:"format"`
		Metadata map[string]string `json:"__metadata__"`
	}
	if json.NewDecoder(from).Decode(&header) != nil {
		return false
	}
	if metadata {
		return header.Metadata["format"] == Format
	}
	return header.Format == Format
}
