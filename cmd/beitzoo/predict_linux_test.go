package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPredict_NamesOfBytes: names that are not UTF-8, as Linux has them, stay apart in all that is written, and answers about them go on.
func TestPredict_NamesOfBytes(t *testing.T) {
	folder := t.TempDir()
	content, err := os.ReadFile(filepath.Join(digitsImages(), "7", "005.png"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a\xfe.png", "a\xff.png", `a\xff.png`} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	forms := []string{`a\\xfe.png"`, `a\\xff.png"`, `a\\x5cxff.png"`} // as JSON has them
	answers, lines, stored := filepath.Join(t.TempDir(), "a.jsonl"), filepath.Join(t.TempDir(), "f.jsonl"), filepath.Join(t.TempDir(), "f.safetensors")
	for range 2 {
		succeed(t, "predict", "digits_p16_64", folder, "-o", answers)
	}
	succeed(t, "predict", "digits_p16_64", folder, "--features", lines)
	succeed(t, "predict", "digits_p16_64", folder, "--features", stored)
	document := succeed(t, "predict", "digits_p16_64", folder, "--json")
	drawn := succeed(t, "predict", "digits_p16_64", folder, "--attention", t.TempDir(), "--json")
	for _, path := range []string{answers, lines, stored} {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		document := string(raw)
		if path == stored {
			document = strings.ReplaceAll(document, `\\`, `\`) // a list in a text
			document = strings.ReplaceAll(document, `\"`, `"`)
		}
		hasAll(t, path, document, forms)
	}
	hasAll(t, "--json", document, forms)
	hasAll(t, "--attention --json", drawn, forms)
}

func hasAll(t *testing.T, where, document string, forms []string) {
	t.Helper()
	for _, form := range forms {
		if !strings.Contains(document, "/"+form) {
			t.Errorf("%s does not have %s", where, form)
		}
	}
	if strings.Contains(document, "\ufffd") || strings.Contains(document, `\ufffd`) {
		t.Errorf("%s has names that were made the same", where)
	}
}
