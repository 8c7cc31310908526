package arch_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/beitzoo/beitzoo/beit/arch"
)

// TestConfig_DocumentsLeaveOutThreeChannels makes sure that documents without the newer fields mean what they always did, and are written as they always were.
func TestConfig_DocumentsLeaveOutThreeChannels(t *testing.T) {
	t.Parallel()
	known, err := arch.ByName("tiny_p16_32")
	if err != nil {
		t.Fatal(err)
	}
	type form struct {
		name    string
		encode  func(any) ([]byte, error)
		decode  func([]byte, any) error
		channel string
	}
	for _, f := range []form{
		{"JSON", json.Marshal, json.Unmarshal, `"channels":5`},
		{"YAML", yaml.Marshal, func(raw []byte, into any) error { return yaml.UnmarshalWithOptions(raw, into, yaml.Strict()) }, "channels: 5"},
	} {
		raw, err := f.encode(known)
		if err != nil {
			t.Fatal(err)
		}
		for _, newer := range []string{"channels", "regression", "class_blocks", "class_head"} {
			if strings.Contains(string(raw), newer) {
				t.Errorf("%s has the field %s: %s", f.name, newer, raw)
			}
		}
		var back arch.Config
		if err := f.decode(raw, &back); err != nil || back != known {
			t.Errorf("%s: %+v, %v", f.name, back, err)
		}
		other := known
		other.Channels = 5
		if raw, err = f.encode(&other); err != nil || !strings.Contains(string(raw), f.channel) {
			t.Errorf("%s: %s, %v", f.name, raw, err)
		}
		if err := f.decode(raw, &back); err != nil || back != other {
			t.Errorf("%s: %+v, %v", f.name, back, err)
		}
		none := []byte(strings.Replace(string(raw), f.channel, strings.Replace(f.channel, "5", "0", 1), 1))
		if err := f.decode(none, &back); err != nil || back.Validate() == nil {
			t.Errorf("%s with no channel is valid: %v", f.name, err)
		}
	}
}
