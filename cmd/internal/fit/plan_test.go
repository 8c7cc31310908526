package fit

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRunStubsWhatDoesNotCompile(t *testing.T) {
	t.Parallel()
	folder := unpack(t)
	report, err := plan(t, folder).Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"atg_absent", "atg_changed", "atg_template"}, report.Stubbed); diff != "" {
		t.Error(diff)
	}
	generated := read(t, report.Folder, "libtch", generated)
	if !strings.Contains(generated, "library::present(self)") || strings.Contains(generated, "library::absent") {
		t.Errorf("the wrong bodies were replaced:\n%s", generated)
	}
	if !strings.Contains(generated, `"atg_absent: libtorch 9.9.9 does not have it in the form that gotch calls"`) {
		t.Errorf("the stub does not say what is missing:\n%s", generated)
	}
	if flags := read(t, report.Folder, "libtch", "lib.go"); strings.Contains(flags, "-lcuda") || !strings.Contains(flags, "-ltorch_cpu") {
		t.Errorf("flags of another machine:\n%s", flags)
	}
	if _, err := os.Stat(filepath.Join(report.Folder, "example")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("sample programs were copied: %v", err)
	}
}

func TestRunAgainDoesNothing(t *testing.T) {
	t.Parallel()
	plan := plan(t, unpack(t))
	first, err := plan.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	plan.Progress = func(step string) { t.Errorf("second run: %s", step) }
	second, err := plan.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Error(diff)
	}
	plan.CUDA = true
	if other, _ := plan.Copy(); other == first.Folder {
		t.Error("a set-up with CUDA has the same copy")
	}
}

func TestRunsAtOnceMakeOneCopy(t *testing.T) {
	t.Parallel()
	plan := plan(t, unpack(t))
	var copies atomic.Int32
	plan.Progress = func(step string) {
		if strings.HasPrefix(step, "copying") {
			copies.Add(1)
		}
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if _, err := plan.Run(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if copies.Load() != 1 {
		t.Errorf("%d copies were made", copies.Load())
	}
}

func TestInterruptedRunLeavesNothingAndGoesOn(t *testing.T) {
	t.Parallel()
	plan := plan(t, unpack(t))
	ctx, cancel := context.WithCancel(context.Background())
	plan.Progress = func(step string) {
		if strings.HasPrefix(step, "asking") {
			cancel()
		}
	}
	if _, err := plan.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(plan.Cache, "*", "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := plan.Run(context.Background()); err != nil {
		t.Errorf("after an interruption: %v", err)
	}
}

func TestRunReportsWhatNoStubMends(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(folder string) error{
		"header missing": func(folder string) error { return os.Remove(filepath.Join(folder, "include", "library.h")) },
		"hand-written part wrong": func(folder string) error {
			return appendTo(filepath.Join(folder, "gotch", "libtch", "torch_api.cpp"), "int x = library::y;\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := unpack(t)
			if err := damage(folder); err != nil {
				t.Fatal(err)
			}
			plan := plan(t, folder)
			var failure *IncompatibleError
			if _, err := plan.Run(context.Background()); !errors.As(err, &failure) {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(failure.Error(), "library") {
				t.Errorf("the compiler's words are lost: %v", failure)
			}
		})
	}
}

func appendTo(path, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(old, text...), 0o644)
}

func TestReadReport(t *testing.T) {
	t.Parallel()
	plan := plan(t, unpack(t))
	want, err := plan.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	got, err := readReport(want.Folder)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
