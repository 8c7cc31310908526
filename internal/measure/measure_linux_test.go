package measure_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/beitzoo/beitzoo/internal/measure"
)

// TestAvailable compares with what the machine has in all.
func TestAvailable(t *testing.T) {
	t.Parallel()
	var system unix.Sysinfo_t
	if err := unix.Sysinfo(&system); err != nil {
		t.Fatal(err)
	}
	if got, all := measure.Available(), int64(system.Totalram)*int64(system.Unit); got < 1<<20 || got > all {
		t.Errorf("%d bytes are available, the machine has %d", got, all)
	}
}
