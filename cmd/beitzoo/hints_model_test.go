package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
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
		{&naming.MaskedModelError{}, []string{"fine-tuned", "--arch"}},
		{&arch.InferenceError{}, []string{"--arch NAME", "FILE.yaml"}},
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
