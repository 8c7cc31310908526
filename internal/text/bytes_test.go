package text_test

import (
	"testing"
	"unicode/utf8"

	"github.com/beitzoo/beitzoo/internal/text"
)

// Names that are bytes of any kind have forms that are UTF-8, each its own.
func TestValid(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a/b.png": "a/b.png", "Gänse.png": "Gänse.png", `C:\xmas\1.png`: `C:\xmas\1.png`, "": "",
		"\xff.png": `\xff.png`, "G\xe4nse": `G\xe4nse`, `\xff.png`: `\x5cxff.png`, `\x5cxff.png`: `\x5cx5cxff.png`, "\xef\xbf\xbd": "\uFFFD", `\xFF`: `\xFF`, "\xe2\x82": `\xe2\x82`,
	} {
		if got := text.Valid(name); got != want || text.Bytes(got) != name {
			t.Errorf("%q: %q, %q", name, got, text.Bytes(got))
		}
	}
}

func FuzzValid(f *testing.F) {
	f.Add(`\\x5c`+"\xff"+`\x`, "\\")
	f.Fuzz(func(t *testing.T, a, b string) {
		va, vb := text.Valid(a), text.Valid(b)
		if !utf8.ValidString(va) || text.Bytes(va) != a || (va == vb) != (a == b) {
			t.Errorf("%q and %q: %q and %q", a, b, va, vb)
		}
	})
}
