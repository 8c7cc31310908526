package shellline_test

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/beitzoo/beitzoo/cmd/internal/shellline"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, line string
		shell      shellline.Shell
		want       shellline.Typed
	}{
		{"nothing", "", shellline.Bash, shellline.Typed{Words: []string{""}}},
		{"after a blank", "b convert ", shellline.Bash, shellline.Typed{Words: []string{"b", "convert", ""}}},
		{"in a word", "b con", shellline.Bash, shellline.Typed{Words: []string{"b", "con"}, Plain: []int{0, 1, 2}}},
		{"quotes", `b 'x; echo' "a \"b\" \c"'d' e`, shellline.Bash, shellline.Typed{Words: []string{"b", "x; echo", `a "b" \cd`, "e"}, Plain: []int{0}}},
		{"an empty word", `b '' x`, shellline.Bash, shellline.Typed{Words: []string{"b", "", "x"}, Plain: []int{0}}},
		{"an open quote", `b --to="h`, shellline.Bash, shellline.Typed{Words: []string{"b", "--to=h"}, Open: 5, Plain: []int{0, 1, 2, 3, 4}}},
		{"backslashes", `b a\ b\`, shellline.Bash, shellline.Typed{Words: []string{"b", "a b"}, Plain: []int{0, 2}}},
		{"a command is not run", "b $(touch", shellline.Bash, shellline.Typed{Words: []string{"touch"}, Plain: []int{0, 1, 2, 3, 4}}},
		{"nor one that is complete", "b $(a; c (d) 'e)' f) g", shellline.Bash, shellline.Typed{Words: []string{"b", "$(a; c (d) 'e)' f)", "g"}, Plain: []int{0}}},
		{"nor one that is read like a file", "b <(a c) d", shellline.Bash, shellline.Typed{Words: []string{"b", "<(a c)", "d"}, Plain: []int{0}}},
		{"nor in backquotes", "b x`a b`", shellline.Bash, shellline.Typed{Words: []string{"b", "x`a b`"}, Plain: []int{0}, Expands: true}},
		{"an open backquote", "b `a c", shellline.Bash, shellline.Typed{Words: []string{"a", "c"}, Plain: []int{0}}},
		{"fish has no backquotes", "b `a c", shellline.Fish, shellline.Typed{Words: []string{"b", "`a", "c"}, Plain: []int{0}}},
		{"fish's parentheses", "b (a c) d", shellline.Fish, shellline.Typed{Words: []string{"b", "(a c)", "d"}, Plain: []int{0}}},
		{"a quoted one neither", `b "$(touch pwned)`, shellline.Bash, shellline.Typed{Words: []string{"b", "$(touch pwned)"}, Open: 0, Expands: true}},
		{"a home", "b ~/m", shellline.Bash, shellline.Typed{Words: []string{"b", "~/m"}, Plain: []int{0, 1, 2}, Expands: true}},
		{"a tilde inside", "b m~", shellline.Bash, shellline.Typed{Words: []string{"b", "m~"}, Plain: []int{0, 1}}},
		{"ANSI quotes", `b $'it\'s' x`, shellline.Bash, shellline.Typed{Words: []string{"b", "it's", "x"}, Plain: []int{0}}},
		{"the second command", "a 1; b x", shellline.Bash, shellline.Typed{Words: []string{"b", "x"}, Plain: []int{0}}},
		{"redirections", "b 1 2>/dev/null x", shellline.Bash, shellline.Typed{Words: []string{"b", "1", "x"}, Plain: []int{0}}},
		{"a word before a redirection", "b a1>out x", shellline.Bash, shellline.Typed{Words: []string{"b", "a1", "x"}, Plain: []int{0}}},
		{"fish escapes in single quotes", `b 'it\'s \\ \n' x`, shellline.Fish, shellline.Typed{Words: []string{"b", `it's \ \n`, "x"}, Plain: []int{0}}},
		{"bash does not", `b 'it\' x`, shellline.Bash, shellline.Typed{Words: []string{"b", `it\`, "x"}, Plain: []int{0}}},
	} {
		if diff := cmp.Diff(c.want, shellline.Split(c.line, c.shell)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// TestSplit_Shell compares with what a POSIX shell makes of lines of quotes, backslashes and blanks.
func TestSplit_Shell(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("this machine has no sh")
	}
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "é", " ", "\t", `\ `, `\\`, `\"`, `\'`, `"b c"`, `"\$\"\a"`, `'d "\'`, `''`, `\$`, "=", "@"}), 0, 12).Draw(t, "parts")
		line := strings.Join(parts, "")
		output, err := exec.Command(sh, "-c", `printf '%s\0' x `+line).Output()
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		want := strings.Split(string(bytes.TrimSuffix(output, []byte{0})), "\x00")
		words := shellline.Split("x "+line+" ", shellline.Bash).Words
		if diff := cmp.Diff(want, words[:len(words)-1]); diff != "" {
			t.Fatalf("%q: %s", line, diff)
		}
	})
}
