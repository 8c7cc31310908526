package tokens

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/disk"
)

// Form is the form of a file.
type Form string

// The forms.
const (
	// Safetensors is a safetensors file: the tensor tokens, [N, patches] of I32, and metadata: format, header (that of JSON lines), names (a JSON list, a name for
	// each row), and unread (a JSON list of the images that could not be read).
	Safetensors Form = "safetensors"
	// Lines are JSON lines: a [Header], then a [Record] each.
	Lines Form = "jsonl"
)

// Forms lists the forms.
func Forms() []Form { return []Form{Safetensors, Lines} }

// FormOf returns the form that the name of a file stands for: JSON lines if it ends in .jsonl, else safetensors.
func FormOf(path string) Form {
	if strings.EqualFold(filepath.Ext(path), "."+string(Lines)) {
		return Lines
	}
	return Safetensors
}

// maxSafetensorsHeader is the longest header that readers of safetensors accept. Source: huggingface/safetensors safetensors/src/tensor.rs, MAX_HEADER_SIZE.
const maxSafetensorsHeader = 100_000_000

// HeaderError says that a safetensors file cannot name so many images.
type HeaderError struct {
	// Images is their number, and Bytes the length of a header with their names.
	Images, Bytes int
}

func (e *HeaderError) Error() string {
	return fmt.Sprintf("the names of %d images take %d bytes, and the header of a safetensors file has room for %d", e.Images, e.Bytes, maxSafetensorsHeader)
}

// Is reports wrong usage.
func (e *HeaderError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what to do.
func (e *HeaderError) Hint() string {
	return "write JSON lines, which have no such limit, or a file for each part of the images"
}

// Write writes a file, which appears whole or not at all. records is called twice, and yields the records in the order of the images.
func Write(path string, form Form, header Header, records func() iter.Seq2[Record, error]) error {
	return disk.Replace(path, 0o644, func(to io.Writer) error {
		buffered := bufio.NewWriterSize(to, 1<<20)
		write := writeSafetensors
		if form == Lines {
			write = writeLines
		}
		if err := write(buffered, header, records); err != nil {
			return err
		}
		return buffered.Flush()
	})
}

func writeLines(to io.Writer, header Header, records func() iter.Seq2[Record, error]) error {
	lines := json.NewEncoder(to)
	lines.SetEscapeHTML(false)
	if err := lines.Encode(header); err != nil {
		return err
	}
	for r, err := range records() {
		if err == nil {
			err = lines.Encode(r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unreadImage is an entry of the list of images that could not be read.
type unreadImage struct {
	Index int    `json:"index"`
	Image string `json:"image"`
	Error string `json:"error"`
}

// entry is a tensor in the header of a safetensors file.
type entry struct {
	DType   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// document is the header of a safetensors file.
type document struct {
	Metadata map[string]string `json:"__metadata__"`
	Tokens   entry             `json:"tokens"`
}

func writeSafetensors(to io.Writer, header Header, records func() iter.Seq2[Record, error]) error {
	names, unread := []string{}, []unreadImage{}
	for r, err := range records() {
		switch {
		case err != nil:
			return err
		case r.Error != "":
			unread = append(unread, unreadImage{r.Index, r.Image, r.Error})
		default:
			names = append(names, r.Image)
		}
	}
	raw, err := encode(header, names, unread)
	if err != nil {
		return err
	}
	if len(raw) > maxSafetensorsHeader {
		return &HeaderError{len(names), len(raw)}
	}
	if _, err := to.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(raw)))); err != nil {
		return err
	}
	if _, err := to.Write(raw); err != nil {
		return err
	}
	row := make([]byte, 0, 4*header.Patches())
	for r, err := range records() {
		if err != nil {
			return err
		}
		row = row[:0]
		for _, id := range r.Tokens {
			row = binary.LittleEndian.AppendUint32(row, uint32(id))
		}
		if _, err := to.Write(row); err != nil {
			return err
		}
	}
	return nil
}

// encode returns the header of a safetensors file, filled up with spaces to a multiple of 8 bytes.
func encode(header Header, names []string, unread []unreadImage) ([]byte, error) {
	texts := map[string]string{"format": Format, "vocabulary": strconv.Itoa(header.Tokenizer.Config.Vocabulary())}
	for key, value := range map[string]any{"header": header, "names": names, "unread": unread} {
		raw, err := plain(value)
		if err != nil {
			return nil, err
		}
		texts[key] = string(raw)
	}
	height, width := header.Tokenizer.Config.Window()
	texts["window"] = fmt.Sprintf("%dx%d", height, width)
	raw, err := plain(document{texts, entry{"I32", []int{len(names), header.Patches()}, [2]int64{0, 4 * int64(len(names)) * int64(header.Patches())}}})
	if err != nil {
		return nil, err
	}
	for len(raw)%8 != 0 {
		raw = append(raw, ' ')
	}
	return raw, nil
}

// plain returns a value as JSON in which < and > are themselves.
func plain(value any) ([]byte, error) {
	var raw bytes.Buffer
	encoder := json.NewEncoder(&raw)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimSpace(raw.Bytes()), err
}
