package main

import (
	"encoding/json"
	"testing"
)

func TestBench(t *testing.T) {
	for _, model := range [][]string{{testdata("digits/digits_p16_64.pdparams")}, {"tiny_p16_64", "--synth"}} {
		out := succeed(t, append([]string{"bench", "--engine", "native", "--batch", "1,3", "--dtype", "f32,f64", "--rounds", "3", "--json"}, model...)...)
		var all []measurement
		if err := json.Unmarshal([]byte(out), &all); err != nil {
			t.Fatal(err)
		}
		if len(all) != 4 || all[1].Batch != 3 || all[3].DType != "F64" {
			t.Fatalf("%+v", all)
		}
		for _, m := range all {
			if m.Rounds != 3 || m.Median <= 0 || m.Fastest > m.Median || m.Median > m.Slowest || m.PerSecond <= 0 {
				t.Errorf("%+v", m)
			}
		}
	}
	expect(t, exitUsage, "bench", "tiny_p16_64", "--synth", "--rounds", "0")
	expect(t, exitUsage, "bench", "tiny_p16_64", "--synth", "--dtype", "f32,f8")
}
