package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/urfave/cli/v2"
)

// commandLines has, for each command that prints a result, a command line that succeeds, or ends with the answer "no". TestCommandLines_Complete fails if a
// command has none.
func commandLines(t *testing.T) map[string][]string {
	t.Helper()
	home(t)
	key, public := keyPair(t)
	folder := t.TempDir()
	in := func(name string) string { return filepath.Join(folder, name) }
	place, tiny, digits := in("place"), testdata("tiny/tiny_p16_32.unilm.pth"), testdata("../manifests/embedded/digits_p16_64.pdparams")
	image := testdata("../manifests/embedded/images/7/005.png")
	raw, err := os.ReadFile(testdata("../manifests/digits_p16_64.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, in("m.yaml"), raw)
	succeed(t, "publish", tiny, place, "--name", "tiny", "--version", "1.0.0", "--sign", key)
	succeed(t, "show", "tiny", "--zoo", place, "--trust", public)
	succeed(t, "manifest", "sign", in("m.yaml"), "--key", key)
	shared := in("shared") // a place with more keys
	if err := os.CopyFS(shared, os.DirFS(place)); err != nil {
		t.Fatal(err)
	}
	_, leaving := keyPair(t)
	_, stolen := keyPair(t)
	_, third := keyPair(t)
	successor, _ := keyPair(t)
	succeed(t, "key", "add", shared, leaving, "--sign", key)
	succeed(t, "key", "add", shared, stolen, "--sign", key)
	images := in("images")
	for class := range 10 {
		name := filepath.Join(images, string(rune('0'+class)), "0.png")
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, name, file("../manifests/embedded/images/7/005.png")(t))
	}
	encoder, masked := testdata("tokenizer/digits_dvae.encoder.pkl"), testdata("mim/digits_mim_p16_64.unilm.pth")
	succeed(t, "tokenize", encoder, images, "-o", in("tokens.jsonl"))
	return map[string][]string{
		"inspect":             {tiny, "--stats"},
		"convert":             {tiny, "-o", in("out.safetensors"), "--prove"},
		"diff":                {tiny, digits},
		"verify":              {tiny, "--images", "1"},
		"record":              {tiny, "-o", in("tiny.recording.safetensors")},
		"predict":             {digits, image},
		"eval":                {digits, images},
		"eval merge":          {predictionsOf(t, digits, images)},
		"eval report":         {predictionsOf(t, digits, images), "-o", in("report.html")},
		"finetune":            {digits, testdata("../manifests/embedded/images"), "--probe", "--penalty", "0.1", "-o", in("probed.pth")},
		"tokenize":            {encoder, images, "-o", in("tokens.safetensors")},
		"tokenize merge":      {in("tokens.jsonl"), "-o", in("merged.safetensors")},
		"mim":                 {masked, image, "--tokenizer", encoder},
		"segment":             {testdata("segmentation/seg_p16_48.unilm.pth"), image, "--taps", "1,2,3,4", "-o", in("map.png")},
		"reconstruct":         {masked, image, "--tokenizer", encoder, "-o", in("drawn.png")},
		"schemes":             {"hf"},
		"list":                {"--zoo", place},
		"show":                {"tiny", "--zoo", place},
		"pull":                {"tiny", "--zoo", place, "-o", in("tiny.pth")},
		"publish":             {tiny, place, "--name", "tiny", "--version", "1.0.0", "--sign", key},
		"mirror":              {place, in("mirrored"), "--trust", public},
		"bundle":              {"tiny", "-o", in("tiny.bundle"), "--zoo", place},
		"deprecate":           {"tiny@1.0.0", place, "--reason", "there is a better one", "--sign", key},
		"yank":                {"tiny@1.0.0", place, "--reason", "wrong weights", "--sign", key},
		"key generate":        {"-o", in("new.sec"), "--no-password"},
		"key show":            {key},
		"key change-password": {successor, "--no-password"},
		"key ls":              {shared, "--trust", public},
		"key add":             {shared, third, "--sign", key},
		"key retire":          {shared, leaving, "--sign", key},
		"key revoke":          {shared, stolen, "--sign", key},
		"key rotate":          {shared, successor, "--sign", key},
		"manifest validate":   {in("m.yaml")},
		"manifest init":       {"digits_p16_64"},
		"manifest sign":       {in("m.yaml"), "--key", key},
		"manifest check":      {in("m.yaml"), "--trust", public},
		"manifest renew":      {place, "--sign", key},
		"trust ls":            {},
		"trust forget":        {place},
		"cache ls":            {},
		"cache path":          {},
		"cache verify":        {},
		"cache prune":         {"--unused", "30d", "--dry-run"},
		"site":                {in("site"), "--zoo", place, "--trust", public},
		"demo":                {},
		"bench":               {"tiny_p16_32", "--synth", "--batch", "1", "--rounds", "1", "--warmup", "0"},
		"doctor":              {},
		"synth":               {"tiny_p16_32", "-o", in("synth.pth")},
		"version":             {},
		"completion":          {"bash"},
		"man":                 {"-o", in("man")},
		"help":                {},
	}
}

// predictionsOf evaluates a model and returns the path of the file of predictions.
func predictionsOf(t *testing.T, model, images string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "p.jsonl")
	succeed(t, "eval", model, images, "--predictions", path)
	return path
}

// callable lists the words that call each command with an action of its own.
func callable() []string {
	var words []string
	for name, command := range everyCommand() {
		if !isGroup(command) {
			words = append(words, name)
		}
	}
	slices.Sort(words)
	return words
}

func TestCommandLines_Complete(t *testing.T) {
	got := slices.Sorted(maps.Keys(commandLines(t)))
	for _, words := range callable() {
		if !slices.Contains(got, words) {
			t.Errorf("commandLines has no command line for %s", words)
		}
	}
}

// TestJSON_OneStyle runs every command with --json: standard output is one object, indented by two spaces, with keys in snake_case, and every line of
// standard error is JSON.
func TestJSON_OneStyle(t *testing.T) {
	lines := commandLines(t)
	for _, words := range callable() {
		if !hasFlag(everyCommand()[words], "json") {
			continue
		}
		t.Run(words, func(t *testing.T) {
			args := append(append(strings.Fields(words), lines[words]...), "--json")
			code, out, errs := runHere(t, args...)
			if code > exitDiffers && (words != "doctor" || code != exitUnavailable) {
				t.Fatalf("exit code %d\n%s", code, errs)
			}
			checkStyle(t, out)
			for line := range strings.Lines(errs) {
				if !json.Valid([]byte(line)) {
					t.Errorf("standard error has the line %q", line)
				}
			}
		})
	}
}

// checkStyle checks what a command printed with --json.
func checkStyle(t *testing.T, out string) {
	t.Helper()
	var document map[string]any
	decoder := json.NewDecoder(strings.NewReader(out))
	if err := decoder.Decode(&document); err != nil {
		t.Fatalf("not a JSON object: %v\n%.300s", err, out)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		t.Errorf("there is something behind the object: %v", err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, []byte(out), "", "  "); err != nil || indented.String() != out || !strings.HasSuffix(out, "\n") {
		t.Errorf("not indented by two spaces: %v\n%.300s", err, out)
	}
	checkKeys(t, "", document)
}

// mapsOfData are objects whose keys are data: names in files, dtypes.
var mapsOfData = []string{"metadata", "dtypes"}

var snakeCase = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

func checkKeys(t *testing.T, path string, value any) {
	t.Helper()
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if !snakeCase.MatchString(key) {
				t.Errorf("the key %q in %q is not in snake_case", key, path)
			}
			if !slices.Contains(mapsOfData, key) {
				checkKeys(t, path+"."+key, inner)
			}
		}
	case []any:
		for _, inner := range v {
			checkKeys(t, path, inner)
		}
	}
}

func hasFlag(command *cli.Command, name string) bool {
	return slices.ContainsFunc(command.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
}

// brokenOutput fails as a full disk does.
type brokenOutput struct{}

func (brokenOutput) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}
}

// TestNotes_InJSON: a note is an event while the command runs, and is in the document, beside those that it has anyway.
func TestNotes_InJSON(t *testing.T) {
	var out, errs bytes.Buffer
	c := &console{out: &out, err: &errs, asJSON: true}
	c.begin(nil)
	c.remark("a <note>")
	c.remark(errors.New("another"))
	if err := c.json(map[string]any{"b": 1, "notes": []string{"own", "another"}, "z": "\u00e9\u2028"}); err != nil {
		t.Fatal(err)
	}
	want := "{\n  \"b\": 1,\n  \"z\": \"\u00e9\\u2028\",\n  \"notes\": [\n    \"own\",\n    \"another\",\n    \"a <note>\"\n  ]\n}\n"
	if out.String() != want {
		t.Errorf("printed %s", out.String())
	}
	if errs.String() != `{"event":"note","note":"a <note>"}`+"\n"+`{"event":"note","note":"another"}`+"\n" {
		t.Errorf("events %s", errs.String())
	}
	errs.Reset()
	if code := c.report(errors.New("failed")); code != exitInput || !strings.Contains(errs.String(), `"notes":["a <note>","another"]`) {
		t.Errorf("%d %s", code, errs.String())
	}
	errs.Reset()
	if code := c.report(context.Canceled); code != exitInterrupted || strings.Contains(errs.String(), "hint") {
		t.Errorf("interrupted: %d %s", code, errs.String())
	}
	quiet := &console{out: &out, err: &errs, quiet: true}
	quiet.begin(nil)
	errs.Reset()
	quiet.remark("x")
	if errs.Len() > 0 {
		t.Errorf("quiet printed %s", errs.String())
	}
}
