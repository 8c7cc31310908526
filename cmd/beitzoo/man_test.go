package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// TestMan_Complete makes sure that the pages name every command, argument and flag that is not hidden, and have all examples.
func TestMan_Complete(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	if code, _, errs := runHere(t, "man", "-o", folder); code != 0 {
		t.Fatal(errs)
	}
	program := readPage(t, folder, "beitzoo")
	for words, command := range everyCommand() {
		top, _, _ := strings.Cut(words, " ")
		page := readPage(t, folder, "beitzoo-"+top)
		wanted := []string{"beitzoo " + words, command.ArgsUsage}
		_, examples := splitAbout(command.Description)
		for _, flag := range command.Flags {
			if visible, ok := flag.(cli.VisibleFlag); ok && visible.IsVisible() {
				wanted = append(wanted, dashed(flag.Names()[0]))
			}
		}
		for _, want := range append(wanted, examples...) {
			if !strings.Contains(page, want) {
				t.Errorf("beitzoo-%s.1 says nothing about %q", top, want)
			}
		}
		if !strings.Contains(program, "beitzoo-"+top+"(1)") {
			t.Errorf("beitzoo.1 does not name beitzoo-%s(1)", top)
		}
		for _, section := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "SEE ALSO"} {
			if !strings.Contains(page, `.SH "`+section+`"`) || !strings.HasPrefix(page, `.TH "BEITZOO-`+strings.ToUpper(top)+`" "1" "2023-11-14"`) {
				t.Errorf("beitzoo-%s.1 has no section %s, or another heading", top, section)
			}
		}
	}
	pages, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	if want := len(commands(&console{})) + 1; len(pages) != want {
		t.Errorf("%d pages, want %d", len(pages), want)
	}
}

// readPage returns the text of a page in one line, without the roff in its words.
func readPage(t *testing.T, folder, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(folder, name+".1"))
	if err != nil {
		t.Fatal(err)
	}
	plain := strings.NewReplacer(`\fB`, "", `\fR`, "", `\fI`, "", `\-`, "-", `\(aq`, "'", `\(ti`, "~", `\&`, "").Replace(string(raw))
	return strings.Join(strings.Fields(plain), " ")
}

// TestMan_Prints: a page at a time, and what cannot be asked for.
func TestMan_Prints(t *testing.T) {
	folder := t.TempDir()
	for _, c := range []struct {
		args       []string
		code       int
		out, error string
	}{
		{[]string{"man"}, 0, `.TH "BEITZOO" "1"`, ""},
		{[]string{"man", "convert"}, 0, `.TH "BEITZOO-CONVERT" "1"`, ""},
		{[]string{"man", "ls"}, 0, `.TH "BEITZOO-LIST" "1"`, ""},
		{[]string{"man", "convrt"}, exitUsage, "", "did you mean convert"},
		{[]string{"man", "convert", "-o", folder}, exitUsage, "", "-o writes all pages"},
		{[]string{"man", "-o", filepath.Join(folder, "man1"), "--json"}, 0, `beitzoo-publish.1"`, ""},
	} {
		code, out, errs := runHere(t, c.args...)
		if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errs, c.error) || c.error == "" && errs != "" {
			t.Errorf("%q: %d %.200q %q", c.args, code, out, errs)
		}
	}
}

// TestCommandLinePage_Tables compares the tables of exit codes and variables in docs/command-line.md with what the manual pages say.
func TestCommandLinePage_Tables(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(repository, "docs", "command-line.md"))
	if err != nil {
		t.Fatal(err)
	}
	var inCode, inPage strings.Builder
	for _, v := range variables {
		inCode.WriteString("| " + v.name + " | " + v.meaning + " |\n")
	}
	for _, exit := range exitMeanings {
		inCode.WriteString("| " + strconv.Itoa(exit.code) + " | " + exit.meaning + " |\n")
	}
	for line := range bytes.Lines(page) {
		plain := strings.ReplaceAll(string(line), "`", "")
		if regexp.MustCompile(`^\| ([A-Z]+_[A-Z_]+|[0-9]+)[ ,]`).MatchString(plain) {
			inPage.WriteString(plain)
		}
	}
	if inCode.String() != inPage.String() {
		t.Errorf("docs/command-line.md has\n%s, the program\n%s", inPage.String(), inCode.String())
	}
}

// ofUnilm are flags of unilm's run_class_finetuning.py, for which the page on fine-tuning says what they are here.
var ofUnilm = map[string]bool{"--lr": true, "--smoothing": true, "--mixup": true, "--cutmix": true}

// TestDocs_CommandLines makes sure that every flag that the documentation names exists, and that command lines in it name flags of their command.
func TestDocs_CommandLines(t *testing.T) {
	all := everyCommand()
	everywhere := []cli.Flag{cli.HelpFlag}
	for _, command := range all {
		everywhere = append(everywhere, command.Flags...)
	}
	everywhere = append(everywhere, newApp(&console{}).Flags...)
	checked := 0
	check := func(file, line string, flags []cli.Flag) {
		for _, word := range strings.Fields(line) {
			name, _, _ := strings.Cut(strings.TrimRight(word, ".,;:)"), "=")
			if !regexp.MustCompile(`^--?[a-z][a-z-]*$`).MatchString(name) || ofUnilm[name] && file == "docs/finetuning.md" {
				continue
			}
			checked++
			if flagNamed(flags, strings.TrimLeft(name, "-")) == nil {
				t.Errorf("%s: %q has the unknown flag %s", file, strings.TrimSpace(line), name)
			}
		}
	}
	walkRepository(t, func(file string) {
		if filepath.Ext(file) != ".md" || file == "CHANGELOG.md" || file == "CONTRIBUTING.md" {
			return
		}
		content := readRepository(t, file)
		for _, span := range quoted(content) {
			if strings.HasPrefix(span, "--") {
				check(file, span, everywhere)
			}
		}
		for line := range strings.Lines(content) {
			for _, called := range regexp.MustCompile("(?:^|[`$ ])(?:\\./|go run ./cmd/)?beitzoo ([a-z][^`#>|\\\\;]*)").FindAllStringSubmatch(line, -1) {
				path, rest := walk(commands(&console{}), strings.Fields(called[1]))
				if len(path) > 0 {
					check(file, strings.Join(rest, " "), append(path[len(path)-1].Flags, cli.HelpFlag))
				}
			}
		}
	})
	if checked < 60 {
		t.Errorf("only %d flags were found", checked)
	}
}
