package output

import (
	"context"
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/beitzoo/beitzoo/tensor"
)

// TestDiskFull writes to a device that is always full, as a disk may be although reserving space on it has not failed.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	for name, part := range map[string]Part{
		"data":    Data(5<<20, tensor.Memory(make([]byte, 5<<20))),
		"literal": Literal([]byte("text")),
	} {
		if err := newJob(full, []Part{part}, Options{}).run(context.Background()); !errors.Is(err, unix.ENOSPC) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
