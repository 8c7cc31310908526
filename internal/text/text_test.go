package text_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/internal/text"
)

func TestQuoteAndName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 150)
	for _, c := range []struct{ word, quote, name string }{
		{"head.weight", `"head.weight"`, "head.weight"},
		{"a\x1b[31m", `"a\x1b[31m"`, `"a\x1b[31m"`},
		{"", `""`, ""},
		{long, `"` + strings.Repeat("ä", 100) + `"...`, `"` + strings.Repeat("ä", 100) + `"...`},
	} {
		if got := text.Quote(c.word); got != c.quote {
			t.Errorf("Quote: %s, want %s", got, c.quote)
		}
		if got := text.Name(c.word); got != c.name {
			t.Errorf("Name: %s, want %s", got, c.name)
		}
	}
}

func TestShorten(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		word  string
		limit int
		want  string
	}{{"abc", 3, "abc"}, {"abcd", 3, "abc..."}, {"aä", 2, "a..."}} {
		if got := text.Shorten(c.word, c.limit); got != c.want {
			t.Errorf("%q to %d: %q, want %q", c.word, c.limit, got, c.want)
		}
	}
}

func TestOr(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		words []string
		want  string
	}{{nil, ""}, {[]string{"a"}, "a"}, {[]string{"a", "b"}, "a or b"}, {[]string{"a", "b", "c"}, "a, b or c"}} {
		if got := text.Or(c.words); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		words []string
		want  string
	}{{nil, "nothing"}, {[]string{"a", "b"}, "a, b"}, {[]string{"a", "b", "c", "d"}, "a, b and 2 more"}} {
		if got := text.List(c.words, 2, "nothing"); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ shown, want string }{
		{"two\nlines\tand ä", "two\nlines\tand ä"},
		{"a\x1b[31mred\r", `a\x1b[31mred\r`},
		{"abc\u202edef", `abc\u202edef`},
	} {
		if got := text.Printable(c.shown); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0 entries", 1: "1 entry", 2: "2 entries"} {
		if got := text.Count(n, "entry", "entries"); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	for shown, want := range map[string][2]string{ // for Printable and Line
		"Käse, 猫":               {"Käse, 猫", "Käse, 猫"},
		"a\nb\tc":               {"a\nb\tc", `a\nb\tc`},
		"a\u2028b\u2029c\u0085": {`a\u2028b\u2029c\u0085`, `a\u2028b\u2029c\u0085`},
		"\x1b[31m\u202egnp":     {`\x1b[31m\u202egnp`, `\x1b[31m\u202egnp`},
		"a\r\n":                 {"a\\r\n", `a\r\n`},
	} {
		if got := [2]string{text.Printable(shown), text.Line(shown)}; got != want {
			t.Errorf("%q: %q, want %q", shown, got, want)
		}
	}
}

func TestJSON(t *testing.T) {
	hostile := "a\x1b[2J\u009b2J\u202edcba\x7f\u2028é\t"
	document, err := json.Marshal(map[string]string{hostile: hostile})
	if err != nil {
		t.Fatal(err)
	}
	shown := text.JSON(append(document, '\n'))
	if want := `"a\u001b[2J\u009b2J\u202edcba\u007f\u2028é\t"`; string(shown) != "{"+want+":"+want+"}\n" {
		t.Errorf("got %s", shown)
	}
	var read map[string]string
	if err := json.Unmarshal(shown, &read); err != nil || read[hostile] != hostile {
		t.Errorf("read back: %q, %v", read, err)
	}
}

// TestShell has the words that sh, dash, zsh and fish take as one word with this value.
func TestShell(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"beit.pth":            "beit.pth",
		"https://a.example/b": "https://a.example/b",
		"":                    "''",
		"it's a model.pth":    `'it'\''s a model.pth'`,
		"$HOME `id` *":        "'$HOME `id` *'",
		"two\nlines\x1b[31m":  `'two\nlines\x1b[31m'`,
		"--drop=head.*":       "'--drop=head.*'",
	} {
		if got := text.Shell(word); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}
