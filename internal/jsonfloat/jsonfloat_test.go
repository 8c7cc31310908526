package jsonfloat_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/beitzoo/beitzoo/internal/jsonfloat"
)

func TestNumber(t *testing.T) {
	t.Parallel()
	numbers := []jsonfloat.Number{1.5, 1e-7, jsonfloat.Number(math.NaN()), jsonfloat.Number(math.Inf(1)), jsonfloat.Number(math.Inf(-1))}
	got, err := json.Marshal(numbers)
	if want := `[1.5,1e-7,"NaN","Infinity","-Infinity"]`; err != nil || string(got) != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
}
