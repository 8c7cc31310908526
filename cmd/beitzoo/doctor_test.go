package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestDoctorWithoutLibtorch points to an empty folder: the doctor says so, what to type, and exits with 6.
func TestDoctorWithoutLibtorch(t *testing.T) {
	t.Setenv("LIBTORCH", t.TempDir())
	code, out, _ := runHere(t, "doctor", "--json")
	var d diagnosis
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Fatal(err)
	}
	if code != exitUnavailable || d.Libtorch != nil || len(d.Problems) == 0 {
		t.Fatalf("exit code %d, %+v", code, d)
	}
	last := d.Problems[len(d.Problems)-1]
	if !last.Fatal || !strings.Contains(last.Problem, "LIBTORCH") || !strings.Contains(last.Hint, "make libtorch") {
		t.Errorf("%+v", last)
	}
	if code, out, _ := runHere(t, "doctor"); code != exitUnavailable || !strings.Contains(out, "problem   no usable libtorch") {
		t.Errorf("exit code %d: %s", code, out)
	}
}
