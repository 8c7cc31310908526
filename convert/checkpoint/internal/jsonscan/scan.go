// Package jsonscan reads JSON token by token, for headers and indices that hostile files may have.
//
// Unlike json.Unmarshal, a [Scanner] sees keys that occur twice, keys that differ in case alone, texts with half a character, and the exact form of
// numbers. It reports a problem as the error that its owner makes of a reason and an offset.
package jsonscan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Scanner reads one JSON text.
type Scanner struct {
	decoder *json.Decoder
	raw     []byte
	fail    func(at int64, reason string) error
}

// New returns a Scanner of raw, which must be UTF-8. All errors are those of fail, which gets a clause, and the offset in raw where reading
// ended.
func New(raw []byte, fail func(at int64, reason string) error) *Scanner {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	return &Scanner{decoder: decoder, raw: raw, fail: fail}
}

// Offset returns how many bytes of the text were read.
func (s *Scanner) Offset() int64 { return s.decoder.InputOffset() }

// Errorf returns an error about what was read last.
func (s *Scanner) Errorf(reason string, args ...any) error {
	return s.fail(s.Offset(), fmt.Sprintf(reason, args...))
}

// Skip passes over a value of any kind.
func (s *Scanner) Skip() error {
	var passed json.RawMessage
	return s.syntax(s.decoder.Decode(&passed))
}

// syntax makes an error of what package json says.
func (s *Scanner) syntax(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return s.Errorf("not JSON: %s", err)
}

func (s *Scanner) next() (json.Token, error) {
	token, err := s.decoder.Token()
	return token, s.syntax(err)
}

func (s *Scanner) delimiter(want json.Delim) error {
	token, err := s.next()
	if err != nil {
		return err
	}
	if token != want {
		return s.Errorf("%s where %q is expected", kind(token), want.String())
	}
	return nil
}

// Text reads a string. Half of a surrogate pair, which the decoder replaces silently, is an error, since it would change a name.
func (s *Scanner) Text() (string, error) {
	before := s.decoder.InputOffset()
	token, err := s.next()
	if err != nil {
		return "", err
	}
	text, ok := token.(string)
	if !ok {
		return "", s.Errorf("%s where a text is expected", kind(token))
	}
	if halfSurrogate(s.raw[before:s.decoder.InputOffset()]) {
		return "", s.Errorf("a text with an escape that is not a character")
	}
	return text, nil
}

// halfSurrogate looks for an escape in JSON text that stands for half of a character.
func halfSurrogate(raw []byte) bool {
	for {
		at := bytes.IndexByte(raw, '\\')
		if at < 0 {
			return false
		}
		first := escaped(raw[at:])
		if !utf16.IsSurrogate(first) {
			raw = raw[at+2:]
			continue
		}
		raw = raw[at+6:]
		if utf16.DecodeRune(first, escaped(raw)) == utf8.RuneError {
			return true
		}
		raw = raw[6:]
	}
}

// escaped returns the code of an escape like \u00e9 that raw begins with, or 0.
func escaped(raw []byte) rune {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return 0
	}
	code, err := strconv.ParseUint(string(raw[2:6]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(code)
}

// integer reads a number without sign, fraction or exponent that fits into bits.
func (s *Scanner) integer(bits int) (int64, error) {
	token, err := s.next()
	if err != nil {
		return 0, err
	}
	number, ok := token.(json.Number)
	if !ok {
		return 0, s.Errorf("%s where an integer is expected", kind(token))
	}
	value, err := strconv.ParseUint(number.String(), 10, bits-1)
	if err != nil {
		return 0, s.Errorf("the number %.40q where a non-negative integer of %d bits is expected", number.String(), bits)
	}
	return int64(value), nil
}

// Object reads { key: value, ... } and calls value for each key, which must read what belongs to it. A key that comes twice is an error.
func (s *Scanner) Object(value func(key string) error) error {
	if err := s.delimiter('{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for s.decoder.More() {
		key, err := s.Text()
		if err != nil {
			return err
		}
		if seen[key] {
			return s.Errorf("%.1024q occurs twice", key)
		}
		seen[key] = true
		if err := value(key); err != nil {
			return err
		}
	}
	return s.delimiter('}')
}

// Integers reads [ n, ... ] of at most limit numbers.
func (s *Scanner) Integers(limit, bits int) ([]int64, error) {
	if err := s.delimiter('['); err != nil {
		return nil, err
	}
	numbers := []int64{}
	for s.decoder.More() {
		if len(numbers) == limit {
			return nil, s.Errorf("a list of more than %d numbers", limit)
		}
		number, err := s.integer(bits)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, number)
	}
	return numbers, s.delimiter(']')
}

// kind names a token without its value.
func kind(token json.Token) string {
	switch token := token.(type) {
	case json.Delim:
		return strconv.Quote(token.String())
	case string:
		return "a text"
	case json.Number:
		return "a number"
	case bool:
		return "true or false"
	}
	return "null"
}
