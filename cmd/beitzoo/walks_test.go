//go:build !race

package main

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
)

// TestOutput_Broken: a result that cannot be written is an error of every command, as text, as JSON, and as help.
func TestOutput_Broken(t *testing.T) {
	lines := commandLines(t)
	for _, words := range callable() {
		for _, extra := range []string{"", "--json", "--yaml", "--help"} {
			if extra != "" && extra != "--help" && !hasFlag(everyCommand()[words], strings.TrimPrefix(extra, "--")) {
				continue
			}
			if slices.Contains([]string{"trust forget", "key generate", "key add", "key retire", "key revoke", "key rotate"}, words) { // works once
				lines = commandLines(t)
			}
			args := append(strings.Fields("beitzoo "+words+" "+extra), lines[words]...)
			var errs bytes.Buffer
			code := run(context.Background(), &console{in: &bytes.Buffer{}, out: brokenOutput{}, err: &errs, width: 80}, args)
			if code != exitUnavailable {
				t.Errorf("%q: exit code %d, want %d\n%s", args, code, exitUnavailable, errs.String())
			}
			if doctor := words == "doctor"; !doctor && !strings.Contains(errs.String(), "standard output") {
				t.Errorf("%q: %s", args, errs.String())
			}
		}
	}
}

// TestConvert_EveryCheckpointIntoEveryScheme converts each checkpoint into 7 schemes and 3 formats: the result holds the same model, and the same bytes
// come out twice.
func TestConvert_EveryCheckpointIntoEveryScheme(t *testing.T) {
	formats := map[string]string{"safetensors": ".safetensors", "pytorch": ".pth", "paddle": ".pdparams"}
	for _, checkpoint := range checkpoints {
		t.Run(checkpoint, func(t *testing.T) {
			for _, scheme := range []string{"canonical", "passl", "unilm", "timm", "hf", "paddlevit", "openmmlab"} {
				for format, ending := range formats {
					convertTwice(t, testdata(checkpoint), scheme, format, ending)
				}
			}
		})
	}
}
