package text

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Valid returns the name of a file in a form that is UTF-8, as JSON needs it, and another one for each name: bytes that are no UTF-8 are written as \xff, and
// a backslash that begins such a form as \x5c. Nearly all names stay as they are. [Bytes] returns the name.
func Valid(name string) string {
	if utf8.ValidString(name) && !strings.Contains(name, `\x`) {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); {
		_, size := utf8.DecodeRuneInString(name[i:])
		bad := size == 1 && name[i] >= utf8.RuneSelf
		if _, form := escapedByte(name[i:]); bad || form {
			fmt.Fprintf(&b, `\x%02x`, name[i])
		} else {
			b.WriteString(name[i : i+size])
		}
		i += size
	}
	return b.String()
}

// Bytes returns the name of which [Valid] returned the form.
func Bytes(form string) string {
	var b strings.Builder
	for i := 0; i < len(form); {
		if c, escaped := escapedByte(form[i:]); escaped {
			b.WriteByte(c)
			i += len(`\xff`)
			continue
		}
		b.WriteByte(form[i])
		i++
	}
	return b.String()
}

// escapedByte returns the byte that a word such as \xff begins with, and reports whether it begins with one.
func escapedByte(word string) (byte, bool) {
	var c byte
	if len(word) < 4 || word[:2] != `\x` {
		return 0, false
	}
	for _, digit := range []byte(word[2:4]) {
		at := strings.IndexByte("0123456789abcdef", digit)
		if at < 0 {
			return 0, false
		}
		c = c<<4 | byte(at)
	}
	return c, true
}
