package tokens_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/beitzoo/beitzoo/evaluate/tokens"
)

// FuzzOpen opens hostile files of tokens, of both forms. What is wrong is a *[tokens.FileError]; what is read has tokens of the vocabulary, as many as the header says.
func FuzzOpen(f *testing.F) {
	header := headerOf(f, 1, 1)
	for _, name := range []string{"x.safetensors", "x.jsonl"} {
		path := filepath.Join(f.TempDir(), name)
		write(f, path, header, images, false)
		f.Add(contentOf(f, path))
	}
	f.Add([]byte(`{"format":"beitzoo.tokens.v1"}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "fuzzed")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		var problem *tokens.FileError
		opened, err := tokens.Open(path)
		if err != nil {
			if !errors.As(err, &problem) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		defer opened.Close()
		for r, err := range opened.Records() {
			if err != nil {
				if !errors.As(err, &problem) {
					t.Fatalf("an error of another kind: %v", err)
				}
				return
			}
			if r.Error == "" && len(r.Tokens) != opened.Header.Patches() {
				t.Fatalf("%d tokens of %d", len(r.Tokens), opened.Header.Patches())
			}
			for _, id := range r.Tokens {
				if id < 0 || int(id) >= opened.Header.Tokenizer.Config.Vocabulary() {
					t.Fatalf("token %d of %d", id, opened.Header.Tokenizer.Config.Vocabulary())
				}
			}
		}
	})
}
