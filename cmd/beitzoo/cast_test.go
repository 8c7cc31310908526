package main

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/tensor"
)

// A weight in a matrix that is too large for a half is reported, and a proof needs a flag to pass.
func TestConvert_LostValues(t *testing.T) {
	source, target := filepath.Join(t.TempDir(), "large.safetensors"), filepath.Join(t.TempDir(), "half.safetensors")
	write(t, source, altered(func(ts []tensor.Named) []tensor.Named {
		at := slices.IndexFunc(ts, func(t tensor.Named) bool { return t.Name == "blocks.1.mlp.fc1.weight" })
		raw, err := ts[at].Bytes()
		if err != nil {
			t.Fatal(err)
		}
		raw = slices.Clone(raw)
		binary.LittleEndian.PutUint32(raw[4*9:], math.Float32bits(1e5))
		ts[at].Data = tensor.Memory(raw)
		return ts
	})(t))
	const says = "1 value becomes infinite in F16: blocks.1.mlp.fc1.weight (1)"
	code, out, _ := runHere(t, "convert", source, "-o", target, "--dtype", "f16")
	if code != exitOK || !strings.Contains(out, "lossy  "+says) {
		t.Errorf("exit %d, %s", code, out)
	}
	if code, out, _ = runHere(t, "convert", source, "-o", target, "--dtype", "f16", "--json"); code != exitOK || !strings.Contains(out, `"infinite": 1`) {
		t.Errorf("exit %d, %s", code, out)
	}
	if err := os.Remove(target); err != nil {
		t.Fatal(err)
	}
	code, _, errs := runHere(t, "convert", source, "-o", target, "--dtype", "f16", "--prove")
	if code != exitInput || !strings.Contains(errs, says) || !strings.Contains(errs, "--allow-lost-values") {
		t.Errorf("exit %d, %s", code, errs)
	}
	if _, err := os.Stat(target); err == nil {
		t.Error("a file was written that is not proved")
	}
	for _, c := range []struct {
		flags []string
		those string
	}{
		{[]string{"--dtype", "f16", "--prove", "--allow-lost-values"}, "those of the model, rounded to F16"},
		{[]string{"--dtype", "bf16", "--prove"}, "those of the model, rounded to BF16"},
		{[]string{"--dtype", "bf16", "--prove", "--headless", "--lossy", "head,cast"}, "those of the changed model, rounded to BF16"},
		{[]string{"--dtype", "f64", "--prove"}, "those of the model, widened to F64"},
		{[]string{"--dtype", "f32", "--prove"}, "the same"},
		{[]string{"--prove"}, "the same"},
	} {
		code, out, errs := runHere(t, append([]string{"convert", source, "-o", target}, c.flags...)...)
		if code != exitOK || !strings.Contains(out, "parameters are "+c.those+", bit for bit") {
			t.Errorf("%v: exit %d, %s%s", c.flags, code, out, errs)
		}
	}
}
