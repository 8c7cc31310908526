package arch_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
)

// TestTap_ThereAndBack: a tap is written as a number or as "embed", and nothing else is read.
func TestTap_ThereAndBack(t *testing.T) {
	t.Parallel()
	for tap, want := range map[arch.Tap]string{arch.TapEmbed: `"embed"`, 0: "0", 11: "11"} {
		raw, err := json.Marshal(tap)
		if err != nil || string(raw) != want {
			t.Errorf("%s is written as %s, %v", tap, raw, err)
		}
		var back arch.Tap
		if err := json.Unmarshal(raw, &back); err != nil || back != tap {
			t.Errorf("%s is read as %s, %v", raw, back, err)
		}
		if parsed, err := arch.ParseTap(tap.String()); err != nil || parsed != tap {
			t.Errorf("%s is parsed as %s, %v", tap, parsed, err)
		}
	}
	for _, bad := range []string{"", "x", "-1", "-2", "256", "1.5", "Embed"} {
		if _, err := arch.ParseTap(bad); !errors.As(err, new(*arch.TapError)) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, bad := range []string{"-1", `"x"`, "[]", "1.5"} {
		var tap arch.Tap
		if json.Unmarshal([]byte(bad), &tap) == nil {
			t.Errorf("%s is read", bad)
		}
	}
}

// TestUPerNet_Documents: the taps survive a document, and a wrong record is refused with all that is wrong.
func TestUPerNet_Documents(t *testing.T) {
	t.Parallel()
	config, err := arch.ByName("tiny_seg_p16_64")
	if err != nil {
		t.Fatal(err)
	}
	config.Segmentation.Taps[0] = arch.TapEmbed
	raw, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	var back arch.Config
	if err := json.Unmarshal(raw, &back); err != nil || back != config {
		t.Errorf("%s is read as %+v, %v", raw, back, err)
	}
	config.Segmentation.Taps = [arch.Levels]arch.Tap{5, 3, 1, 6}
	config.Segmentation.PoolScales[2] = 0
	config.Pooling = arch.MeanPooling
	var problems *arch.ConfigError
	if err := config.Validate(); !errors.As(err, &problems) || len(problems.Problems) != 4 {
		t.Errorf("%v", err)
	}
}
