package pickle

import (
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Dict is a Python dict, or one of the classes that behave like it.
type Dict struct {
	// Entries are in the order of the file. Text keys are unique.
	Entries []Entry
	index   map[string]int
}

// Entry is a key and its value.
type Entry struct{ Key, Value Value }

// Get looks up a text key.
func (d *Dict) Get(key string) (Value, bool) {
	i, ok := d.index[key]
	if !ok {
		return nil, false
	}
	return d.Entries[i].Value, true
}

// Reset replaces all entries. A text key that occurs twice is an error, because readers disagree on which value counts.
func (d *Dict) Reset(entries []Entry) error {
	index := make(map[string]int, len(entries))
	for i, entry := range entries {
		key, ok := entry.Key.(string)
		if !ok {
			continue
		}
		if _, twice := index[key]; twice {
			return checkpoint.Malformed("the key %s occurs twice in one dict", text.Quote(key))
		}
		index[key] = i
	}
	d.Entries, d.index = entries, index
	return nil
}
