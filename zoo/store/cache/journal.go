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

// journal is the file that remembers what was written of a blob under way. It is text, one line a record, only ever appended to; a line that
// was cut off by the death of its writer makes no sense and is passed over. Nothing in it is believed without looking at the bytes it speaks of.
//
//	beitzoo journal 1
//	version "https://host/file \"etag\" 1000"
//	bytes OFFSET SIZE SUM
type journal struct {
	file    *os.File
	version string
	records []store.Record
	// latest is the last record of each offset: what is known already need not be written again.
	latest map[int64]store.Record
}

const journalMark = "beitzoo journal 1"

// maxJournal is more than the journal of the largest blob; only damage or malice makes one longer.
const maxJournal = 256 << 20

// openJournal reads what is there of the journal at path and goes on with it.
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
	// A line that was cut off must not swallow the first half of the next.
	_, err := io.WriteString(j.file, "\n")
	return err
}

// parse takes over one line, if it makes sense.
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

// reset begins anew.
func (j *journal) reset(version string) error {
	if err := j.file.Truncate(0); err != nil {
		return err
	}
	j.version, j.records = version, nil
	clear(j.latest)
	_, err := io.WriteString(j.file, strings.Join([]string{journalMark, fmt.Sprintf("version %q", version), ""}, "\n"))
	return err
}
