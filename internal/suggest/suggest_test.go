package suggest_test

import (
	"testing"

	"github.com/beitzoo/beitzoo/internal/suggest"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	commands := []string{"convert", "verify", "show", "list", "pull"}
	for _, c := range []struct {
		name       string
		candidates []string
		want       string
	}{
		{"covnert", commands, "convert"},
		{"lst", commands, "list"},
		{"tim", []string{"timm", "unilm"}, "timm"},
		{"frob", commands, ""},
		{"nothere", []string{"digits_p16_64"}, ""},
		{"beit_base", []string{"digits_p16_64", "beit_base_p16_224"}, "beit_base_p16_224"},
		{"blocks.0.attn.q.weight", []string{"blocks.0.attn.qkv.weight", "blocks.0.attn.proj.weight"}, "blocks.0.attn.qkv.weight"},
		{"anything", nil, ""},
		{"", []string{"list"}, ""},
	} {
		if got := suggest.Nearest(c.name, c.candidates); got != c.want {
			t.Errorf("nearest to %q: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestHint(t *testing.T) {
	t.Parallel()
	known := []string{"timm", "unilm"}
	if got := suggest.Hint("timm", known); got != "did you mean timm? Known: timm, unilm" {
		t.Error(got)
	}
	if got := suggest.Hint("", known); got != "known: timm, unilm" {
		t.Error(got)
	}
	if got := suggest.Short("tim", known); got != "did you mean timm?" {
		t.Error(got)
	}
	if got := suggest.Short("mxnet", known); got != "known: timm, unilm" {
		t.Error(got)
	}
}
