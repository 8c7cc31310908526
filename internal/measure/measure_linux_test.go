package measure_test

import (
	"testing"
	"time"

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

func TestProcessorTime(t *testing.T) {
	t.Parallel()
	before := measure.ProcessorTime()
	sum, begin := 0, time.Now()
	for time.Since(begin) < 100*time.Millisecond {
		sum++
	}
	if spent := measure.ProcessorTime() - before; spent < 20*time.Millisecond || spent > 10*time.Second {
		t.Errorf("%v in a tenth of a second, for %d steps", spent, sum)
	}
}
