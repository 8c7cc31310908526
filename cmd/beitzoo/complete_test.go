package main

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/naming"
)

// TestValuesOf_Complete makes sure that completion knows what may stand for every argument and for the value of every flag, and that nothing else is listed.
func TestValuesOf_Complete(t *testing.T) {
	used := map[string]bool{}
	mark := func(found bool, where string, keys ...string) {
		if !found {
			t.Errorf("completion does not know what may stand for %s: say it in valuesOf, complete_values.go", where)
		}
		for _, key := range keys {
			if _, ok := valuesOf[key]; ok {
				used[key] = true
				return
			}
		}
	}
	for path, command := range everyCommand() {
		for _, flag := range command.Flags {
			name := flag.Names()[0]
			if visible, ok := flag.(cli.VisibleFlag); ok && !visible.IsVisible() || !takesValue("--"+name, command.Flags) {
				continue
			}
			_, ok := flagValues(path, flag)
			mark(ok, path+" --"+name+" "+flagPlaceholder(flag), path+" --"+name, "--"+name, flagPlaceholder(flag))
		}
		for _, placeholder := range argumentPlaceholders(command.ArgsUsage) {
			name := placeholderName.FindString(placeholder)
			_, ok := argumentValues(path, placeholder)
			mark(ok, path+" "+placeholder, path+" "+name, name)
		}
	}
	for key := range valuesOf {
		if !used[key] {
			t.Errorf("completion has values for %q, which is nowhere in the help", key)
		}
	}
}

// TestValues_AreThoseOfTheHelp compares the values that completion offers with those that the help of the flag lists.
func TestValues_AreThoseOfTheHelp(t *testing.T) {
	checked := 0
	for path, command := range everyCommand() {
		for _, flag := range command.Flags {
			found, _ := flagValues(path, flag)
			documented := flag.(cli.DocGenerationFlag)
			propose := found.words
			if found.list != nil {
				propose = found.list
			}
			if propose == nil || !slices.Contains([]string{"SCHEME", "FORMAT", "TYPE", "DTYPE", "DTYPES", "ENGINE", "ENGINES", "DEVICE", "DEVICES"}, flagPlaceholder(flag)) {
				continue
			}
			for _, p := range propose(&typedWords{}) {
				word, _, _ := strings.Cut(p.word, ":")
				if !regexp.MustCompile(`\b` + word + `\b`).MatchString(documented.GetUsage()) {
					t.Errorf("%s --%s: completion offers %s, the help says %q", path, flag.Names()[0], p.word, documented.GetUsage())
				}
				checked++
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d values were compared", checked)
	}
}

// offered returns the words that complete offers for a line, and its files.
func offered(words ...string) ([]string, files) {
	a := complete(newApp(&console{}), words)
	all := []string{}
	for _, p := range a.words {
		all = append(all, a.head+p.word)
	}
	return all, a.files
}

func TestComplete(t *testing.T) {
	home(t)
	for _, c := range []struct {
		name, line string
		want       []string
		files      files
	}{
		{"a command", "conv", []string{"convert"}, files{}},
		{"a subcommand", "cache p", []string{"path", "prune"}, files{}},
		{"by an alias", "ls --off", []string{"--offline"}, files{}},
		{"a shell", "completion ", []string{"bash", "fish", "powershell", "zsh"}, files{}},
		{"help about a command", "help ca", []string{"cache"}, files{}},
		{"an unknown command", "convrt --", []string{"--help", "--version"}, files{}},
		{"a flag", "convert --prov", []string{"--prove"}, files{}},
		{"a flag after an argument", "convert A --prov", []string{"--prove"}, files{}},
		{"a flag that was given", "convert --prove A --prov", []string{}, files{}},
		{"given by its alias", "convert A -o B --out", []string{}, files{}},
		{"one that may be repeated", "list --zoo A --zo", []string{"--zoo"}, files{}},
		{"short flags", "convert -", nil, files{}},
		{"a hidden flag", "bench --work", []string{}, files{}},
		{"a value", "convert A --to ", naming.Names(), files{}},
		{"after an equals sign", "convert A --to=h", []string{"--to=hf"}, files{}},
		{"of an alias", "verify M --samples ", []string{}, files{}},
		{"a format", "convert A --format ", convert.Formats(), files{}},
		{"an architecture", "synth tiny_mim", []string{"tiny_mim_p16_64"}, yamlValues.files},
		{"an architecture for bench", "bench --synth tiny_mim", []string{"tiny_mim_p16_64"}, checkpointFiles},
		{"a list", "bench M --dtype f32,b", []string{"f32,bf16"}, files{}},
		{"a list without what it has", "bench M --engine=native,", []string{"--engine=native,torch"}, files{}},
		{"a name of the zoo", "pull digits", []string{"digits_p16_64"}, files{}},
		{"a model", "inspect digits", []string{"digits_p16_64"}, checkpointFiles},
		{"a version", "pull digits_p16_64@", []string{"digits_p16_64@1.0.0"}, files{}},
		{"the source of a name", "pull digits_p16_64 --source ", []string{"embedded"}, files{}},
		{"an output", "convert A -o ", []string{}, files{any: true}},
		{"an output after an equals sign", "convert A --output=", []string{}, files{any: true}},
		{"a checkpoint", "convert x", []string{}, files{any: true, endings: []string{".bin", ".pdparams", ".pt", ".pth", ".safetensors", ".ckpt", ".index.json"}}},
		{"an image", "predict M A.png ", []string{}, imageValues.files},
		{"a data set", "eval M ", []string{}, files{any: true}},
		{"several tar files", "eval M A.tar ", []string{}, files{any: true}},
		{"a way to match", "eval M D --match ", []string{"label", "number", "order", "wordnet"}, files{}},
		{"among which classes", "eval M D --among ", []string{"all", "data"}, files{any: true}},
		{"only arguments after two dashes", "predict M -- -", []string{}, imageValues.files},
		{"a number", "predict M --top ", []string{}, files{}},
		{"no more arguments", "diff A B --quie", []string{"--quiet"}, files{}},
		{"none, so flags", "cache path ", []string{"--help", "--json", "--quiet", "-h", "-q"}, files{}},
		{"not even flags", "diff -- A B ", []string{}, files{}},
	} {
		got, files := offered(strings.Split(c.line, " ")...)
		if c.want == nil {
			c.want = slices.Clone(got)
			if !slices.Contains(got, "-o") || !slices.Contains(got, "--output") {
				t.Errorf("%s: %q has %q", c.name, c.line, got)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %q: %s", c.name, c.line, diff)
		}
		if diff := cmp.Diff(c.files.line(), files.line()); diff != "" {
			t.Errorf("%s: %q: %s", c.name, c.line, diff)
		}
	}
	if got, _ := offered(""); slices.Contains(got, completeCommand) || len(got) < 20 {
		t.Errorf("without a command: %q", got)
	}
	if got, _ := offered("synth", ""); len(got) != len(arch.Names()) {
		t.Errorf("%d architectures of %d", len(got), len(arch.Names()))
	}
}

// mustRun runs a command line that must succeed.
func mustRun(t *testing.T, args ...string) {
	t.Helper()
	if code, _, errs := runHere(t, args...); code != 0 {
		t.Fatalf("%q: exit code %d: %s", args, code, errs)
	}
}

// TestComplete_Places: names of a place are known once its index was accepted, and are offered where the line, or the environment, names the place.
func TestComplete_Places(t *testing.T) {
	home(t)
	key, public := keyPair(t)
	place := filepath.Join(t.TempDir(), "zoo")
	mustRun(t, "publish", testdata("tiny/tiny_p16_64.unilm.pth"), place, "--name", "seven", "--version", "1.2.0", "--sign", key, "--quiet")
	home(t) // that of somebody who knows nothing of the place yet
	if got, _ := offered("pull", "--zoo", place, "sev"); len(got) != 0 {
		t.Errorf("a place whose key nobody trusts has %q", got)
	}
	mustRun(t, "list", "--zoo", place, "--trust", public, "--quiet")
	want := []string{"seven"}
	for _, line := range [][]string{
		{"pull", "--zoo", place, "sev"},
		{"pull", "--zoo=" + place, "sev"},
	} {
		if got, _ := offered(line...); !slices.Equal(got, want) {
			t.Errorf("%q: %q", line, got)
		}
	}
	want = []string{"seven@1.2.0"}
	for _, line := range [][]string{{"mirror", place, "DEST", "sev"}, {"mirror", place, "DEST", "A@1.0.0", "sev"}, {"yank", "sev"}, {"yank", "A@1.0.0", "sev"}} {
		if got, files := offered(line...); !slices.Equal(got, want) || files.any != (len(line) == 3) {
			t.Errorf("%q: %q", line, got)
		}
	}
	if got, _ := offered("pull", "sev"); len(got) != 0 {
		t.Errorf("without the place: %q", got)
	}
	t.Setenv("BEITZOO_ZOO", place)
	if got, _ := offered("pull", "seven@"); !slices.Equal(got, []string{"seven@1.2.0"}) {
		t.Errorf("with the place in the environment: %q", got)
	}
}

// TestCompletion_Answers: what each script is told.
func TestCompletion_Answers(t *testing.T) {
	home(t)
	words := base64.StdEncoding.EncodeToString([]byte("convert\x00a b\x00--output=d"))
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"bash", `beitzoo convert 'a b' --to="h`, " =:"}, "hf\n:none\n"},
		{[]string{"bash", `beitzoo convert 'a b' --to=h`, " =:"}, "hf\n:none\n"},
		{[]string{"bash", `beitzoo convert 'a b' --to=h`, " "}, "--to=hf\n:none\n"},
		{[]string{"bash", `beitzoo verify M --device cuda:`, " =:"}, "0\n1\n:none\n"},
		{[]string{"bash", `beitzoo pull digits_p16_64@`, " =:@"}, "@1.0.0\n:none\n"},
		{[]string{"bash", `beitzoo convert A --output=a\ b`, " =:"}, ":word a b\n:files\n"},
		{[]string{"bash", `beitzoo convert A --output=a:b`, " =:"}, ":files\n"},
		{[]string{"bash", `beitzoo convert A -o "$(touch pwned)`, " =:"}, ":files\n"},
		{[]string{"bash", `beitzoo convert A -o ~/`, " =:"}, ":files\n"},
		{[]string{"bash", "beitzoo convert A -o 'a\nb", " =:"}, ":files\n"},
		{[]string{"bash", `beitzoo`, " =:"}, ""},
		{[]string{"fish", `beitzoo convert 'a b' --to=h`}, "--to=hf\t\n:none\n"},
		{[]string{"zsh", "convert", "a b", "--output=d"}, ":head\n:files\n"},
		{[]string{"zsh", "bench", "M", "--dtype=f32,b"}, ":head\nf32,bf16\thalf precision, with the range of f32\n:none\n"},
		{[]string{"powershell", words}, ":head --output=\n:files\n"},
		{[]string{"powershell", "%"}, ":none\n"},
		{[]string{"zsh"}, ""},
		{[]string{"fish"}, ""},
		{[]string{"bash"}, ""},
		{[]string{"powershell"}, ""},
	} {
		code, out, errs := runHere(t, append([]string{completeCommand}, c.args...)...)
		if code != 0 || errs != "" || c.want != "" && out != c.want || c.want == "" && len(strings.Split(out, "\n")) < 20 {
			t.Errorf("%q: %d %q %q", c.args, code, out, errs)
		}
	}
	if code, _, errs := runHere(t, completeCommand, "zssh"); code != exitUsage || !strings.Contains(errs, "did you mean zsh") {
		t.Errorf("an unknown shell: %d %q", code, errs)
	}
}

// TestCompletion_NoEvaluation makes sure that no script has a word of its language that runs a text as a command, which some need for completion.
func TestCompletion_NoEvaluation(t *testing.T) {
	t.Parallel()
	runs := regexp.MustCompile(`(?i:\beval\b|invoke-expression|\biex\b|compgen)|\$\{\([a-zA-Z]*e|\bcomplete -C`)
	for shell, file := range completionScripts {
		script, err := os.ReadFile(filepath.Join("completion", file))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(script)) {
			if !strings.HasPrefix(line, "#") && runs.MatchString(line) {
				t.Errorf("%s: %s", shell, line)
			}
		}
	}
}
