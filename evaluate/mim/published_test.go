package mim_test

import (
	"math"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/evaluate/mim"
)

func TestResult_Compare(t *testing.T) {
	t.Parallel()
	result := func(accuracy, standardError float64) mim.Result {
		return mim.Result{Images: 20, Score: mim.Score{Masked: 1500, Accuracy: accuracy, StandardError: standardError}}
	}
	few := result(0.05, 0.01)
	few.Masked = 49
	for name, test := range map[string]struct {
		result   mim.Result
		percent  float64
		rounding float64
		agrees   bool
		apart    float64
		reason   string
	}{
		"within":               {result(0.05, 0.0056), 4, 0, true, 1 / 0.56, ""},
		"above":                {result(0.06, 0.005), 5, 0, false, 2, ""},
		"below":                {result(0.04, 0.005), 5, 0, false, -2, ""},
		"about, within it":     {result(0.164, 0.0001), 16, 0.5, true, 0, ""},
		"about, beyond it":     {result(0.17, 0.001), 16, 0.5, false, 5, ""},
		"about, just below":    {result(0.153, 0.002), 16, 0.5, true, -1, ""},
		"few patches":          {few, 5, 0, false, 0, "too few"},
		"all pictures alike":   {result(0.06, 0), 5, 0, false, 0, "no standard error"},
		"the very same figure": {result(0.06, 0), 6, 0, true, 0, ""},
	} {
		got := test.result.Compare([]mim.Published{{Origin: "o", Percent: test.percent, Rounding: test.rounding}})
		if len(got) != 1 || got[0].Origin != "o" {
			t.Fatalf("%s: %+v", name, got)
		}
		c := got[0]
		if c.Agrees != test.agrees || math.Abs(c.StandardErrors-test.apart) > 1e-9 || !strings.Contains(c.NotCompared, test.reason) || test.reason == "" != (c.NotCompared == "") {
			t.Errorf("%s: %+v", name, c)
		}
	}
}
