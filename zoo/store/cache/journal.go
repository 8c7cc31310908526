package cache

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/beitzoo/beitzoo/zoo/store"
)

// journal is the file that records which bytes of a partial blob were written. It is text with a line for each record, and is only appended to. An
// incomplete line, whose writer died, is ignored. No record is used before its checksum is compared with the bytes.
//
//	beitzoo journal 1
//	version "https://host/file \"etag\" 1000"
//	bytes OFFSET SIZE SUM
type journal struct {
	file    *os.File
	version string
	records []store.Record
	// latest is the last record of each offset. A record that is equal to it is not written again.
	latest map[int64]store.Record
}

const journalMark = "beitzoo journal 1"

// maxJournal is how many bytes of a journal are read: more than that of the largest blob has.
const maxJournal = 256 << 20

// openJournal opens the journal at path for appending and reads what is in it.
func openJournal(path string) (*journal, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return nil, err
	}
	j := &journal{file: file, latest: map[int64]store.Record{}}
	if err := j.read(io.LimitReader(file, maxJournal)); err != nil {
		file.Close()
		return nil, err
	}
	return j, nil
}

func (j *journal) read(from io.Reader) error {
	lines := bufio.NewScanner(from)
	if !lines.Scan() || lines.Text() != journalMark {
		if err := lines.Err(); err != nil && !errors.Is(err, bufio.ErrTooLong) {
			return err
		}
		return j.reset("")
	}
	for lines.Scan() {
		j.parse(lines.Text())
	}
	if err := lines.Err(); err != nil && !errors.Is(err, bufio.ErrTooLong) {
		return err
	}
	// If the last line is incomplete, the next record must begin on a new line.
	_, err := io.WriteString(j.file, "\n")
	return err
}

// parse reads one line. It ignores one that is not well formed.
func (j *journal) parse(line string) {
	var version string
	if _, err := fmt.Sscanf(line, "version %q", &version); err == nil {
		j.version, j.records = version, nil
		clear(j.latest)
		return
	}
	var r store.Record
	_, err := fmt.Sscanf(line, "bytes %d %d %s", &r.Span.Offset, &r.Span.Size, &r.Sum)
	if err != nil || r.Span.Offset < 0 || r.Span.Size < 0 || len(r.Sum) > store.MaxSum {
		return
	}
	if r.Span.Size == 0 {
		r.Sum = ""
	}
	j.keep(r)
}

func (j *journal) keep(r store.Record) {
	j.records = append(j.records, r)
	j.latest[r.Span.Offset] = r
}

// add appends a record unless it says nothing new.
func (j *journal) add(r store.Record) error {
	r.Final = false
	if j.latest[r.Span.Offset] == r {
		return nil
	}
	sum := r.Sum
	if sum == "" {
		sum = "none"
	}
	if _, err := fmt.Fprintf(j.file, "bytes %d %d %s\n", r.Span.Offset, r.Span.Size, sum); err != nil {
		return err
	}
	j.keep(r)
	return nil
}

// reset removes all records.
func (j *journal) reset(version string) error {
	if err := j.file.Truncate(0); err != nil {
		return err
	}
	j.version, j.records = version, nil
	clear(j.latest)
	_, err := io.WriteString(j.file, strings.Join([]string{journalMark, fmt.Sprintf("version %q", version), ""}, "\n"))
	return err
}
