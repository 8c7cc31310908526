package jsonscan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/jsonscan"
)

// TestScanner reads an object with a text under "text", numbers of at most 32 bits under "numbers", and anything under other keys.
func TestScanner(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, json, says string
	}{
		{"all", `{"text": "é😀 \ud83d\ude00", "numbers": [0, 2147483647], "more": {"a": [null, 1e3]}}`, ""},
		{"nothing", `{}`, ""},
		{"empty", ``, "0: not JSON: unexpected EOF"},
		{"cut", `{"text": "a"`, "12: not JSON: unexpected EOF"},
		{"cut in what is passed", `{"more": [1,`, "not JSON: unexpected EOF"},
		{"no object", `[]`, `1: "[" where "{" is expected`},
		{"a key twice", `{"more": 1, "more": 1}`, `18: "more" occurs twice`},
		{"keys that differ in case", `{"more": 1, "More": 1}`, ""},
		{"half a character", `{"text": "\ud83d"}`, "an escape that is not a character"},
		{"the other half", `{"text": "\ude00x"}`, "an escape that is not a character"},
		{"half a character in a key", `{"\ud83d\u0041": 1}`, "an escape that is not a character"},
		{"null for a text", `{"text": null}`, "null where a text is expected"},
		{"a truth for a list", `{"numbers": true}`, `true or false where "[" is expected`},
		{"a text for a number", `{"numbers": ["1"]}`, "a text where an integer is expected"},
		{"too many numbers", `{"numbers": [1, 2, 3]}`, "more than 2 numbers"},
		{"a number too large", `{"numbers": [2147483648]}`, `"2147483648" where a non-negative integer of 32 bits`},
		{"a negative number", `{"numbers": [-1]}`, `"-1" where`},
		{"an exponent", `{"numbers": [1e3]}`, `"1e3" where`},
	} {
		s := jsonscan.New([]byte(c.json), func(at int64, reason string) error { return fmt.Errorf("%d: %s", at, reason) })
		err := s.Object(func(key string) error {
			var err error
			switch key {
			case "text":
				_, err = s.Text()
			case "numbers":
				_, err = s.Integers(2, 32)
			default:
				err = s.Skip()
			}
			return err
		})
		if c.says == "" && (err != nil || int(s.Offset()) != len(c.json)) || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v behind byte %d of %d, want %q", c.name, err, s.Offset(), len(c.json), c.says)
		}
	}
}
