package safetensors

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
)

// scanner reads JSON token by token. Unlike json.Unmarshal it sees keys that occur twice, case, and the exact form of numbers.
type scanner struct {
	decoder *json.Decoder
	raw     []byte
	base    int64 // where raw begins in the file
	where   string
}

func newScanner(raw []byte, base int64) *scanner {
	s := &scanner{decoder: json.NewDecoder(bytes.NewReader(raw)), raw: raw, base: base, where: "the header"}
	s.decoder.UseNumber()
	return s
}

func (s *scanner) malformed(reason string, args ...any) *checkpoint.Error {
	problem := checkpoint.Malformed(reason, args...)
	problem.Reason = s.where + ": " + problem.Reason
	return problem.At(s.base + s.decoder.InputOffset())
}

func (s *scanner) next() (json.Token, error) {
	token, err := s.decoder.Token()
	if err != nil {
		return nil, s.malformed("not JSON: %s", err)
	}
	return token, nil
}

func (s *scanner) delimiter(want json.Delim) error {
	token, err := s.next()
	if err != nil {
		return err
	}
	if token != want {
		return s.malformed("%s where %q is expected", kind(token), want.String())
	}
	return nil
}

// text reads a string. Half of a surrogate pair, which the decoder replaces silently, is an error, since it would change a name.
func (s *scanner) text() (string, error) {
	before := s.decoder.InputOffset()
	token, err := s.next()
	if err != nil {
		return "", err
	}
	text, ok := token.(string)
	if !ok {
		return "", s.malformed("%s where a text is expected", kind(token))
	}
	if halfSurrogate(s.raw[before:s.decoder.InputOffset()]) {
		return "", s.malformed("a text with an escape that is no character")
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

// escaped gives the code of an escape like \u00e9 that raw begins with, or 0.
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
func (s *scanner) integer(bits int) (int64, error) {
	token, err := s.next()
	if err != nil {
		return 0, err
	}
	number, ok := token.(json.Number)
	if !ok {
		return 0, s.malformed("%s where an integer is expected", kind(token))
	}
	value, err := strconv.ParseUint(number.String(), 10, bits-1)
	if err != nil {
		return 0, s.malformed("the number %.40q where a non-negative integer of %d bits is expected", number.String(), bits)
	}
	return int64(value), nil
}

// object reads { key: value, ... } and calls value for each key, which must read what belongs to it. A key that comes twice is an error.
func (s *scanner) object(value func(key string) error) error {
	if err := s.delimiter('{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for s.decoder.More() {
		key, err := s.text()
		if err != nil {
			return err
		}
		if seen[key] {
			return s.malformed("%.1024q occurs twice", key)
		}
		seen[key] = true
		if err := value(key); err != nil {
			return err
		}
	}
	return s.delimiter('}')
}

// integers reads [ n, ... ] of at most limit numbers.
func (s *scanner) integers(limit, bits int) ([]int64, error) {
	if err := s.delimiter('['); err != nil {
		return nil, err
	}
	numbers := []int64{}
	for s.decoder.More() {
		if len(numbers) == limit {
			return nil, s.malformed("a list of more than %d numbers", limit)
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
