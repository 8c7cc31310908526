package report

import (
	"encoding/json"
	"io"
	"math"

	"github.com/beitzoo/beitzoo/verify"
)

// Document is a result as JSON. Its fields do not change their meaning.
type Document struct {
	OK           bool   `json:"ok"`
	Model        string `json:"model"`
	Architecture string `json:"architecture"`
	Engine       string `json:"engine"`
	Device       string `json:"device"`
	// DType is what the model was run in, in safetensors' words: "F32".
	DType     string `json:"dtype"`
	Reference string `json:"reference"`
	Images    int    `json:"images"`
	// MaxAbs, MaxRel and Tolerance are those of the last tap.
	MaxAbs    Number `json:"max_abs"`
	MaxRel    Number `json:"max_rel"`
	Tolerance Number `json:"tolerance"`
	// ToleranceDType and ToleranceMultiple say whose measured rounding noise, and how many times, the tolerances are.
	ToleranceDType    string  `json:"tolerance_dtype"`
	ToleranceMultiple float64 `json:"tolerance_multiple"`
	// Top1Agree and Top5Agree are shares, null where logits were not compared.
	Top1Agree       *float64 `json:"top1_agree"`
	Top5Agree       *float64 `json:"top5_agree"`
	FirstDivergence string   `json:"first_divergence"`
	Blame           string   `json:"blame"`
	Hint            string   `json:"hint"`
	Taps            []Tap    `json:"taps"`
}

// Tap is one activation.
type Tap struct {
	Name      string `json:"name"`
	Shape     []int  `json:"shape"`
	OK        bool   `json:"ok"`
	MaxAbs    Number `json:"max_abs"`
	MaxRel    Number `json:"max_rel"`
	Mean      Number `json:"mean_abs"`
	RMS       Number `json:"rms"`
	Cosine    Number `json:"cosine"`
	Noise     Number `json:"noise"`
	Tolerance Number `json:"tolerance"`
	NonFinite int    `json:"non_finite"`
}

// Number is a float64 that JSON writes as null where it is not finite.
type Number float64

// MarshalJSON writes null for NaN and infinity, which JSON does not have.
func (n Number) MarshalJSON() ([]byte, error) {
	if v := float64(n); !math.IsNaN(v) && !math.IsInf(v, 0) {
		return json.Marshal(v)
	}
	return []byte("null"), nil
}

// New makes the document of a result.
func New(r *verify.Result) Document {
	d := Document{
		OK: r.OK, Model: r.Model, Architecture: r.Architecture, Engine: r.Engine, Device: r.Device, DType: r.DType.String(), Reference: r.Reference,
		Images: r.Images, MaxAbs: Number(r.MaxAbs), MaxRel: Number(r.MaxRel), Tolerance: Number(r.Tolerance),
		ToleranceDType: r.Precision.DType.String(), ToleranceMultiple: r.Precision.Multiple,
		FirstDivergence: r.FirstDivergence, Blame: r.Blame, Hint: r.Advice,
	}
	if a := r.Agreement; a.Rows > 0 {
		top1, top5 := a.Share(a.Top1), a.Share(a.Top5)
		d.Top1Agree, d.Top5Agree = &top1, &top5
	}
	for _, t := range r.Taps {
		d.Taps = append(d.Taps, Tap{
			Name: t.Name, Shape: t.Shape, OK: t.OK, MaxAbs: Number(t.MaxAbs), MaxRel: Number(t.MaxRel), Mean: Number(t.Mean), RMS: Number(t.RMS),
			Cosine: Number(t.Cosine), Noise: Number(t.Noise), Tolerance: Number(t.Tolerance), NonFinite: t.NonFinite,
		})
	}
	return d
}

// JSON writes the document as one line.
func JSON(w io.Writer, r *verify.Result) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(New(r))
}
