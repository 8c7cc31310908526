package main

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestInspect_NamesThatMisleadTerminals has a name with commands of terminals, which no output may hold as they are.
func TestInspect_NamesThatMisleadTerminals(t *testing.T) {
	t.Parallel()
	const hostile = "head\u009b2J\u202edaeh\x7f\x1b[2J"
	header, err := json.Marshal(map[string]any{hostile: map[string]any{"dtype": "F32", "shape": []int{1}, "data_offsets": []int{0, 4}}})
	if err != nil {
		t.Fatal(err)
	}
	content := append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), 0, 0, 0, 0)
	path := filepath.Join(t.TempDir(), "odd.safetensors")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"--json", "--tensors"}, {"--tensors"}, {"--json", "--from", "unilm"}, {}} {
		_, printed, said := runHere(t, append([]string{"inspect", path}, args...)...)
		if both := printed + said; strings.ContainsAny(both, "\u009b\u202e\x7f\x1b") || !strings.Contains(both, "head") && len(args) > 0 {
			t.Errorf("%v prints %q, says %q", args, printed, said)
		}
	}
}
