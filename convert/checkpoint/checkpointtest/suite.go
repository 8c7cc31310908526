package checkpointtest

import (
	"testing"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/tensor"
)

// Suite describes a format to Run.
type Suite struct {
	Format checkpoint.Format
	// Options are passed to Format.Write.
	Options checkpoint.WriteOptions
	// Samples are sound files by name, at least one of them not longer than 4 kB.
	Samples map[string][]byte
	// DTypes are the element types that Format.Write can write.
	DTypes []tensor.DType
}

// Run checks everything that the contract of package checkpoint promises.
func Run(t *testing.T, s Suite) {
	t.Run("Match", s.match)
	t.Run("Samples", s.samples)
	t.Run("Truncated", s.truncated)
	t.Run("Extended", s.extended)
	t.Run("Flipped", s.flipped)
	t.Run("Cancelled", s.cancelled)
	t.Run("Select", s.selection)
	t.Run("RoundTrip", s.roundTrip)
	t.Run("Refused", s.refused)
	t.Run("Lazy", s.lazy)
	t.Run("Open", s.open)
}

// smallest returns the shortest sample.
func (s Suite) smallest(t *testing.T) []byte {
	t.Helper()
	var found []byte
	for _, content := range s.Samples {
		if found == nil || len(content) < len(found) {
			found = content
		}
	}
	if len(found) == 0 || len(found) > 4<<10 {
		t.Fatalf("the suite needs a sample of at most 4 kB, and the smallest has %d bytes", len(found))
	}
	return found
}
