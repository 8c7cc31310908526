package report

import (
	"encoding/json"
	"io"

	"github.com/beitzoo/beitzoo/internal/jsonfloat"
	"github.com/beitzoo/beitzoo/verify"
)

// Document is a result as JSON. Fields keep their names and meanings; later versions may add fields. Numbers that are not finite are the strings "NaN",
// "Infinity" and "-Infinity".
type Document struct {
	OK           bool   `json:"ok"`
	Model        string `json:"model"`
	Architecture string `json:"architecture"`
	Engine       string `json:"engine"`
	Device       string `json:"device"`
	// DType is the dtype that the model was run in, by its name in safetensors, such as "F32".
	DType     string `json:"dtype"`
	Reference string `json:"reference"`
	Images    int    `json:"images"`
	// MaxAbs, MaxRel and Tolerance are those of the last tap.
	MaxAbs    jsonfloat.Number `json:"max_abs"`
	MaxRel    jsonfloat.Number `json:"max_rel"`
	Tolerance jsonfloat.Number `json:"tolerance"`
	// ToleranceDType is the dtype whose rounding noise was measured; tolerances are ToleranceMultiple times the noise.
	ToleranceDType    string  `json:"tolerance_dtype"`
	ToleranceMultiple float64 `json:"tolerance_multiple"`
	// Top1Agree and Top5Agree are between 0 and 1, or null if logits were not compared.
	Top1Agree       *float64 `json:"top1_agree"`
	Top5Agree       *float64 `json:"top5_agree"`
	FirstDivergence string   `json:"first_divergence"`
	Blame           string   `json:"blame"`
	// Hint is that of Options.
	Hint string `json:"hint"`
	Taps []Tap  `json:"taps"`
}

// Tap is one activation.
type Tap struct {
	Name      string           `json:"name"`
	Shape     []int            `json:"shape"`
	OK        bool             `json:"ok"`
	MaxAbs    jsonfloat.Number `json:"max_abs"`
	MaxRel    jsonfloat.Number `json:"max_rel"`
	Mean      jsonfloat.Number `json:"mean_abs"`
	RMS       jsonfloat.Number `json:"rms"`
	Cosine    jsonfloat.Number `json:"cosine"`
	Noise     jsonfloat.Number `json:"noise"`
	Tolerance jsonfloat.Number `json:"tolerance"`
	NonFinite int              `json:"non_finite"`
}

// New returns the document of a result, without a hint.
func New(r *verify.Result) Document {
	d := Document{
		OK: r.OK, Model: r.Model, Architecture: r.Architecture, Engine: r.Engine, Device: r.Device, DType: r.DType.String(), Reference: r.Reference,
		Images: r.Images, MaxAbs: jsonfloat.Number(r.MaxAbs), MaxRel: jsonfloat.Number(r.MaxRel), Tolerance: jsonfloat.Number(r.Tolerance),
		ToleranceDType: r.Precision.DType.String(), ToleranceMultiple: r.Precision.Multiple,
		FirstDivergence: r.FirstDivergence, Blame: r.Blame,
	}
	if a := r.Agreement; a.Rows > 0 {
		top1, top5 := a.Share(a.Top1), a.Share(a.Top5)
		d.Top1Agree, d.Top5Agree = &top1, &top5
	}
	for _, t := range r.Taps {
		d.Taps = append(d.Taps, Tap{
			Name: t.Name, Shape: t.Shape, OK: t.OK, MaxAbs: jsonfloat.Number(t.MaxAbs), MaxRel: jsonfloat.Number(t.MaxRel), Mean: jsonfloat.Number(t.Mean), RMS: jsonfloat.Number(t.RMS),
			Cosine: jsonfloat.Number(t.Cosine), Noise: jsonfloat.Number(t.Noise), Tolerance: jsonfloat.Number(t.Tolerance), NonFinite: t.NonFinite,
		})
	}
	return d
}

// JSON writes the document of a result as one line. It always has all taps, whatever options.All is.
func JSON(w io.Writer, r *verify.Result, options Options) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	document := New(r)
	document.Hint = options.Hint
	return encoder.Encode(document)
}
