package wheel

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// files lists all files below a folder.
func files(t *testing.T, folder string) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(os.DirFS(folder), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestFetchKeepsWhatTheCPUNeeds(t *testing.T) {
	index(t, right)
	options := Options{Version: "2.11.0", Folder: filepath.Join(t.TempDir(), "libtorch")}
	folder, err := Fetch(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"nvidia/cu13/lib/libcudart.so.13",
		"nvidia/cu13/lib/libcupti.so.13",
		"torch/include/torch/csrc/api/include/torch/version.h",
		"torch/lib/libc10.so",
		"torch/lib/libgomp.so.1",
		"torch/lib/libtorch_cpu.so",
	}
	if diff := cmp.Diff(want, files(t, folder)); diff != "" {
		t.Error(diff)
	}
	if left, _ := filepath.Glob(filepath.Join(options.Folder, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	t.Setenv("PIP_FIND_LINKS", t.TempDir())
	if again, err := Fetch(context.Background(), options); err != nil || again != folder {
		t.Errorf("the second time: %s, %v", again, err)
	}
}

func TestFetchFindsDamage(t *testing.T) {
	index(t, func(m member) string {
		if m.name == "torch/lib/libc10.so" {
			return right(member{content: "another"})
		}
		return right(m)
	})
	options := Options{Version: "2.11.0", Folder: t.TempDir()}
	var damaged *ChecksumError
	if _, err := Fetch(context.Background(), options); !errors.As(err, &damaged) || damaged.Member != "torch/lib/libc10.so" {
		t.Fatalf("got %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(options.Folder, "*.partial")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := os.Stat(filepath.Join(options.Folder, "2.11.0-cpu")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a damaged libtorch counts as fetched: %v", err)
	}
}

func TestFetchStaysInItsFolder(t *testing.T) {
	index(t, right, member{"torch/include/../../../escaped.h", "header"})
	options := Options{Version: "2.11.0", Folder: filepath.Join(t.TempDir(), "libtorch")}
	if _, err := Fetch(context.Background(), options); err == nil {
		t.Error("a wheel with a path out of it was unpacked")
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(options.Folder), "escaped.h")); err == nil {
		t.Error("a file was written outside of the folder")
	}
}

func TestFetchGoesOnAfterAnInterruption(t *testing.T) {
	index(t, right)
	ctx, cancel := context.WithCancel(context.Background())
	options := Options{Version: "2.11.0", Folder: t.TempDir(), Progress: func(step string) {
		if strings.HasPrefix(step, "unpacking and checking torch") {
			cancel()
		}
	}}
	if _, err := Fetch(ctx, options); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	options.Progress = nil
	if _, err := Fetch(context.Background(), options); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestFetchSaysWhatPipSaid(t *testing.T) {
	index(t, right)
	var failure *DownloadError
	_, err := Fetch(context.Background(), Options{Version: "9.9.9", Folder: t.TempDir()})
	if !errors.As(err, &failure) || !strings.Contains(failure.Error(), "torch==9.9.9") || failure.Hint() == "" {
		t.Errorf("got %v", err)
	}
}

func TestCompanions(t *testing.T) {
	t.Parallel()
	old := "Requires-Dist: filelock\nRequires-Dist: nvidia-cuda-runtime-cu12 (==12.1.105) ; platform_system == \"Linux\"\n" +
		"Requires-Dist: nvidia-cuda-cupti-cu12 (==12.1.105) ; platform_system == \"Linux\"\nRequires-Dist: nvidia-cudnn-cu12 (==8.9.2.26) ; platform_system == \"Linux\"\n"
	newer := "Requires-Dist: cuda-toolkit[cublas,cudart]==13.0.2; platform_system == \"Linux\"\nRequires-Dist: nvidia-nccl-cu13==2.28.9; platform_system == \"Linux\"\nRequires-Dist: triton==3.6.0\n"
	for _, c := range []struct {
		name, metadata string
		cuda           bool
		want           []string
	}{
		{"CPU of 2.1", old, false, []string{"nvidia-cuda-runtime-cu12==12.1.105", "nvidia-cuda-cupti-cu12==12.1.105"}},
		{"CUDA of 2.1", old, true, []string{"nvidia-cuda-runtime-cu12==12.1.105", "nvidia-cuda-cupti-cu12==12.1.105", "nvidia-cudnn-cu12==8.9.2.26"}},
		{"CPU of 2.11", newer, false, []string{"cuda-toolkit[cudart,cupti]==13.0.2"}},
		{"CUDA of 2.11", newer, true, []string{"cuda-toolkit" + cudaExtras + "==13.0.2", "nvidia-nccl-cu13==2.28.9"}},
		{"a wheel without CUDA", "Requires-Dist: filelock\n", false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, companions(c.metadata, c.cuda)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
