//go:build !libtorch && !race

package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// situation is an entry of testdata/situations.txt: what went wrong, and what the user then sees.
type situation struct {
	line int
	// name says in words what went wrong.
	name string
	// before are lines for the shell that lead into the situation, command is the line of the user.
	before  []string
	command string
	code    int
	// first is the first line about the error; it may have "..." for what differs from machine to machine. hint is the same of the hint, or empty.
	first, hint string
}

// readSituations reads the table. Its form is explained at its top.
func readSituations(t *testing.T) []situation {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "situations.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var all []situation
	for number, line := range strings.Split(string(raw), "\n") {
		mark, rest, _ := strings.Cut(line, " ")
		last := func() *situation {
			if len(all) == 0 {
				t.Fatalf("line %d: %q stands before the first situation", number+1, line)
			}
			return &all[len(all)-1]
		}
		switch mark {
		case "", "#":
		case "==":
			all = append(all, situation{line: number + 1, name: rest, code: -1})
		case ">":
			last().before = append(last().before, rest)
		case "$":
			last().command = rest
		case "exit":
			code, err := strconv.Atoi(rest)
			if err != nil {
				t.Fatalf("line %d: %v", number+1, err)
			}
			last().code = code
		case "beitzoo:":
			last().first = line
		case "hint:":
			last().hint = line
		default:
			t.Fatalf("line %d begins with %q, which means nothing", number+1, mark)
		}
	}
	return all
}

// fewestFirstLines is how many different errors the table shows at least.
const fewestFirstLines = 80

// TestSituations runs the program in each situation of testdata/situations.txt. It also makes sure that every error type of the module ends a program at
// least once, apart from those in notInTable, and that the table says nothing twice.
func TestSituations(t *testing.T) {
	situations := readSituations(t)
	server := httptest.NewServer(http.HandlerFunc(serveSituation))
	t.Cleanup(server.Close)
	var mu sync.Mutex
	seen, firsts := map[string]bool{}, map[string]int{}
	t.Run("each", func(t *testing.T) {
		for _, s := range situations {
			firsts[s.first]++
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				types := s.check(t, server.URL)
				mu.Lock()
				defer mu.Unlock()
				for _, name := range types {
					seen[name] = true
				}
			})
		}
	})
	for _, s := range situations {
		if s.hint == "" && s.code != exitOK && s.code != exitDiffers && s.code != exitInterrupted {
			t.Errorf("line %d: the user is left without a hint: %s", s.line, s.first)
		}
	}
	if len(firsts) < fewestFirstLines {
		t.Errorf("%d different first lines; want at least %d", len(firsts), fewestFirstLines)
	}
	types, _ := walkErrors(t, filepath.Join("..", ".."))
	for _, name := range slices.Sorted(maps.Keys(types)) {
		switch why := notInTable[name]; {
		case !types[name].isError:
		case why == "" && !seen[name]:
			t.Errorf("%s: no situation ends with an error of type %s", types[name].position, name)
		case why != "" && seen[name]:
			t.Errorf("%s ends a situation, so it does not belong into notInTable", name)
		}
	}
	for name := range notInTable {
		if types[name] == nil {
			t.Errorf("notInTable has %s, which is not a type", name)
		}
	}
}

// notInTable are the error types that no command of a user ends with, and why.
var notInTable = map[string]string{
	"internal/disk.InUseError":                "another process has to be writing at that moment; TestEval_TwoWriters runs two",
	"beit/arch.TapError":                      "--taps says it in words of its own; the tests of that package make it",
	"beit/classify.StageError":                "only a Go program chooses stages",
	"beit/features.HeaderError":               "needs a million pictures; the tests of that package make it",
	"evaluate/dataset.linkError":              "an image of a tar that cannot be read, beside others; the tests of that package make it",
	"evaluate/tokens.HeaderError":             "needs a million pictures; the tests of that package make it",
	"beit/engine.DTypeError":                  "the command line knows only dtypes that every engine has",
	"beit/engine.InputError":                  "only a Go program gives tensors to an engine",
	"beit/engine.ParametersError":             "only a Go program gives tensors to an engine",
	"beit/engine.UnknownStageError":           "only a Go program names stages",
	"beit/engine/native.StageError":           "only a Go program runs single stages",
	"beit/engine/torch.OperatorError":         "needs libtorch; the tests of that package make it",
	"beit/engine/torch.ScriptError":           "needs libtorch; the tests of that package make it",
	"beit/engine.GradientError":               "only training with libtorch ends with it; the tests of package torch make it",
	"beit/engine.TrainError":                  "only training with libtorch ends with it; the tests of package torch make it",
	"finetune.DivergedError":                  "only training with libtorch ends with it; the tests of package finetune make it",
	"finetune.LargeSetError":                  "only training with libtorch ends with it; the tests of package finetune make it",
	"finetune.pictureError":                   "only training with libtorch ends with it; the tests of package finetune make it",
	"finetune.StateError":                     "only training with libtorch ends with it; the tests of package finetune make it",
	"finetune.StoppedError":                   "only training with libtorch ends with it; the tests of package finetune make it",
	"cmd/internal/fit.CompilerError":          "ends gotchfit, with its tests",
	"cmd/internal/fit.IncompatibleError":      "ends gotchfit, with its tests",
	"cmd/internal/fit.StubbedError":           "ends gotchfit, with its tests",
	"cmd/internal/libtorch.IncompleteError":   "ends gotchfit, with its tests",
	"cmd/internal/libtorch.NotFoundError":     "ends gotchfit, with its tests",
	"cmd/internal/libtorch.OriginError":       "ends gotchfit, with its tests",
	"cmd/internal/nvidia.DriverError":         "doctor prints it as a line of its result",
	"cmd/internal/wheel.ChecksumError":        "ends gotchfit, with its tests",
	"cmd/internal/wheel.DownloadError":        "ends gotchfit, with its tests",
	"cmd/internal/wheel.SpaceError":           "ends gotchfit, with its tests",
	"convert.ProofError":                      "needs a disk that changes what was written; TestProveFindsOneBit makes it",
	"convert/transform.ShapeError":            "package naming says it as a mismatch of the whole checkpoint",
	"finetune/probe.ConvergenceError":         "needs features that are nearly the same, which none of the models here makes; TestFit_NotFound has it",
	"finetune/probe.FeatureError":             "the engine refuses such activations first; the tests of that package make it",
	"tensor.SizeError":                        "only a Go program makes tensors",
	"zoo.MislabelledError":                    "needs an index that a publisher signed with a mistake; the tests of package zoo make it",
	"zoo/encoding.DigestError":                "the digest of the stored blob finds such damage first",
	"zoo/hub.ChangedError":                    "needs a hub that changes a commit; the tests of package hub make it",
	"zoo/store.DeadlineError":                 "only a Go program sets a deadline",
	"zoo/store.ExistsError":                   "a blob that is there is success for every command",
	"zoo.ChangedKeysNotice":                   "a notice: the command goes on",
	"zoo.KnownModelNotice":                    "a notice: the command goes on",
	"zoo.PinnedKeyNotice":                     "a notice: the command goes on",
	"zoo.StatusNotice":                        "a notice: the command goes on",
	"zoo/hub.FetchNotice":                     "a notice: the command goes on",
	"zoo/hub.MovedNotice":                     "a notice: the command goes on",
	"zoo/hub.PinnedNotice":                    "a notice: the command goes on",
	"zoo/hub.UnaskedNotice":                   "a notice: the command goes on",
	"zoo/place.RaceError":                     "needs two publishers at the same instant; the tests of package zoo make it",
	"zoo/store.finalError":                    "ends the attempts inside a copy, and is not passed on",
	"zoo/store/internal/folder.FullError":     "needs a full disk; the tests of package folder make it",
	"zoo/store/internal/transport.StallError": "needs a server that is silent for longer than a test may last; the tests of package httpstore make it",
}

// check leads into the situation, runs the command, compares, and returns the types of its error.
func (s situation) check(t *testing.T, server string) []string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	servedFolders.Store(strconv.Itoa(s.line), folder)
	for _, name := range []string{"key", "other"} {
		if _, err := writeKeys(folder, name); err != nil {
			t.Fatal(err)
		}
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	told := filepath.Join(t.TempDir(), "types")
	embedded := filepath.Join(root, "manifests", "embedded")
	environment := append(
		slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "BEITZOO_") || strings.HasPrefix(v, "HF_") }),
		"BEITZOO_HOME="+filepath.Join(folder, "home"), "HOME="+folder, "SERVER="+server, "TESTDATA="+filepath.Join(root, "testdata"),
		"FILES="+server+"/folder/"+strconv.Itoa(s.line), "EMBEDDED="+embedded, "DIGITS="+filepath.Join(embedded, "digits_p16_64.pdparams"), "IMAGES="+filepath.Join(embedded, "images"),
	)
	shell := func(line string, extra ...string) (*exec.Cmd, *bytes.Buffer) {
		command := exec.CommandContext(t.Context(), "sh", "-c", line)
		command.Dir, command.Env = folder, append(slices.Clone(environment), extra...)
		var output bytes.Buffer
		command.Stderr = &output
		return command, &output
	}
	for _, line := range s.before {
		command, output := shell(line)
		if err := command.Run(); err != nil {
			t.Fatalf("line %d: %s: %v\n%s", s.line, line, err, output)
		}
	}
	command, output := shell(s.command, errorsVariable+"="+told)
	err = command.Run()
	code := 0
	if ended := (*exec.ExitError)(nil); errors.As(err, &ended) {
		code = ended.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	first, hint := errorLines(output.String())
	for _, place := range []struct{ path, name string }{{server + "/folder/" + strconv.Itoa(s.line), "$FILES"}, {server, "$SERVER"}, {filepath.Join(root, "testdata"), "$TESTDATA"}, {embedded, "$EMBEDDED"}, {folder, "$PWD"}} {
		first, hint = strings.ReplaceAll(first, place.path, place.name), strings.ReplaceAll(hint, place.path, place.name)
	}
	if code != s.code || !matches(s.first, first) || !matches(s.hint, hint) {
		t.Errorf("line %d: $ %s\ngot:\nexit %d\n%s\n%s\nwant:\nexit %d\n%s\n%s\nall of standard error:\n%s", s.line, s.command, code, first, hint, s.code, s.first, s.hint, output)
	}
	raw, err := os.ReadFile(told)
	if err != nil {
		return nil // there was no error
	}
	return strings.Split(string(raw), "\n")
}

// servedFolders are the folders of situations by the last element of FILES.
var servedFolders sync.Map

// errorLines returns the first line of the error, and that of the hint.
func errorLines(output string) (first, hint string) {
	for line := range strings.SplitSeq(output, "\n") {
		switch {
		case first == "" && strings.HasPrefix(line, "beitzoo: "):
			first = line
		case hint == "" && strings.HasPrefix(line, "hint: "):
			hint = line
		}
	}
	return first, hint
}

// matches compares a line with one of the table, in which "..." stands for anything.
func matches(want, got string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(want), regexp.QuoteMeta("..."), ".*")
	return regexp.MustCompile("^" + pattern + "$").MatchString(got)
}

// serveSituation is a server with faults: the path says which. /status/CODE answers with that status, /page with a page, /cut ends early. FILES is
// the address of the folder of the situation.
func serveSituation(w http.ResponseWriter, r *http.Request) {
	kind, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch kind {
	case "status":
		code, _, _ := strings.Cut(rest, "/")
		number, err := strconv.Atoi(code)
		if err != nil || number < 100 || number > 599 {
			number = http.StatusNotFound
		}
		w.WriteHeader(number)
		fmt.Fprintf(w, "the server says why it is %d", number)
	case "page":
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><title>Please log in</title>")
	case "folder":
		key, file, _ := strings.Cut(rest, "/")
		if folder, known := servedFolders.Load(key); known {
			http.ServeFileFS(w, r, os.DirFS(folder.(string)), file)
			return
		}
		http.NotFound(w, r)
	case "cut":
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, "short")
	default:
		http.NotFound(w, r)
	}
}
