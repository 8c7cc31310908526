//go:build !race && !libtorch

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"
)

// notNumbers are no value for any flag that takes numbers or dates.
var notNumbers = []string{
	"", "x", "-", "1.5.2", "0x", "1e", "NaN", "Inf", "-Inf", "1e999", "99999999999999999999999", "-99999999999999999999999", " 1", "1 ", "1,,", "\x00", "\x1b[31m", "\n", "\xff",
	"/dev/full", "\u0661", strings.Repeat("9", 1<<16), "2030-13-01", "2030-02-30", "30d",
}

// notTexts are values that no flag for a text, a path, a list or an age should choke on.
var notTexts = []string{
	"", "x", "-", "--json", "-x", "NaN", "0", "-1", " ", ",", ",,", "\x00", "\x1b[31m\x07", "a\nb", "\xff\xfe", "\u202e", strings.Repeat("x", 1<<16), strings.Repeat("a/", 1<<11),
	"/dev/full", "/dev/null", "/", "..", "no/such/folder/", "oci://", "https://", "hf://", "file:///", "%s%d%!", "a,b", "@", "x@", "@1", "x@y@z",
}

// wordsOfGo must not be in a message for people.
var wordsOfGo = []string{"strconv.", "parsing time", "goroutine ", "runtime error", "panic", "interface {}", "%!", "<nil>", "unexpected EOF", "reflect."}

// TestFlags_Nonsense gives every flag of every command nonsense: no panic, no success where the value cannot be one, and always a message in words of people,
// with a hint.
func TestFlags_Nonsense(t *testing.T) {
	lines := commandLines(t)
	seen := map[string]bool{}
	for _, words := range callable() {
		for _, flag := range everyCommand()[words].Flags {
			documented, ok := flag.(cli.DocGenerationFlag)
			if !ok || !documented.TakesValue() {
				continue
			}
			t.Chdir(t.TempDir())
			name := flag.Names()[0]
			values, mustFail := notTexts, false
			if name == "output" || name == "keep" { // a fault must not destroy the device of a machine
				values = slices.DeleteFunc(slices.Clone(values), func(value string) bool { return strings.HasPrefix(value, "/dev/") })
			}
			if name == "test" { // all files of a machine are more than a test can read
				values = slices.DeleteFunc(slices.Clone(values), func(value string) bool { return value == "/" })
			}
			switch flag.(type) {
			case *cli.IntFlag, *cli.IntSliceFlag, *cli.Uint64Flag, *cli.Float64Flag, *cli.TimestampFlag:
				values, mustFail = notNumbers, true
			}
			switch { // the demo takes seconds; flags of a group are the same code in every command
			case words == "demo":
				values = values[:3]
			case seen[name] && mustFail:
				values = values[:4]
			case seen[name]:
				values = values[:1]
			}
			seen[name] = true
			for _, value := range values {
				if _, list := flag.(*cli.IntSliceFlag); list && strings.TrimSpace(value) == "1" {
					continue
				}
				tryNonsense(t, words, lines[words], "--"+name, value, mustFail)
			}
		}
	}
}

// tryNonsense runs one command line with a flag added, or in place of the same flag.
func tryNonsense(t *testing.T, words string, line []string, flag, value string, mustFail bool) {
	t.Helper()
	args := append([]string{"beitzoo"}, strings.Fields(words)...)
	for i := 0; i < len(line); i++ {
		if line[i] == flag || flag == "--output" && line[i] == "-o" {
			i++
			continue
		}
		args = append(args, testPath(line[i]))
	}
	args = append(args, flag+"="+value, "--quiet")
	if words == "demo" || words == "version" || words == "completion" {
		args = args[:len(args)-1]
	}
	what := fmt.Sprintf("%.300q", args)
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	var out, errs bytes.Buffer
	defer func() {
		if cause := recover(); cause != nil {
			t.Errorf("%s: panic: %v", what, cause)
		}
	}()
	code := run(ctx, &console{in: &bytes.Buffer{}, out: &out, err: &errs, width: 80}, args)
	said := errs.String()
	if ctx.Err() != nil {
		t.Errorf("%s: still running after 20 s", what)
	}
	if mustFail && code != exitUsage || value == "" && code != exitUsage {
		t.Errorf("%s: exit code %d, want %d\n%.500s", what, code, exitUsage, said)
	}
	if code > exitDiffers && !strings.Contains(said, "\nhint: ") {
		t.Errorf("%s: exit code %d without a hint: %.500s", what, code, said)
	}
	if len(said) > 8<<10 {
		t.Errorf("%s: a message of %d bytes", what, len(said))
	}
	for _, word := range wordsOfGo {
		if strings.Contains(said, word) && !strings.Contains(value, word) {
			t.Errorf("%s: the message has %q: %.500s", what, word, said)
		}
	}
	if strings.ContainsAny(said, "\x00\x07\x1b\u202e") {
		t.Errorf("%s: control characters in %.500q", what, said)
	}
}

// testPath makes a path of commandLines, which is seen from the folder of this package, one that is seen from everywhere.
func testPath(word string) string {
	if rest, ok := strings.CutPrefix(word, "../../"); ok {
		return packageFolder + "/../../" + rest
	}
	return word
}

// packageFolder is the folder in which the tests start.
var packageFolder, _ = os.Getwd()

// TestFlags_Huge: sizes that are numbers, but more than any machine can do, end at once.
func TestFlags_Huge(t *testing.T) {
	for _, args := range [][]string{
		{"bench", "tiny_p16_32", "--synth", "--batch", "9223372036854775807"},
		{"bench", "tiny_p16_32", "--synth", "--batch", "1000000000000"},
		{"bench", "tiny_p16_32", "--synth", "--threads", "1000000000"},
		{"verify", testdata("tiny/tiny_p16_32.unilm.pth"), "--threads", "9223372036854775807"},
		{"predict", testdata("tiny/tiny_p16_32.unilm.pth"), "x.png", "--threads", "-5"},
		{"verify", testdata("tiny/tiny_p16_32.unilm.pth"), "--samples", "-1"},
		{"cache", "prune", "--unused", "99999999999999d"},
	} {
		if code, _, errs := runHere(t, args...); code != exitUsage || !strings.Contains(errs, "\nhint: ") {
			t.Errorf("%q: exit code %d: %s", args, code, errs)
		}
	}
	image := testdata("../manifests/embedded/images/7/005.png")
	out := succeed(t, "predict", testdata("../manifests/embedded/digits_p16_64.pdparams"), image, "--top", "9223372036854775807")
	if lines := slices.Collect(strings.Lines(out)); len(lines) < 10 {
		t.Errorf("--top of more classes than there are: %q", out)
	}
}
