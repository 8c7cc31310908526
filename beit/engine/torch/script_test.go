//go:build libtorch

package torch

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

func TestScript_Logits(t *testing.T) {
	golden := verifytest.One(t, "digits_p16_64.unilm.float32")
	path := verifytest.Path(t, "digits/digits_p16_64.torchscript.pt")
	flat(t, 8, func() {
		model, err := OpenScript(context.Background(), path, golden.Config, engine.Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer model.Close()
		recorded := golden.Recording.Activations
		want := recorded[len(recorded)-1]
		tapped := 0
		got, err := model.Forward(context.Background(), engine.Input{Pixels: golden.Recording.Pixels}, func(a engine.Activation) error { tapped++; return nil })
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-5)); diff != "" {
			t.Error(diff)
		}
		if tapped != 1 {
			t.Errorf("%d taps", tapped)
		}
	})
}

func TestScript_Errors(t *testing.T) {
	t.Parallel()
	golden := verifytest.One(t, "digits_p16_64.unilm.float32")
	path := verifytest.Path(t, "digits/digits_p16_64.torchscript.pt")
	damaged := filepath.Join(t.TempDir(), "damaged.pt")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(damaged, whole[:len(whole)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenScript(context.Background(), filepath.Join(t.TempDir(), "none.pt"), golden.Config, engine.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	var thrown *OperatorError
	if _, err := OpenScript(context.Background(), damaged, golden.Config, engine.Options{}); !errors.As(err, &thrown) {
		t.Errorf("a damaged file: %v", err)
	}
	for _, name := range []string{"digits_dvae_encoder", "digits_dvae_decoder", "tiny_vqkd_p16_64", "tiny_mim_p16_64"} {
		config, err := arch.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		var refused *ScriptError
		if _, err := OpenScript(context.Background(), path, config, engine.Options{}); !errors.As(err, &refused) || !strings.Contains(err.Error(), "classifier") {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := golden.Config
	other.Classes++
	model, err := OpenScript(context.Background(), path, other, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	if _, err := model.Forward(context.Background(), engine.Input{Pixels: golden.Recording.Pixels}, nil); err == nil {
		t.Error("logits of another architecture were accepted")
	}
}
