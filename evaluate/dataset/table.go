package dataset

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
)

// row is a line of a list: an image and its class. One of them is empty if the line has one word only.
type row struct {
	line        int
	name, class string
}

// The limits of lists.
const (
	maxLine = 1 << 20
	// maxList bounds a list, in bytes: the 14 million images of ImageNet-22k with their classes fit.
	maxList = 2 << 30
)

// The words for the columns of a list, and for the keys of its JSON objects, in lower case.
var (
	nameColumns  = []string{"image", "image_path", "imageid", "image_id", "file", "filename", "file_name", "path", "name", "key"}
	classColumns = []string{"class", "label", "target", "wnid", "synset", "class_name", "cls", "predictionstring"}
)

// readTable reads a list: JSON objects, a line each; CSV with commas, semicolons or tabs; or names and classes with spaces between them. single takes lines
// of one word, which are only names, or only classes. The error is a *[ListError], or that of r.
func readTable(r io.Reader, file string) ([]row, error) {
	limited := &io.LimitedReader{R: r, N: maxList + 1}
	rows, err := readRows(bufio.NewReaderSize(limited, 1<<16), file)
	if limited.N == 0 {
		return nil, &ListError{File: file, Reason: fmt.Sprintf("it has more than %d bytes", int64(maxList)), Advice: "split it, and evaluate the parts"}
	}
	return rows, err
}

func readRows(lines *bufio.Reader, file string) ([]row, error) {
	first, err := firstLine(lines)
	if err != nil {
		return nil, err
	}
	switch {
	case len(first) == 0:
		return nil, &ListError{File: file, Reason: "it is empty"}
	case bytes.IndexByte(first, 0) >= 0:
		return nil, &ListError{File: file, Line: 1, Reason: "it is not a text file"}
	case first[0] == '[':
		return nil, &ListError{File: file, Line: 1, Reason: "it is one JSON array", Advice: "write one object a line"}
	case first[0] == '{':
		return readObjects(lines, file)
	}
	for _, comma := range []rune{',', '\t', ';'} {
		if bytes.ContainsRune(first, comma) {
			return readCSV(lines, file, comma)
		}
	}
	return readWords(lines, file)
}

// firstLine returns the first line that is not blank, without reading it away, after a mark of byte order.
func firstLine(r *bufio.Reader) ([]byte, error) {
	if mark, _ := r.Peek(3); string(mark) == "\xef\xbb\xbf" {
		_, _ = r.Discard(3)
	}
	for {
		start, err := r.Peek(1 << 12)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		line, _, more := bytes.Cut(start, []byte("\n"))
		if line := bytes.TrimSpace(line); len(line) > 0 || !more {
			return line, nil
		}
		_, _ = r.Discard(bytes.IndexByte(start, '\n') + 1) // the lines are counted from here: a file that begins with blank ones is rare
	}
}

// eachLine calls do with each line that is not blank.
func eachLine(r io.Reader, file string, do func(number int, line string) error) error {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, maxLine)
	number := 0
	for scanner.Scan() {
		number++
		if line := strings.TrimRight(scanner.Text(), " \t\r"); line != "" {
			if err := do(number, line); err != nil {
				return err
			}
		}
	}
	if errors.Is(scanner.Err(), bufio.ErrTooLong) {
		return &ListError{File: file, Line: number + 1, Reason: fmt.Sprintf("the line has more than %d bytes", maxLine)}
	}
	return scanner.Err()
}

// readWords reads lines of a name and a class, with spaces between them, or of one word. A name may have spaces; a class has none.
func readWords(r io.Reader, file string) ([]row, error) {
	var rows []row
	err := eachLine(r, file, func(number int, line string) error {
		at := strings.LastIndexAny(line, " \t")
		if at < 0 || preprocess.HasEnding(line) {
			rows = append(rows, row{line: number, name: line})
		} else {
			rows = append(rows, row{number, strings.TrimRight(line[:at], " \t"), line[at+1:]})
		}
		return nil
	})
	return rows, err
}

// readCSV reads columns. Those with the image and the class are found by the words of the first line, or are the only two. Several columns for one of them have
// to say the same.
func readCSV(r io.Reader, file string, comma rune) ([]row, error) {
	table := csv.NewReader(r)
	table.Comma, table.FieldsPerRecord, table.ReuseRecord = comma, -1, true
	named, classed, multiple := columns{at: []int{0}}, columns{at: []int{1}}, false
	var rows []row
	for first := true; ; first = false {
		record, err := table.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, csvError(file, err)
		}
		line, _ := table.FieldPos(0)
		if first {
			n, c := columnsOf(record, nameColumns), columnsOf(record, classColumns)
			if len(n.at) > 0 && len(c.at) > 0 {
				named, classed, multiple = n, c, strings.EqualFold(c.words[0], "PredictionString")
				continue
			}
			if len(record) != 2 {
				return nil, &ListError{
					File: file, Line: line, Reason: fmt.Sprintf("%d columns, and no line that says which of them are the image and the class", len(record)),
					Advice: "begin the file with a line such as image,class",
				}
			}
		}
		if len(record) <= max(named.last(), classed.last()) {
			return nil, &ListError{File: file, Line: line, Reason: fmt.Sprintf("%s, where image and class are expected", text.Count(len(record), "column", "columns"))}
		}
		name, nameErr := named.of(record)
		class, classErr := classed.of(record)
		if err := errors.Join(nameErr, classErr); err != nil {
			return nil, &ListError{File: file, Line: line, Reason: strings.ReplaceAll(err.Error(), "\n", "; "), Advice: "leave only the columns that are meant"}
		}
		if multiple { // Kaggle's list of boxes: class and four numbers, for each box
			class, _, _ = strings.Cut(class, " ")
		}
		if class == "" {
			return nil, &ListError{File: file, Line: line, Reason: "there is no class"}
		}
		rows = append(rows, row{line, strings.Clone(name), strings.Clone(class)})
	}
}

func csvError(file string, err error) error {
	if parse := (*csv.ParseError)(nil); errors.As(err, &parse) {
		return &ListError{File: file, Line: parse.StartLine, Reason: parse.Err.Error()}
	}
	return err
}

// columns are the columns of a table that say one thing.
type columns struct {
	at    []int
	words []string
}

// columnsOf returns the columns whose word in the first line is one of these.
func columnsOf(record, words []string) columns {
	var c columns
	for i, cell := range record {
		if cell = strings.TrimSpace(cell); slices.Contains(words, strings.ToLower(cell)) {
			c.at, c.words = append(c.at, i), append(c.words, strings.Clone(cell))
		}
	}
	return c
}

// last returns the last of the columns.
func (c columns) last() int { return c.at[len(c.at)-1] }

// of returns what the columns say in a line. It is an error if they say different things.
func (c columns) of(record []string) (string, error) {
	value := strings.TrimSpace(record[c.at[0]])
	for i, at := range c.at[1:] {
		if other := strings.TrimSpace(record[at]); other != value {
			return "", fmt.Errorf("%s and %s say different things", text.Name(c.words[0]), text.Name(c.words[i+1]))
		}
	}
	return value, nil
}

// readObjects reads JSON objects, a line each.
func readObjects(r io.Reader, file string) ([]row, error) {
	var rows []row
	err := eachLine(r, file, func(number int, line string) error {
		object, err := decodeObject([]byte(line), slices.Concat(nameColumns, classColumns)...)
		if err != nil {
			return &ListError{File: file, Line: number, Reason: err.Error()}
		}
		name, nameErr := oneOf(object, nameColumns)
		class, classErr := oneOf(object, classColumns)
		if err := errors.Join(nameErr, classErr); err != nil {
			return &ListError{File: file, Line: number, Reason: strings.ReplaceAll(err.Error(), "\n", "; ")}
		}
		if class == "" {
			return &ListError{File: file, Line: number, Reason: "there is no class"}
		}
		rows = append(rows, row{number, name, class})
		return nil
	})
	return rows, err
}

// decodeObject decodes a JSON object. One in which a key stands twice is refused, and so is a key that is one of the fields but for its case.
func decodeObject(raw []byte, fields ...string) (map[string]json.RawMessage, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, text.JSONError(err)
	}
	if err := text.CheckFields(raw, fields...); err != nil {
		return nil, err
	}
	return object, nil
}

// oneOf returns the value of the one of some keys that an object has: a text or a whole number.
func oneOf(object map[string]json.RawMessage, keys []string) (string, error) {
	var value string
	var had []string
	for _, key := range keys {
		raw := object[key]
		if raw == nil {
			continue
		}
		var word string
		var number json.Number
		switch {
		case json.Unmarshal(raw, &word) == nil:
		case json.Unmarshal(raw, &number) == nil:
			word = number.String()
			if _, err := strconv.Atoi(word); err != nil {
				return "", fmt.Errorf("%s is %s, not a text or a whole number", key, text.Shorten(word, 40))
			}
		default:
			return "", fmt.Errorf("%s is not a text or a whole number", key)
		}
		if len(had) > 0 && word != value {
			return "", fmt.Errorf("%s and %s say different things", had[0], key)
		}
		had, value = append(had, key), word
	}
	if len(had) == 0 {
		return "", fmt.Errorf("there is no %s%s", text.Or(keys[:3]), meant(object, keys))
	}
	return value, nil
}

// meant says which key of an object was probably meant for one of some keys, none of which it has.
func meant(object map[string]json.RawMessage, keys []string) string {
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if near := suggest.Nearest(key, keys); near != "" && !slices.Contains(nameColumns, key) && !slices.Contains(classColumns, key) {
			return fmt.Sprintf("; did you mean %s by the key %s?", near, text.Quote(key))
		}
	}
	return ""
}
