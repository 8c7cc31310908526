// Package text prepares words for messages. Words from files and servers may be very long and hold control characters.
package text

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// longest is the number of bytes of a word that a message shows. Names of parameters have fewer than 80.
const longest = 200

// Quote returns a word in quotation marks, escaped as Go does, and cut if it is absurdly long.
func Quote(word string) string {
	if len(word) > longest {
		return strconv.Quote(Cut(word, longest)) + "..."
	}
	return strconv.Quote(word)
}

// Name returns a word as it is if it needs no escapes and is not too long; otherwise it returns what Quote does.
func Name(word string) string {
	if quoted := Quote(word); quoted != `"`+word+`"` {
		return quoted
	}
	return word
}

// Shorten returns a word of at most limit bytes, followed by "..." if it was longer.
func Shorten(word string, limit int) string {
	if len(word) <= limit {
		return word
	}
	return Cut(word, limit) + "..."
}

// Cut returns at most the first limit bytes of a word, without splitting a character.
func Cut(word string, limit int) string {
	if len(word) <= limit {
		return word
	}
	for limit > 0 && !utf8.RuneStart(word[limit]) {
		limit--
	}
	return word[:limit]
}

// List joins the first shown words and says how many more there are: "a, b and 3 more". It returns the text none for an empty list.
func List(words []string, shown int, none string) string {
	switch {
	case len(words) == 0:
		return none
	case len(words) > shown:
		return fmt.Sprintf("%s and %d more", strings.Join(words[:shown], ", "), len(words)-shown)
	}
	return strings.Join(words, ", ")
}

// Or joins the words of a choice: "a, b or c".
func Or(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// FirstLine returns the first line of what a program printed.
func FirstLine(output string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(output), "\n")
	return line
}

// Printable returns a text with its control characters shown as Go's escapes, except line breaks and tabs: those of a terminal could hide or fake
// what is shown. Other characters that some programs take for line breaks are shown as escapes too.
func Printable(shown string) string {
	return escape(shown, func(r rune) bool { return isHarmful(r) && r != '\n' && r != '\t' })
}

// JSON returns a JSON document in which the characters that Line shows as escapes are escapes of JSON: the same document, safe to print.
func JSON(document []byte) []byte {
	harmful := func(r rune) bool { return r >= 0x7f && isHarmful(r) } // those below are spaces between values, or escapes already
	if !bytes.ContainsFunc(document, harmful) {
		return document
	}
	var b bytes.Buffer
	for _, r := range string(document) {
		if harmful(r) {
			fmt.Fprintf(&b, `\u%04x`, r) // none is beyond 16 bits
			continue
		}
		b.WriteRune(r)
	}
	return b.Bytes()
}

// Line is Printable for text that must stay within a line, or a column of it: line breaks and tabs are shown as escapes too.
func Line(shown string) string { return escape(shown, isHarmful) }

// plain matches words that no shell takes apart or replaces.
var plain = regexp.MustCompile(`^[A-Za-z0-9@%+=:,./_-]+$`)

// Shell returns a word as shells read it: as it is, or in single quotes, which sh, zsh, fish and PowerShell take literally. Control characters are escaped as
// by Line, so such a word is shown, but is another one.
func Shell(word string) string {
	if plain.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(Line(word), "'", `'\''`) + "'"
}

// escape shows some characters as Go's escapes.
func escape(shown string, which func(rune) bool) string {
	if !strings.ContainsFunc(shown, which) {
		return shown
	}
	var b strings.Builder
	for _, r := range shown {
		if which(r) {
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// isHarmful reports whether a terminal may take a character for a command or a line break, or show the text around it in another order.
func isHarmful(r rune) bool {
	const lineSeparator, paragraphSeparator = '\u2028', '\u2029'
	return unicode.IsControl(r) || r == lineSeparator || r == paragraphSeparator || unicode.Is(unicode.Bidi_Control, r)
}

// Count returns a number and the noun for it: "1 tensor", "2 tensors".
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
