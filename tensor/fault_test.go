//go:build unix

package tensor_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/beitzoo/beitzoo/tensor"
)

func TestGuard_Fault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cut")
	if err := os.WriteFile(path, make([]byte, 1<<16), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	mapped, err := unix.Mmap(int(file.Fd()), 0, 1<<16, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(mapped)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	var sum byte
	err = tensor.Guard(func() error {
		for _, b := range mapped {
			sum += b
		}
		return nil
	})
	if !errors.Is(err, tensor.ErrFault) {
		t.Errorf("got %v, want ErrFault", err)
	}
	view := tensor.View{DType: tensor.F32, Shape: tensor.Shape{1 << 14}, Data: tensor.Memory(mapped)}
	if _, err := tensor.Float32s(view); !errors.Is(err, tensor.ErrFault) {
		t.Errorf("Float32s: %v, want ErrFault", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("Guard swallowed a panic that is not a fault")
		}
	}()
	tensor.Guard(func() error { panic("mistake") })
}
