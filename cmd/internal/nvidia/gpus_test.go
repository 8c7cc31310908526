package nvidia

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGPUs(t *testing.T) {
	for _, c := range []struct {
		name, script string
		want         []GPU
		is           func(error) bool
	}{
		{"two", `[ "$2" = "--format=csv,noheader,nounits" ] || exit 9
echo "0, NVIDIA H100 80GB HBM3, 81559, 81079, 550.54.15, 9.0"; echo "1, NVIDIA GB10, [N/A], [Not Supported], 580.95.05, 12.1"`, []GPU{
			{0, "NVIDIA H100 80GB HBM3", 81559 << 20, 81079 << 20, "550.54.15", "9.0"}, {1, "NVIDIA GB10", 0, 0, "580.95.05", "12.1"},
		}, nil},
		{"none", "true", nil, nil},
		{"a driver that does not answer", `echo "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."; echo more; exit 9`, nil, func(err error) bool {
			var e *DriverError
			return errors.As(err, &e) && e.Hint() != "" && e.Message == "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."
		}},
		{"another table", "echo 0, NVIDIA", nil, func(err error) bool { return err != nil }},
		{"an index that is not a number", "echo x, NVIDIA, 1, 1, 1, 1", nil, func(err error) bool { return err != nil }},
		{"no driver", "", nil, func(err error) bool { return errors.Is(err, ErrAbsent) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			if c.script != "" {
				if err := os.WriteFile(filepath.Join(folder, program), []byte("#!/bin/sh\n"+c.script+"\n"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("PATH", folder)
			got, err := GPUs(context.Background())
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if c.is == nil && err != nil || c.is != nil && !c.is(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}
