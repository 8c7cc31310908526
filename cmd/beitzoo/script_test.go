package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

// TestMain lets scripts run this very program as `beitzoo`.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"beitzoo": mainThatTells, "tensors": writeTensors, "spoil": spoilTensor})
}

// TestScripts runs testdata/script/*.txtar, each of which shows what a user types and sees. Besides the usual commands they have
//
//	exits CODE PROGRAM ARGUMENT...   runs a program that must end with this code
//	sameprediction A B               compares what predict --json printed about pictures, to the last bit
//	replace FROM TO FILE             changes the first FROM of a file into TO; \n stands for a new line
//	copycommands PAGE FILE           writes the commands that a page of `beitzoo site` shows, as a shell script that ends at the first failure
//	expired FOLDER NAME KEY          publishes version 1.0.0 in a place whose index expired in 2020
//
// and these variables: TESTDATA and EMBEDDED are folders of checkpoints, MANIFESTS of manifests, MINISIGN of keys that the minisign tool made, DIGITS is a checkpoint that PaddlePaddle wrote.
// The condition libtorch is that of the build. ESCAPES is a name with a command for terminals. The files key.sec, key.pub and stranger.pub are keys of minisign; KEY_PATTERN matches the text of the first, and KEY_HTML that text on a web page. BEITZOO_HOME is empty at first.
func TestScripts(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	embedded := filepath.Join(root, "manifests", "embedded")
	testscript.Run(t, testscript.Params{
		Files:               scripts(t),
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("TESTDATA", filepath.Join(root, "testdata"))
			env.Setenv("MANIFESTS", filepath.Join(root, "manifests"))
			env.Setenv("EMBEDDED", embedded)
			env.Setenv("MINISIGN", filepath.Join(root, "zoo", "trust", "testdata", "minisign"))
			env.Setenv("DIGITS", filepath.Join(embedded, "digits_p16_64.pdparams"))
			env.Setenv("IN_TWO_YEARS", time.Now().AddDate(2, 0, 0).Format(time.DateOnly))
			env.Setenv("ESCAPES", "no/such\x1b[31m.pth")
			env.Setenv("BEITZOO_HOME", filepath.Join(env.WorkDir, "home"))
			public, err := writeKeys(env.WorkDir, "key")
			if err != nil {
				return err
			}
			env.Setenv("KEY_PATTERN", regexp.QuoteMeta(public))
			env.Setenv("KEY_HTML", regexp.QuoteMeta(strings.ReplaceAll(public, "+", "&#43;")))
			_, err = writeKeys(env.WorkDir, "stranger")
			return err
		},
		Condition: func(name string) (bool, error) {
			if name == "libtorch" {
				return len(libtorchEngines()) > 0, nil
			}
			return false, fmt.Errorf("no condition is named %s", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "replace": replace, "expired": expired, "copycommands": copyCommands, "sameprediction": samePrediction,
		},
	})
}

// computing are the scripts that run in a build with libtorch, in which each start of the program takes longer: those in which much is computed. Others would
// differ by nothing but the engine behind one line.
var computing = []string{
	"eval_data", "eval_parts", "eval_segmentation", "exif", "finetune_facts", "finetune_state", "finetune_train", "guesses", "mim", "predict_eval", "predict_facts", "predict_many", "record", "round_trips", "segment",
	"tokenize", "tokenizer_chain", "verify_tokenizers",
}

// concurrent are the scripts that run under the race detector, under which a script takes four times as long: many pictures, files and blobs at once.
var concurrent = []string{"eval_parts", "mim", "partial", "predict_many", "segment", "tokenize", "verify_report"}

// scripts returns the files of scripts that run in this build.
func scripts(t *testing.T) []string {
	t.Helper()
	var names []string
	switch {
	case underRace:
		names = concurrent
	case len(libtorchEngines()) > 0:
		names = computing
	default:
		names = []string{"*"}
	}
	var files []string
	for _, name := range names {
		found, err := filepath.Glob(filepath.Join("testdata", "script", name+".txtar"))
		if err != nil || len(found) == 0 {
			t.Fatalf("no script %s: %v", name, err)
		}
		files = append(files, found...)
	}
	return files
}

func exits(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGUMENT...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if ended := (*exec.ExitError)(nil); errors.As(err, &ended) {
		got, err = ended.ExitCode(), nil
	}
	ts.Check(err)
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func replace(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) != 3 {
		ts.Fatalf("usage: replace FROM TO FILE")
	}
	lines := func(text string) []byte { return bytes.ReplaceAll([]byte(text), []byte(`\n`), []byte("\n")) }
	path := ts.MkAbs(args[2])
	before, err := os.ReadFile(path)
	ts.Check(err)
	after := bytes.Replace(before, lines(args[0]), lines(args[1]), 1)
	if bytes.Equal(before, after) {
		ts.Fatalf("%s does not have %q", args[2], args[0])
	}
	ts.Check(os.WriteFile(path, after, 0o600))
}

var (
	commandOnPage = regexp.MustCompile(`<div class="command"><pre><code>(.*?)</code>`)
	markup        = regexp.MustCompile(`<[^>]*>`)
)

func copyCommands(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) != 2 {
		ts.Fatalf("usage: copycommands PAGE FILE")
	}
	lines := "set -e\n"
	for _, match := range commandOnPage.FindAllStringSubmatch(ts.ReadFile(args[0]), -1) {
		lines += html.UnescapeString(markup.ReplaceAllString(match[1], "")) + "\n"
	}
	if strings.Count(lines, "\n") < 2 {
		ts.Fatalf("%s shows no commands", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(lines), 0o600))
}

// expired publishes a model as on a day in 2019.
func expired(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) != 3 {
		ts.Fatalf("usage: expired FOLDER NAME KEY")
	}
	folder := ts.MkAbs("publisher of " + args[1])
	local, err := cache.New(filepath.Join(folder, "cache"), cache.Options{})
	ts.Check(err)
	z, err := zoo.New(zoo.Options{Cache: local, State: filepath.Join(folder, "state"), Now: func() time.Time { return time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC) }})
	ts.Check(err)
	key, err := trust.ReadSecretKey(ts.MkAbs(args[2]), nil)
	ts.Check(err)
	at, err := place.OpenFolder(ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = z.Publish(context.Background(), at, zoo.Publication{
		Checkpoint: filepath.Join(ts.Getenv("TESTDATA"), "tiny", "tiny_p16_64.unilm.pth"), Name: args[1], Version: "1.0.0", Key: key,
	})
	ts.Check(err)
}

// samePrediction compares what predict --json printed about pictures, number by number.
func samePrediction(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) != 2 {
		ts.Fatalf("usage: sameprediction A B")
	}
	var found [2]struct {
		Predictions []struct {
			Top []json.RawMessage `json:"top"`
		} `json:"predictions"`
	}
	for i, name := range args {
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(name)), &found[i]))
	}
	if len(found[0].Predictions) == 0 || len(found[0].Predictions[0].Top) == 0 {
		ts.Fatalf("%s has no predictions", args[0])
	}
	if diff := cmp.Diff(found[0], found[1]); diff != "" {
		ts.Fatalf("%s and %s differ:\n%s", args[0], args[1], diff)
	}
}

// writeKeys writes name.sec and name.pub, and returns the public key.
func writeKeys(folder, name string) (string, error) {
	public, secret, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	raw, err := secret.MarshalText()
	if err != nil {
		return "", err
	}
	return public.String(), errors.Join(
		os.WriteFile(filepath.Join(folder, name+".sec"), raw, 0o600),
		os.WriteFile(filepath.Join(folder, name+".pub"), []byte(public.String()), 0o600))
}
