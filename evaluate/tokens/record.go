package tokens

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/beitzoo/beitzoo/internal/text"
)

// Record is what a tokenizer said of an image.
type Record struct {
	// Index is the place of the image among all images, from 0, also in a part.
	Index int `json:"index"`
	// Image is its name. A byte that is no UTF-8 is written as \xff, and a backslash that begins such a form as \x5c.
	Image string `json:"image"`
	// Tokens are those of its patches, row by row; nil if it could not be read.
	Tokens []int32 `json:"tokens,omitempty"`
	// Error says why the image could not be read; empty if it was.
	Error string `json:"error,omitempty"`
}

// The limits of lines, in bytes: files may be hostile.
const (
	maxHeaderLine = 1 << 20
	maxLine       = 16 << 20
)

// recordFields are those of a record.
var recordFields = text.Fields[Record]()

// readRecord reads a line that is not the first.
func (h *Header) readRecord(raw []byte) (Record, error) {
	var found struct {
		Record
		Index *int `json:"index"`
	}
	if err := json.Unmarshal(raw, &found); err != nil || found.Index == nil || text.CheckFields(raw, recordFields...) != nil {
		return Record{}, errors.New("it is not the record of an image")
	}
	found.Record.Index = *found.Index
	return found.Record, h.checkRecord(found.Record)
}

// checkRecord returns an error if a record, which comes from a file, is not one of this header.
func (h *Header) checkRecord(r Record) error {
	switch {
	case r.Index < 0 || r.Index%h.Shard.Of != h.Shard.Index-1 || h.Images.Total >= 0 && r.Index >= h.Images.Total:
		return fmt.Errorf("there is no image %d in part %s", r.Index, h.Shard)
	case r.Error != "" && r.Tokens != nil:
		return errors.New("an image that could not be read has tokens")
	case r.Error != "":
		return nil
	case len(r.Tokens) != h.Patches():
		return fmt.Errorf("%d tokens, not %d", len(r.Tokens), h.Patches())
	}
	for _, id := range r.Tokens {
		if id < 0 || int(id) >= h.Tokenizer.Config.Vocabulary() {
			return fmt.Errorf("there is no token %d of %d", id, h.Tokenizer.Config.Vocabulary())
		}
	}
	return nil
}
