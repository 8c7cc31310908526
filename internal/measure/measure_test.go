package measure_test

import (
	"os"
	"runtime"
	"testing"

	"github.com/beitzoo/beitzoo/internal/measure"
)

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 2, 9}, 3}} {
		if got := measure.Median(c.values); got != c.want {
			t.Errorf("median of %v: %g, want %g", c.values, got, c.want)
		}
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		if got := measure.Memory(measure.Self, measure.Peak); got != 0 {
			t.Errorf("%d bytes on a system without /proc, want 0", got)
		}
		return
	}
	// A Go program has more than 64 kB, and this one less than a terabyte.
	for _, field := range []string{measure.Peak, measure.Anonymous} {
		for _, pid := range []int{measure.Self, os.Getpid()} {
			if got := measure.Memory(pid, field); got < 1<<16 || got > 1<<40 {
				t.Errorf("%s of process %d: %d bytes", field, pid, got)
			}
		}
	}
	if got := measure.Memory(measure.Self, "NoSuchField"); got != 0 {
		t.Errorf("a field that is not there: %d bytes", got)
	}
	measure.ResetPeak()
}
