package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
)

// answerFile is a file of answers, which may have some already.
type answerFile struct {
	answerLines
	file *os.File
	path string
	// answered are the paths of the pictures that have an answer, by their places; resumed is their number at the start.
	// list are the pictures of the command line, and met the places of those in answered that came.
	answered map[int]string
	list     *pictureList
	met      map[int]bool
	resumed  int
	written  int
	result   answerFileResult
}

// answerFileResult is what `beitzoo predict -o FILE --json` prints.
type answerFileResult struct {
	classifierFacts
	Output string `json:"output"`
	// Answers is the number of pictures that the file has answers for, and Resumed how many of them it had at the start.
	Answers int           `json:"answers"`
	Resumed int           `json:"resumed"`
	Unread  []unreadImage `json:"unread"`
}

// longestAnswer is the most bytes of a line of a file of answers that is read again.
const longestAnswer = 64 << 20

// openAnswerFile opens a file of answers, and reads what an interrupted run left.
func openAnswerFile(c *console, path string, header answerHeader, list *pictureList) (*answerFile, error) {
	file, err := disk.OpenAppend(path)
	if err != nil {
		return nil, err
	}
	a := &answerFile{
		answerLines: answerLines{printed{c}, file}, file: file, path: path, list: list, answered: make(map[int]string), met: make(map[int]bool),
		result: answerFileResult{classifierFacts: header.classifierFacts, Output: path, Unread: []unreadImage{}},
	}
	if err := a.resume(header); err != nil {
		file.Close()
		return nil, err
	}
	if a.resumed = len(a.answered); a.resumed > 0 {
		follows := "the others follow"
		if a.resumed == list.total {
			follows = "all of them"
		}
		c.remark(fmt.Sprintf("%s has answers for %s already: %s", path, text.Count(a.resumed, "picture", "pictures"), follows))
	}
	return a, nil
}

// resume reads the lines of the file, cuts off what follows the last whole one, and writes the header if there is none.
func (a *answerFile) resume(header answerHeader) error {
	begun, err := a.isHeaderBegun(header)
	if err == nil && begun {
		err = disk.AtTarget(a.path, a.file.Truncate(0))
	}
	if err != nil {
		return err
	}
	if begun {
		return a.write(header)
	}
	lines := bufio.NewReaderSize(a.file, 1<<16)
	var whole int64
	for number := 1; ; number++ {
		line, err := wholeLine(lines)
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = a.take(number, line, header)
		}
		if err != nil {
			return &usageError{
				fmt.Sprintf("%s, line %d: %v", a.path, number, err),
				"name another file, or remove this one to begin anew: it is not one of this model, recipe, labels, engine, --top, --shard and list of pictures",
			}
		}
		whole += int64(len(line))
	}
	if whole == 0 {
		return &usageError{fmt.Sprintf("%s is there already, and is not a file of answers", text.Quote(a.path)), "name another file, or remove this one"}
	}
	return disk.AtTarget(a.path, a.file.Truncate(whole))
}

// isHeaderBegun reports whether the file is empty, or holds a part of the header alone, which a killed process left. Then it is to be begun anew; else it is left
// at its start.
func (a *answerFile) isHeaderBegun(header answerHeader) (bool, error) {
	line, err := lineOf(header)
	if err != nil {
		return false, err
	}
	begun, err := io.ReadAll(io.LimitReader(a.file, int64(len(line))))
	if err == nil && (len(begun) == len(line) || !bytes.HasPrefix(line, begun)) {
		_, err = a.file.Seek(0, io.SeekStart)
		return false, disk.AtTarget(a.path, err)
	}
	return err == nil, disk.AtTarget(a.path, err)
}

// wholeLine returns the next line with its end; io.EOF if there is none, or no whole one.
func wholeLine(lines *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := lines.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > longestAnswer:
			return nil, fmt.Errorf("it has more than %d bytes", longestAnswer)
		case !errors.Is(err, bufio.ErrBufferFull):
			return line, err
		}
	}
}

// take takes a line of an earlier run.
func (a *answerFile) take(number int, line []byte, header answerHeader) error {
	if number == 1 {
		return sameHeader(line, header)
	}
	var found answerLine
	if err := json.Unmarshal(line, &found); err != nil {
		return errors.New("it is not an answer")
	}
	_, again := a.answered[found.Index]
	switch whole, known := a.list.whole, a.list.names != nil; {
	case found.Index < 0 || found.Index%a.list.step != a.list.first || known && found.Index >= whole:
		return fmt.Errorf("there is no picture %d in this part of the list", found.Index)
	case again:
		return fmt.Errorf("picture %d has an answer already", found.Index)
	case found.Error != "":
		return nil
	case len(found.Top) == 0:
		return errors.New("it is not an answer: it has no class")
	}
	a.answered[found.Index] = found.Image
	return nil
}

// sameHeader returns an error if the first line of a file is not the header of the same run. The version may differ, and the name of the model if its digest
// is the same.
func sameHeader(line []byte, want answerHeader) error {
	var got map[string]json.RawMessage
	if json.Unmarshal(line, &got) != nil || string(got["format"]) != `"`+answerFormat+`"` {
		return errors.New("it is not the first line of a file of answers")
	}
	wanted, err := lineOf(want)
	if err != nil {
		return err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(wanted, &fields); err != nil {
		return err
	}
	for _, name := range []string{"weights_digest", "recipe", "labels_from", "state_dict", "epsilon", "function", "labels_digest", "engine", "dtype", "device", "top", "shard"} {
		if !bytes.Equal(got[name], fields[name]) {
			shown := func(value json.RawMessage) string { return text.Shorten(cmp.Or(string(value), "not stated"), 200) }
			return fmt.Errorf("its %s is %s, not %s", name, shown(got[name]), shown(fields[name]))
		}
	}
	if there := string(got["pictures"]); there != string(fields["pictures"]) {
		return fmt.Errorf("it is about %s, not %s", countText(there), countText(string(fields["pictures"])))
	}
	return nil
}

// countText says the entry "pictures" of a header.
func countText(pictures string) string {
	switch pictures {
	case "-1":
		return "a list on standard input"
	case "1":
		return "1 picture"
	}
	return text.Shorten(pictures, 20) + " pictures"
}

func (a *answerFile) done(place int, name string) (bool, error) {
	known, answered := a.answered[place]
	if answered {
		a.met[place] = true
	}
	if answered && known != text.Valid(name) {
		return true, &usageError{
			fmt.Sprintf("the pictures are others than those of %s: picture %d is %s, and was %s", a.path, place, text.Quote(name), text.Quote(known)),
			"give the pictures of the first run, or another file; remove this one to begin anew",
		}
	}
	return answered, nil
}

func (a *answerFile) prediction(place int, p classify.Prediction) error {
	a.written++
	return a.answerLines.prediction(place, p)
}

func (a *answerFile) failure(place int, failure *preprocess.FileError) error {
	a.result.Unread = append(a.result.Unread, unreadOf(failure))
	return a.answerLines.failure(place, failure)
}

func (*answerFile) onTerminal() bool { return false }

func (a *answerFile) finish() error {
	for place, name := range a.answered {
		if !a.met[place] { // only the end of standard input tells
			return &usageError{
				fmt.Sprintf("%s has an answer for picture %d, %s, which is not in the list", a.path, place, text.Quote(name)),
				"give the pictures of the first run, or another file; remove this one to begin anew",
			}
		}
	}
	if err := a.file.Sync(); err != nil {
		return disk.AtTarget(a.path, err)
	}
	a.result.Answers, a.result.Resumed = a.written+a.resumed, a.resumed
	return a.c.result(a.result, func() {
		a.c.printf("%s: answers for %s", a.path, text.Count(a.result.Answers, "picture", "pictures"))
	})
}

func (a *answerFile) close() error { return disk.AtTarget(a.path, a.file.Close()) }
