package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// benchTiny measures a small model in few rounds.
func benchTiny(t *testing.T, args ...string) []measurement {
	t.Helper()
	out := succeed(t, append([]string{"bench", "--batch", "1,3", "--rounds", "3", "--json"}, args...)...)
	var result benchResult
	if err := json.Unmarshal([]byte(out), &result); err != nil {
		t.Fatal(err)
	}
	return result.Measurements
}

func TestBench(t *testing.T) {
	for _, model := range [][]string{{testdata("../manifests/embedded/digits_p16_64.pdparams")}, {"tiny_p16_64", "--synth"}} {
		var got []string
		for _, m := range benchTiny(t, append(model, "--engine", "native,native", "--dtype", "f32,f64")...) {
			got = append(got, fmt.Sprintf("%s %s %s %d", m.Engine, m.Device, m.DType, m.Batch))
			if m.Rounds != 3 || m.Fastest <= 0 || m.Fastest > m.Median || m.Median > m.Slowest || m.Load <= 0 || m.PerSecond*m.Median < float64(m.Batch)*0.999 {
				t.Errorf("%+v", m)
			}
			if runtime.GOOS == "linux" && m.Memory < 1<<20 {
				t.Errorf("%d bytes", m.Memory)
			}
		}
		one := []string{"native cpu F32 1", "native cpu F32 3", "native cpu F64 1", "native cpu F64 3"}
		if diff := cmp.Diff(append(one, one...), got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestBenchOfEveryEngine(t *testing.T) {
	var names []string
	for _, e := range engines() {
		names = append(names, e.Name())
	}
	all := benchTiny(t, "tiny_p16_32", "--synth", "--engine", strings.Join(names, ","))
	if len(all) != 2*len(names) || all[len(all)-1].Engine != "native" || all[0].Engine != names[0] {
		t.Errorf("%+v", all)
	}
}

func TestBenchRefuses(t *testing.T) {
	for _, c := range []struct {
		code int
		args []string
	}{
		{exitUsage, []string{"--rounds", "0"}},
		{exitUsage, []string{"--warmup", "-1"}},
		{exitUsage, []string{"--batch", "1,0"}},
		{exitUsage, []string{"--dtype", "f32,f8"}},
		{exitUsage, []string{"--engine", "native,tf"}},
		{exitUnavailable, []string{"--device", "cpu,cuda:4096"}},
	} {
		if code, out, errs := runHere(t, append([]string{"bench", "tiny_p16_64", "--synth"}, c.args...)...); code != c.code || out != "" || !strings.Contains(errs, "hint: ") {
			t.Errorf("%q: exit code %d, %q, %q", c.args, code, out, errs)
		}
	}
	expect(t, exitUsage, "bench", "beit_bas_p16_224", "--synth")
}

// serve sends requests to a worker and returns its answers.
func serve(t *testing.T, code int, requests ...string) [][]float64 {
	t.Helper()
	var out, errs bytes.Buffer
	c := &console{in: strings.NewReader(strings.Join(requests, "\n") + "\n"), out: &out, err: &errs, width: 80}
	if got := run(context.Background(), c, []string{"beitzoo", "bench", "tiny_p16_32", "--synth", "--worker", "--engine", "native", "--batch", "2"}); got != code {
		t.Fatalf("exit code %d: %s", got, errs.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if lines[0] != "ready" {
		t.Fatalf("it says %q first", lines[0])
	}
	var answers [][]float64
	for _, line := range lines[1:] {
		var answer []float64
		for _, word := range strings.Fields(line) {
			number, err := strconv.ParseFloat(word, 64)
			if err != nil {
				t.Fatal(err)
			}
			answer = append(answer, number)
		}
		answers = append(answers, answer)
	}
	return answers
}

func TestBenchWorker(t *testing.T) {
	answers := serve(t, exitOK, "load", "forward", "logits", "forward", "products")
	// The tiny model has 10 classes, and the batch two images.
	if len(answers) != 5 || answers[0][0] <= 0 || answers[1][0] <= 0 || len(answers[2]) != 20 || answers[3][0] <= 0 || answers[4][0] < 1e7 || answers[4][0] > 1e13 {
		t.Errorf("%v", answers)
	}
	serve(t, exitUsage, "backward")
}
