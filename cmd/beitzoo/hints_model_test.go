package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/naming"
)

func TestModelHint(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want []string
	}{
		{&naming.TieError{Schemes: []string{"unilm", "passl"}}, []string{"--from SCHEME"}},
		{&naming.MismatchError{Missing: []naming.Missing{{Name: "x"}}}, []string{"incomplete", "beitzoo inspect", "--arch NAME"}},
		{&naming.NotBEiTError{}, []string{"PASSL", "beitzoo inspect"}},
		{&naming.StrangerError{What: "CaiT", Name: "blocks_token_only.0.gamma_1"}, []string{"DiT"}},
		{&naming.SeveralModelsError{Prefixes: []string{"", "ema's"}}, []string{`--select 'ema'\''s'`, `--drop 'ema'\''s.*'`}},
		{&naming.BesideError{Prefix: "net", Patterns: []string{"fc.*"}}, []string{"--select net", "--drop 'fc.*'"}},
		{&naming.MaskedModelError{}, []string{"fine-tuned", "--arch"}},
		{&arch.InferenceError{}, []string{"--arch NAME", "FILE.yaml"}},
		{&arch.InferenceError{Property: arch.PropertyHeads}, []string{"--heads N", "--arch NAME"}},
		{&arch.InferenceError{Property: arch.PropertyWindow}, []string{"--window HxW", "--arch NAME"}},
		{&arch.ConflictError{}, []string{"--heads N", "--window HxW", "--arch"}},
		{&naming.UnknownSchemeError{Name: "tim", Nearest: "timm"}, []string{"did you mean timm?"}},
	} {
		hint := hintOf(fmt.Errorf("x.pth: %w", c.err))
		for _, want := range c.want {
			if !strings.Contains(hint, want) {
				t.Errorf("%T: hint %q lacks %q", c.err, hint, want)
			}
		}
	}
}

func TestRemarkGuesses(t *testing.T) {
	t.Parallel()
	var errs strings.Builder
	remarkGuesses(&console{err: &errs}, convert.Input{
		Wrapper: "model", OtherDicts: []string{"model_ema", "odd\x1b[31m"},
		Assumptions: []arch.Assumption{{Property: arch.PropertyHeads, Value: "12", Reason: "nothing tells it"}},
	})
	want := "note: the number of attention heads is assumed to be 12: nothing tells it; state it with --heads N\n" +
		"note: the state dict \"model\" was taken; the file also holds \"model_ema\", \"odd\\x1b[31m\", which --select KEY takes instead\n"
	if errs.String() != want {
		t.Errorf("got\n%swant\n%s", errs.String(), want)
	}
}
