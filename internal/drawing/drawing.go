// Package drawing writes PNG files that say what made them and of which picture, so that a program replaces only its own.
package drawing

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/png"
	"io"
	"os"
	"strconv"
)

// The file of a drawing is a PNG with two texts behind its header: what made it, and of which picture. Source: PNG specification, 11.3.3.2 tEXt, keywords
// Software and Source.
const (
	signature = "\x89PNG\r\n\x1a\n"
	// headed is the length of the signature and the chunk IHDR: length, name, 13 bytes, and checksum.
	headed   = len(signature) + 4 + 4 + 13 + 4
	software = "Software\x00"
	source   = "Source\x00"
	// maxText bounds a text that is read, in bytes: a path in quotes takes up to 6 for one byte.
	maxText = 1 << 16
)

// Encode returns a drawing as a PNG file that says what made it, a short name, and of which picture, such as its path; see [ReadSource].
func Encode(drawn image.Image, maker, picture string) ([]byte, error) {
	return encode(drawn, software+maker, source+strconv.QuoteToASCII(picture))
}

// Sign returns a drawing as a PNG file that says what made it alone; see [IsSigned].
func Sign(drawn image.Image, maker string) ([]byte, error) { return encode(drawn, software+maker) }

// encode returns a PNG file with texts behind its header.
func encode(drawn image.Image, texts ...string) ([]byte, error) {
	var plain bytes.Buffer
	if err := png.Encode(&plain, drawn); err != nil {
		return nil, err
	}
	file := append([]byte{}, plain.Bytes()[:headed]...)
	for _, text := range texts {
		file = appendText(file, text)
	}
	return append(file, plain.Bytes()[headed:]...), nil
}

func appendText(file []byte, content string) []byte {
	file = binary.BigEndian.AppendUint32(file, uint32(len(content)))
	chunk := append([]byte("tEXt"), content...)
	return binary.BigEndian.AppendUint32(append(file, chunk...), crc32.ChecksumIEEE(chunk))
}

// ReadSource returns the picture of which the file at path is a drawing; own is false if it is no file that [Encode] wrote for that maker. The error is one of the system.
// It must not be a pipe.
func ReadSource(path, maker string) (picture string, own bool, err error) {
	err = read(path, maker, func(rest io.Reader) { picture, own = pictureIn(readText(rest)) })
	return picture, own, err
}

// IsSigned reports whether the file at path is one that [Sign] or [Encode] wrote for a maker. The error is one of the system. It must not be a pipe.
func IsSigned(path, maker string) (own bool, err error) {
	err = read(path, maker, func(io.Reader) { own = true })
	return own, err
}

// read calls found with what follows the name of the maker in a file, if it has that.
func read(path, maker string, found func(rest io.Reader)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	head := make([]byte, headed)
	_, err = io.ReadFull(file, head)
	if err == nil && string(head[:len(signature)]) == signature && readText(file) == software+maker {
		found(file)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return errors.Join(err, file.Close())
}

// readText returns the content of the next chunk if it is a text, else an empty string.
func readText(from io.Reader) string {
	head := make([]byte, 8)
	if _, err := io.ReadFull(from, head); err != nil || string(head[4:]) != "tEXt" || binary.BigEndian.Uint32(head) > maxText {
		return ""
	}
	content := make([]byte, binary.BigEndian.Uint32(head)+4) // with the checksum
	if _, err := io.ReadFull(from, content); err != nil {
		return ""
	}
	return string(content[:len(content)-4])
}

// pictureIn returns the picture that a text names.
func pictureIn(content string) (string, bool) {
	if len(content) < len(source) || content[:len(source)] != source {
		return "", false
	}
	picture, err := strconv.Unquote(content[len(source):])
	return picture, err == nil
}
