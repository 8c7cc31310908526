package shellline

import (
	"strings"
)

// Shell is a shell whose quoting Split knows.
type Shell int

// The shells.
const (
	Bash Shell = iota
	Fish
)

// Typed is a command line up to the cursor.
type Typed struct {
	// Words are without their quotes. The last one is where the cursor is; after a blank it is empty. There is always one.
	Words []string
	// Open is the length, in bytes, of what stands before an open quote in the last word: a shell completes only what is behind. Without an open quote
	// it is 0.
	Open int
	// Plain are the positions in the last word, in bytes, of the characters that are not quoted.
	Plain []int
	// Expands reports that the shell would expand something in the last word: a variable, a command, or a tilde.
	Expands bool
}

// Split splits a line that may end anywhere. Only the command that the cursor is in counts: what stands before a ; or | is left out, and so are
// redirections.
func Split(line string, shell Shell) Typed {
	s := splitter{shell: shell}
	for s.rest = line; s.rest != ""; {
		s.step()
	}
	if s.quote == 0 {
		s.open = 0
	}
	return Typed{Words: append(s.words, string(s.word)), Open: s.open, Plain: s.plain, Expands: s.expands}
}

type splitter struct {
	shell Shell
	rest  string
	words []string
	word  []byte
	// started says that the word has begun; '' is a word without characters.
	started bool
	// quote is the kind of the open quote: ', ", or $ for $'...'.
	quote   byte
	open    int
	plain   []int
	expands bool
	// redirected says that the next word belongs to a redirection.
	redirected bool
	// outer is the command in whose word this one stands in parentheses, up to the opening one.
	outer *splitter
}

// step takes the next characters off the rest.
func (s *splitter) step() {
	c := s.rest[0]
	switch {
	case s.quote != 0:
		s.quoted(c)
	case c == '\\' && strings.HasPrefix(s.rest, "\\\n"): // the line goes on
		s.skip(2)
	case c == '\\':
		s.skip(1)
		s.literal()
	case s.shell == Bash && strings.HasPrefix(s.rest, "$'"):
		s.begin('$', 2)
	case c == '\'' || c == '"':
		s.begin(c, 1)
	case c == ' ' || c == '\t':
		s.end()
		s.skip(1)
	case c == '(':
		outer := *s
		*s = splitter{shell: s.shell, rest: s.rest[1:], outer: &outer}
	case c == ')' && s.outer != nil:
		s.leave()
	case c == '`' && s.shell == Bash && strings.IndexByte(s.rest[1:], c) >= 0:
		s.take(strings.IndexByte(s.rest[1:], c) + 2)
	case strings.IndexByte(";|&\n", c) >= 0, c == '`' && s.shell == Bash:
		*s = splitter{shell: s.shell, rest: s.rest[1:], outer: s.outer}
	case (c == '<' || c == '>') && !strings.HasPrefix(s.rest[1:], "("):
		s.redirect()
	default:
		s.expands = s.expands || c == '$' || c == '~' && !s.started
		s.plain = append(s.plain, len(s.word))
		s.literal()
	}
}

// quoted takes one character inside quotes, or a backslash with the character after it.
func (s *splitter) quoted(c byte) {
	closing := s.quote
	if closing == '$' {
		closing = '\''
	}
	switch {
	case c == closing:
		s.quote = 0
		s.skip(1)
	case c == '\\' && len(s.rest) > 1 && s.escapes(s.rest[1]):
		s.skip(1)
		if s.quote == '"' && s.rest[0] == '\n' {
			s.skip(1)
			return
		}
		s.literal()
	default:
		s.expands = s.expands || s.quote == '"' && (c == '$' || c == '`')
		s.literal()
	}
}

// escapes reports whether a backslash before c, inside the open quotes, is taken away.
func (s *splitter) escapes(c byte) bool {
	switch {
	case s.quote == '"' && s.shell == Fish:
		return strings.IndexByte("\"\\$\n", c) >= 0
	case s.quote == '"':
		return strings.IndexByte("\"\\$`\n", c) >= 0
	case s.quote == '$', s.shell == Fish:
		return c == '\'' || c == '\\'
	}
	return false
}

func (s *splitter) skip(n int) { s.rest = s.rest[n:] }

// literal moves the next character to the word. A backslash at the very end has none after it.
func (s *splitter) literal() {
	s.started = true
	if s.rest != "" {
		s.word = append(s.word, s.rest[0])
		s.skip(1)
	}
}

// take moves a command that stands in the word, n bytes long, to the word as it is.
func (s *splitter) take(n int) {
	s.word = append(s.word, s.rest[:n]...)
	s.skip(n)
	s.started, s.expands = true, true
}

// leave ends a command in parentheses.
func (s *splitter) leave() {
	rest := s.rest
	*s = *s.outer
	s.take(len(s.rest) - len(rest) + 1)
}

// begin opens a quote, which is n characters long.
func (s *splitter) begin(quote byte, n int) {
	s.quote, s.open, s.started = quote, len(s.word), true
	s.skip(n)
}

// end ends the word, if there is one.
func (s *splitter) end() {
	if s.started && !s.redirected {
		s.words = append(s.words, string(s.word))
	}
	s.redirected = s.redirected && !s.started
	s.word, s.started, s.plain, s.expands = nil, false, nil, false
}

// redirect takes an operator such as > or 2>> away. The number in front of it is no word.
func (s *splitter) redirect() {
	if strings.Trim(string(s.word), "0123456789") == "" {
		s.word, s.started = nil, false
	}
	s.end()
	s.rest = strings.TrimLeft(s.rest, "<>&|")
	s.redirected = true
}
