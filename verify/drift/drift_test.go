package drift_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/beitzoo/beitzoo/verify/drift"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name      string
		got, want []float64
		distance  drift.Distance
	}{
		{"equal", []float64{1, -2}, []float64{1, -2}, drift.Distance{Largest: 2, Cosine: 1}},
		{"empty", nil, nil, drift.Distance{Cosine: 1}},
		{"zero", []float64{0, 0}, []float64{0, 0}, drift.Distance{Cosine: 1}},
		{"apart", []float64{3, 4}, []float64{3, 0}, drift.Distance{MaxAbs: 4, At: 1, Largest: 3, MaxRel: 4. / 3, Mean: 2, RMS: math.Sqrt(8), Cosine: 0.6}},
		{"opposite", []float64{-1}, []float64{1}, drift.Distance{MaxAbs: 2, Largest: 1, MaxRel: 2, Mean: 2, RMS: 2, Cosine: -1}},
		{"wanted zero", []float64{1}, []float64{0}, drift.Distance{MaxAbs: 1, MaxRel: inf, Mean: 1, RMS: 1}},
		{"NaN in got", []float64{5, nan}, []float64{1, 1}, drift.Distance{MaxAbs: inf, At: 1, Largest: 1, MaxRel: inf, Mean: inf, RMS: inf, NonFinite: 1}},
		{"NaN in want", []float64{1, 1, 9}, []float64{nan, nan, 1}, drift.Distance{MaxAbs: inf, Largest: 1, MaxRel: inf, Mean: inf, RMS: inf, NonFinite: 2}},
		{"NaN in both", []float64{nan}, []float64{nan}, drift.Distance{MaxAbs: inf, MaxRel: inf, Mean: inf, RMS: inf, NonFinite: 1}},
		{"same infinity", []float64{inf}, []float64{inf}, drift.Distance{MaxAbs: inf, MaxRel: inf, Mean: inf, RMS: inf, NonFinite: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.distance, drift.Compare(c.got, c.want), cmpopts.EquateApprox(1e-15, 0)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMeter_PiecesEqualWhole(t *testing.T) {
	t.Parallel()
	got, want := []float64{1, 2, 3, 4, 5}, []float64{1, 2.5, 3, 2, 5}
	var m drift.Meter
	m.Add(got[:2], want[:2])
	m.Add(got[2:], want[2:])
	if diff := cmp.Diff(drift.Compare(got, want), m.Distance()); diff != "" {
		t.Error(diff)
	}
}

func TestAgree(t *testing.T) {
	t.Parallel()
	want := []float64{
		7, 6, 5, 4, 3, 2,
		7, 6, 5, 4, 3, 2,
		7, 6, 5, 4, 3, 2,
		7, 6, 5, 4, 3, 2,
	}
	got := []float64{
		7, 6, 5, 4, 3, 2,
		6, 7, 5, 4, 3, 2, // another first, the same five
		7, 6, 5, 4, 2, 3, // the same first, another fifth
		7, 6, 5, 4, 3, math.NaN(),
	}
	if diff := cmp.Diff(drift.Agreement{Rows: 4, Top1: 2, Top5: 2}, drift.Agree(got, want, 6)); diff != "" {
		t.Error(diff)
	}
	few := drift.Agree([]float64{1, 2}, []float64{2, 1}, 2)
	if diff := cmp.Diff(drift.Agreement{Rows: 1, Top5: 1}, few); diff != "" {
		t.Error(diff)
	}
}
