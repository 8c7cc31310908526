package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/cmd/internal/libtorch"
)

// installation makes a small libtorch of real ELF files: libtorch_cpu.so needs libtestblas.so.3, which has a function of a BLAS and nothing else.
func installation(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	lib, headers := filepath.Join(folder, "lib"), filepath.Join(folder, "include/torch/csrc/api/include/torch")
	for _, path := range []string{lib, headers} {
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(headers, "version.h"), []byte("#define TORCH_VERSION \"9.8.7\"\n"))
	link(t, filepath.Join(lib, "libtestblas.so.3"), "void sgemm_(void) {}")
	link(t, filepath.Join(lib, "libtorch_cpu.so"), "int cpu;", "-L"+lib, "-l:libtestblas.so.3", "-Wl,-rpath,"+lib)
	link(t, filepath.Join(lib, "libc10.so"), `void error(void) __asm__("_ZN3c105ErrorC1ENS_14SourceLocationENSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE");
void error(void) {}`)
	return folder
}

// link makes a shared library of C.
func link(t *testing.T, path, text string, options ...string) {
	t.Helper()
	compile(t, path, text, append([]string{"-shared", "-fPIC"}, options...)...)
}

func compile(t *testing.T, path, text string, options ...string) {
	t.Helper()
	source := filepath.Join(t.TempDir(), "source.c")
	write(t, source, []byte(text+"\n"))
	arguments := append([]string{"-o", path, source, "-Wl,--no-as-needed"}, options...)
	if output, err := exec.Command("cc", arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
}

func remove(t *testing.T, path ...string) {
	t.Helper()
	if err := os.Remove(filepath.Join(path...)); err != nil {
		t.Fatal(err)
	}
}

// examine runs the doctor, whose exit code must follow from what it found.
func examine(t *testing.T, args ...string) diagnosis {
	t.Helper()
	code, out, errs := runHere(t, append([]string{"doctor", "--json"}, args...)...)
	var d diagnosis
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Fatalf("%v in %q, %s", err, out, errs)
	}
	fatal := slices.ContainsFunc(d.Problems, func(r remedy) bool { return r.Fatal })
	if fatal != (code == exitUnavailable) || fatal != strings.Contains(errs, `"exit_code":6`) || !fatal && code != exitOK {
		t.Errorf("exit code %d with %+v, %s", code, d.Problems, errs)
	}
	return d
}

// problem finds the problem that says something.
func (d diagnosis) problem(t *testing.T, says string) remedy {
	t.Helper()
	at := slices.IndexFunc(d.Problems, func(r remedy) bool { return strings.Contains(r.Problem, says) })
	if at < 0 {
		t.Fatalf("nothing with %q in %+v", says, d.Problems)
	}
	return d.Problems[at]
}

func TestDoctorWithoutLibtorch(t *testing.T) {
	t.Setenv("LIBTORCH", t.TempDir())
	d := examine(t)
	// A program that runs with libtorch can do without another one.
	if r := d.problem(t, "no usable libtorch"); r.Fatal == hasTorch() || !strings.Contains(r.Hint, "make libtorch") || d.Libtorch != nil {
		t.Errorf("%+v, %+v", r, d.Libtorch)
	}
	if !hasTorch() {
		if r := d.problem(t, "this build of beitzoo has no libtorch engine"); !r.Fatal || !strings.Contains(r.Hint, "go build -tags libtorch") {
			t.Errorf("%+v", r)
		}
	}
	if _, out, _ := runHere(t, "doctor"); !strings.Contains(out, "libtorch  none\n") || !strings.Contains(out, "no usable libtorch") {
		t.Errorf("it says:\n%s", out)
	}
}

func TestDoctorWithLibtorch(t *testing.T) {
	folder := installation(t)
	t.Setenv("LIBTORCH", folder)
	d := examine(t)
	if d.Libtorch == nil || d.Libtorch.Version != "9.8.7" || d.Libtorch.Library != filepath.Join(folder, "lib") || d.Toolchain == "" || d.Compiler == nil {
		t.Fatalf("%+v", d)
	}
	if hasTorch() {
		if d.Running == "" || d.Rate < 1e7 || d.BLAS == nil {
			t.Errorf("%+v", d)
		}
		return
	}
	if d.Running != "" || d.Rate != 0 || d.BLAS == nil || d.BLAS.Name != libtorch.Reference {
		t.Errorf("%+v", d)
	}
	if r := d.problem(t, "reference BLAS"); r.Fatal || !strings.Contains(r.Hint, "libopenblas0-pthread") {
		t.Errorf("%+v", r)
	}
}

func TestDoctorWithBrokenLibtorch(t *testing.T) {
	folder := installation(t)
	t.Setenv("LIBTORCH", folder)
	program := filepath.Join(t.TempDir(), "beitzoo")
	lib := filepath.Join(folder, "lib")
	compile(t, program, "int main(void) { return 0; }", "-L"+lib, "-l:libtorch_cpu.so", "-Wl,-rpath,"+lib)
	before := examine(t, program)
	report, err := json.Marshal(map[string]any{"gotch": "v0.9.1", "libtorch": before.Libtorch, "stubbed": []string{"atg_one"}})
	if err != nil {
		t.Fatal(err)
	}
	gotch := t.TempDir()
	write(t, filepath.Join(gotch, "beitzoo-fit.json"), report)
	work := filepath.Join(t.TempDir(), "go.work")
	write(t, work, []byte("go 1.26.0\n\nreplace github.com/sugarme/gotch => "+gotch+"\n"))
	t.Setenv("GOWORK", work)
	if d := examine(t, program); len(d.Problems) >= len(before.Problems)+1 || d.Gotch == nil || d.Gotch.Stubbed[0] != "atg_one" {
		t.Errorf("while all is there: %+v, %+v", d.Problems, d.Gotch)
	}
	remove(t, lib, "libtestblas.so.3")
	d := examine(t, program)
	if r := d.problem(t, "no usable libtorch"); !strings.Contains(r.Problem, "libtestblas.so.3, which this machine lacks") || r.Fatal == hasTorch() {
		t.Errorf("%+v", r)
	}
	if r := d.problem(t, "gotch is fitted to has changed"); !strings.Contains(r.Problem, "libtestblas.so.3") || !strings.Contains(r.Hint, "make libtorch") {
		t.Errorf("%+v", r)
	}
	remove(t, lib, "libtorch_cpu.so")
	r := examine(t, program).problem(t, program+" does not start")
	if !r.Fatal || !strings.Contains(r.Problem, "libtorch_cpu.so") || !strings.Contains(r.Hint, "go build -tags libtorch") {
		t.Errorf("%+v", r)
	}
	examine(t, filepath.Join(folder, "none")).problem(t, "none")
	expect(t, exitUsage, "doctor", program, program)
}

func TestDoctorWithGPU(t *testing.T) {
	t.Setenv("LIBTORCH", installation(t))
	folder := t.TempDir()
	write(t, filepath.Join(folder, "nvidia-smi"), []byte("#!/bin/sh\necho 0, NVIDIA H100 80GB HBM3, 81559, 81079, 550.54.15, 9.0\n"))
	if err := os.Chmod(filepath.Join(folder, "nvidia-smi"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+string(filepath.ListSeparator)+os.Getenv("PATH"))
	d := examine(t)
	if len(d.GPUs) != 1 || d.GPUs[0].Driver != "550.54.15" {
		t.Errorf("%+v", d.GPUs)
	}
	if hasTorch() && d.CUDADevices == 0 {
		if r := d.problem(t, "libtorch does not use the GPU"); r.Fatal || !strings.Contains(r.Hint, "CUDA") {
			t.Errorf("%+v", r)
		}
	}
	if _, out, _ := runHere(t, "doctor"); !strings.Contains(out, "cuda:0 NVIDIA H100 80GB HBM3, 80 GiB of which 79 GiB are free, driver 550.54.15") {
		t.Errorf("it says:\n%s", out)
	}
}

func TestDoctorWithoutGo(t *testing.T) {
	t.Setenv("LIBTORCH", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	d := examine(t)
	if r := d.problem(t, "the go command does not run"); r.Hint != "install Go 1.26 or newer" || d.Toolchain != "" || d.Compiler != nil {
		t.Errorf("%+v", r)
	}
}
