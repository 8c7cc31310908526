package dataset

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
)

// ClassMap says which class of the model a class of the data is.
type ClassMap struct {
	file   string
	digest string
	// to has, for the name of a class in the data, the number of a logit, a name or a WordNet id of the model's class, or leftOut.
	to map[string]string
}

// leftOut stands in a class map for no class: images of such a class are left out.
const leftOut = "-"

// maxClassMap bounds a class map, in bytes.
const maxClassMap = 64 << 20

// ReadClassMap reads a class map. It is JSON: an object from name to number, as torchvision's class_to_idx, or a list of names; or text: names, a line each,
// of which the first is logit 0, as timm has it; or two columns, with a comma, a tab or a space between them: the name, and the number, name or WordNet id of
// the model's class, or - to leave the images of a class out. Errors are a *[fs.PathError], a *[disk.TooLargeError] or a *[ListError].
func ReadClassMap(path string) (*ClassMap, error) {
	raw, err := disk.ReadFile(path, maxClassMap)
	if err != nil {
		return nil, err
	}
	m := &ClassMap{file: path, digest: digestOf(raw), to: map[string]string{}}
	raw = bytes.TrimSpace(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")))
	switch {
	case !utf8.Valid(raw) || bytes.IndexByte(raw, 0) >= 0:
		err = &ListError{File: path, Reason: "it is not a text file", Advice: mapAdvice}
	case bytes.HasPrefix(raw, []byte("{")):
		err = m.readObject(raw)
	case bytes.HasPrefix(raw, []byte("[")):
		var names []string
		if err = json.Unmarshal(raw, &names); err != nil {
			err = &ListError{File: path, Reason: text.JSONError(err).Error(), Advice: mapAdvice}
		}
		for i, name := range names {
			if err == nil {
				err = m.set(i+1, name, strconv.Itoa(i))
			}
		}
	default:
		err = m.readText(raw)
	}
	if err == nil && len(m.to) == 0 {
		err = &ListError{File: path, Reason: "it has no class", Advice: mapAdvice}
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

// mapAdvice says what a class map is.
const mapAdvice = "a class map is a JSON object from name to number, a list of names in the order of the logits, or two columns: " +
	"the name in the data, and the number or name of the class"

func (m *ClassMap) readObject(raw []byte) error {
	object, err := decodeObject(raw)
	if err != nil {
		return &ListError{File: m.file, Reason: err.Error(), Advice: mapAdvice}
	}
	for name, value := range object {
		to, err := oneOf(map[string]json.RawMessage{"class": value}, classColumns)
		if err != nil {
			return &ListError{File: m.file, Reason: fmt.Sprintf("the value of %s is neither a number nor a name", text.Quote(name)), Advice: mapAdvice}
		}
		m.to[name] = to
	}
	return nil
}

// readText reads names, a line each, or two columns. Columns with a space between them are only taken for such if all lines end with a number, a WordNet id
// or the sign for leaving out: names may have spaces.
func (m *ClassMap) readText(raw []byte) error {
	if !bytes.ContainsAny(raw, ",;\t") {
		return m.readLines(string(raw))
	}
	rows, err := readTable(bytes.NewReader(raw), m.file)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.class == "" {
			return &ListError{File: m.file, Line: r.line, Reason: "one column, where other lines have two", Advice: mapAdvice}
		}
		if err := m.set(r.line, r.name, r.class); err != nil {
			return err
		}
	}
	return nil
}

func (m *ClassMap) readLines(raw string) error {
	var names, targets []string
	lines := strings.Split(raw, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
		at := strings.LastIndexAny(lines[i], " ")
		last := lines[i][at+1:]
		if _, err := strconv.Atoi(last); at > 0 && (err == nil || last == leftOut || wordNet.MatchString(last)) {
			names, targets = append(names, strings.TrimSpace(lines[i][:at])), append(targets, last)
		}
	}
	columns := len(names) == len(lines)
	for i, line := range lines {
		name, to := line, strconv.Itoa(i)
		if columns {
			name, to = names[i], targets[i]
		}
		if err := m.set(i+1, name, to); err != nil {
			return err
		}
	}
	return nil
}

func (m *ClassMap) set(line int, name, to string) error {
	if name = strings.TrimSpace(name); name == "" {
		return &ListError{File: m.file, Line: line, Reason: "there is no name", Advice: mapAdvice}
	}
	if before, twice := m.to[name]; twice && before != to {
		return &ListError{File: m.file, Line: line, Reason: fmt.Sprintf("%s stands for %s and for %s", text.Quote(name), text.Quote(before), text.Quote(to)), Advice: mapAdvice}
	}
	m.to[name] = to
	return nil
}

// ReadNames reads names of classes, a line each. Errors are those of [ReadClassMap].
func ReadNames(path string) ([]string, error) {
	raw, err := disk.ReadFile(path, maxClassMap)
	if err != nil {
		return nil, err
	}
	var names []string
	for line := range strings.Lines(string(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")))) {
		if name := strings.TrimSpace(line); name != "" {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, &ListError{File: path, Reason: "it has no class", Advice: "write the name, the number or the WordNet id of a class in each line"}
	}
	return names, nil
}
