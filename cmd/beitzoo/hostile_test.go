package main

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/tensor"
)

// badInputs are files that convert must refuse with exit code 3, one sentence and a hint.
var badInputs = []struct {
	name string
	make func(t *testing.T) []byte
	says string
}{
	{"empty", func(*testing.T) []byte { return nil }, "empty"},
	{"text", func(*testing.T) []byte { return []byte("weights, to follow\n") }, "text file"},
	{"web page", func(*testing.T) []byte { return []byte("<!DOCTYPE html><title>Sign in</title>") }, "web page"},
	{"optimizer", file("digits/digits_p16_64.pdopt"), "optimizer"},
	{"torchscript", file("digits/digits_p16_64.torchscript.pt"), "TorchScript"},
	{"recording", file("digits/digits_p16_64.timm.float32.recording.safetensors"), ""},
	{"truncated paddle", truncated("../manifests/embedded/digits_p16_64.pdparams"), ""},
	{"truncated pytorch", truncated("digits/digits_p16_64.unilm.pth"), ""},
	{"truncated legacy", truncated("digits/digits_p16_64.unilm.legacy.pth"), ""},
	{"truncated safetensors", truncated("digits/digits_p16_64.timm.safetensors"), ""},
	{"pickle that runs a command", func(*testing.T) []byte {
		return []byte("\x80\x02cposix\nsystem\nX\x11\x00\x00\x00touch beitzoo.pwn\x85R.")
	}, "posix"},
	{"pickle bomb", func(*testing.T) []byte {
		return append([]byte("\x80\x02]"), append(bytes.Repeat([]byte("2\x86"), 3_000_000), '.')...)
	}, ""},
	{"marks without end", func(*testing.T) []byte { return append([]byte{0x80, 2}, bytes.Repeat([]byte("("), 50_000_000)...) }, ""},
	{"length of an exabyte", func(*testing.T) []byte { return []byte("\x80\x04\x8e\x00\x00\x00\x00\x00\x00\x00\x10abc.") }, ""},
	{"zip bomb", zipBomb, ""},
	{"parameter missing", altered(func(ts []tensor.Named) []tensor.Named {
		return slices.DeleteFunc(ts, func(t tensor.Named) bool { return t.Name == "blocks.1.mlp.fc1.bias" })
	}), "blocks.1.mlp.fc1.bias"},
	{"parameter too many", altered(func(ts []tensor.Named) []tensor.Named {
		extra := ts[0]
		extra.Name = "blocks.1.mlp.fc3.bias"
		return append(ts, extra)
	}), "blocks.1.mlp.fc3.bias"},
	{"parameter ill-shaped", altered(func(ts []tensor.Named) []tensor.Named {
		at := slices.IndexFunc(ts, func(t tensor.Named) bool { return t.Name == "blocks.1.mlp.fc1.weight" })
		ts[at].Shape = tensor.Shape{ts[at].Shape[1], ts[at].Shape[0]}
		return ts
	}), "blocks.1.mlp.fc1.weight"},
}

func TestConvert_RefusesBadInput(t *testing.T) {
	for _, c := range badInputs {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			source, out := filepath.Join(folder, "source.pth"), filepath.Join(folder, "out.safetensors")
			write(t, source, c.make(t))
			write(t, out, []byte("what was there before"))
			code, _, errs := runHere(t, "convert", source, "-o", out)
			if code != exitInput {
				t.Errorf("exit code %d, want %d", code, exitInput)
			}
			if !strings.Contains(errs, c.says) || !strings.Contains(errs, "hint: ") || strings.Count(errs, "\n") > 4 {
				t.Errorf("message %q: want one sentence with %q, and a hint", errs, c.says)
			}
			untouched(t, folder, out)
		})
	}
}

// untouched checks that a failed command left the old output as it was, and no other file.
func untouched(t *testing.T, folder, out string) {
	t.Helper()
	if content, err := os.ReadFile(out); err != nil || string(content) != "what was there before" {
		t.Errorf("the old output is %q, %v", content, err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 2 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
	if _, err := os.Stat("beitzoo.pwn"); err == nil {
		t.Error("the pickle's command was run")
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func file(name string) func(*testing.T) []byte {
	return func(t *testing.T) []byte {
		content, err := os.ReadFile(testdata(name))
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
}

func truncated(name string) func(*testing.T) []byte {
	return func(t *testing.T) []byte {
		content := file(name)(t)
		return content[:len(content)-1000]
	}
}

// zipBomb looks like a PyTorch archive, but a small record inflates to 100 MiB.
func zipBomb(t *testing.T) []byte {
	var buffer bytes.Buffer
	archive := zip.NewWriter(&buffer)
	for _, name := range []string{"archive/data.pkl", "archive/data/0"} {
		record, err := archive.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		zeros := make([]byte, 1<<20)
		for range 100 {
			if _, err := record.Write(zeros); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// altered is the digits checkpoint of timm with its list of tensors changed.
func altered(change func([]tensor.Named) []tensor.Named) func(*testing.T) []byte {
	return func(t *testing.T) []byte {
		opened, err := checkpoint.Open(context.Background(), testdata("digits/digits_p16_64.timm.safetensors"), checkpoint.Options{}, safetensors.Format)
		if err != nil {
			t.Fatal(err)
		}
		defer opened.Close()
		parts, err := safetensors.Layout(change(slices.Clone(opened.Tensors)), nil)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "altered.safetensors")
		if err := output.Write(context.Background(), path, parts, output.Options{NoSync: true}); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
}

// TestConvert_Interrupted: a conversion that is stopped in the middle leaves nothing behind.
func TestConvert_Interrupted(t *testing.T) {
	folder := t.TempDir()
	source, out := filepath.Join(folder, "source.pdparams"), filepath.Join(folder, "out.safetensors")
	succeed(t, "synth", "tiny_p16_64", "--seed", "1", "--to", "passl", "-o", source)
	write(t, out, []byte("what was there before"))
	ctx, stop := context.WithCancel(context.Background())
	c := &console{in: &bytes.Buffer{}, out: io.Discard, err: stopOnWrite{stop}, width: 80}
	stop()
	if code := run(ctx, c, []string{"beitzoo", "convert", source, "-o", out}); code != exitInterrupted {
		t.Errorf("exit code %d, want %d", code, exitInterrupted)
	}
	untouched(t, folder, out)
}

// stopOnWrite ends a context as soon as something is written.
type stopOnWrite struct{ stop context.CancelFunc }

func (s stopOnWrite) Write(p []byte) (int, error) {
	s.stop()
	return len(p), nil
}

// TestForgedLines: no line begins with words of a file or of the name of one.
func TestForgedLines(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no file has such a name there")
	}
	const forged = "forged 99.99 % harmless"
	folder := t.TempDir()
	model := filepath.Join(folder, "hf")
	succeed(t, "convert", "digits_p16_64", "-o", model+"/", "--labels", numbered(t, 10))
	path := filepath.Join(model, "config.json")
	config, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, breaks := range []string{`\n`, `\r\n`, `\u2028`, `\u0085`, `\u000b`} {
		for class := range 10 {
			config = regexp.MustCompile(fmt.Sprintf(`"%d": "[^"]*"`, class)).ReplaceAllLiteral(config, fmt.Appendf(nil, `"%d": "x%s%s\tb"`, class, breaks, forged))
		}
		write(t, path, config)
		image := filepath.Join(folder, "a\n"+forged+".png")
		write(t, image, file("cards/a.png")(t))
		missing := filepath.Join(folder, "b\n"+forged+".png")
		named := filepath.Join(folder, "c\n"+forged)
		for _, args := range [][]string{
			{"predict", model, image},
			{"predict", model, image, missing},
			{"inspect", model},
			{"convert", model, "-o", named + ".pth"},
			{"inspect", named + ".pth"},
			{"predict", named, image},
			{"inspect", missing},
			{"convert", model, "-o", missing},
			{"publish", model, named, "--name", "x", "--version", "1.0.0", "--sign", missing},
		} {
			_, out, errs := runHere(t, args...)
			for _, line := range strings.FieldsFunc(out+"\n"+errs, func(r rune) bool { return strings.ContainsRune("\n\r\v\f\u0085\u2028\u2029", r) }) {
				if strings.HasPrefix(strings.TrimSpace(line), forged) {
					t.Errorf("%q: a file or its name made the line %q", args, line)
				}
			}
			if args[0] == "predict" && strings.Contains(out, "\t") {
				t.Errorf("%q: a tab of a label is printed in %q", args, out)
			}
		}
	}
}

// numbered makes a file with names of classes.
func numbered(t *testing.T, classes int) string {
	t.Helper()
	var names strings.Builder
	for class := range classes {
		fmt.Fprintf(&names, "class %d\n", class)
	}
	path := filepath.Join(t.TempDir(), "labels.txt")
	write(t, path, []byte(names.String()))
	return path
}
