package report

import (
	"encoding/json"
	"io"
	"reflect"

	"github.com/beitzoo/beitzoo/internal/jsonfloat"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/blame"
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
	Top1Agree *float64 `json:"top1_agree"`
	Top5Agree *float64 `json:"top5_agree"`
	// Tokens is about visual tokens; it is left out if they were not compared.
	Tokens          *Tokens `json:"tokens,omitempty"`
	FirstDivergence string  `json:"first_divergence"`
	Blame           string  `json:"blame"`
	// Hint is that of Options.
	Hint string `json:"hint"`
	// HoldsTo is the dtype to whose rounding the verdict holds.
	HoldsTo  string    `json:"holds_to"`
	Findings []Finding `json:"findings"`
	Remarks  []Remark  `json:"remarks"`
	Taps     []Tap     `json:"taps"`
	Samples  []Sample  `json:"samples"`
}

// Tokens says how the visual tokens of both sides compare. Margin is the smallest difference between the best and the second best in what they are chosen by: the
// logits of a dVAE, the squares of the distances to the codes of VQ-KD. Gap is the largest between two that were chosen in the same place, and Allowed the largest that
// rounding explains.
type Tokens struct {
	Count     int              `json:"count"`
	Differing int              `json:"differing"`
	Margin    jsonfloat.Number `json:"margin"`
	Gap       jsonfloat.Number `json:"gap"`
	Allowed   jsonfloat.Number `json:"allowed"`
	// Tied is the number of those that differ for which exactly the same speaks, and Unchosen that of tokens that are none, or are chosen by values that are not finite.
	Tied     int `json:"tied"`
	Unchosen int `json:"unchosen"`
}

// Sample is one of the images, and what both sides take it for. Got (the model's) and Want (the reference's) have at most five classes, the most probable
// first; they are empty if the logits of images were not compared, or are not finite.
type Sample struct {
	Image int     `json:"image"`
	Got   []Score `json:"got"`
	Want  []Score `json:"want"`
}

// Score is a class, its logit, and its share in the softmax over all classes.
type Score struct {
	Class       int              `json:"class"`
	Label       string           `json:"label,omitempty"`
	Logit       jsonfloat.Number `json:"logit"`
	Probability jsonfloat.Number `json:"probability"`
}

// Finding is one reason of a divergence. Before and After are the largest absolute differences from the reference at the stage, as it is and with the repair.
type Finding struct {
	// Stage is the name of the tap at which it shows first, or "model" if it is in every block, or was found in computations of the whole model.
	Stage string `json:"stage"`
	// Stages are all stages that it concerns, or "model".
	Stages     []string         `json:"stages"`
	Hypothesis string           `json:"hypothesis"`
	Side       string           `json:"side"`
	Tensors    []string         `json:"tensors"`
	Where      *Place           `json:"where,omitempty"`
	Sentence   string           `json:"sentence"`
	Advice     string           `json:"advice,omitempty"`
	Before     jsonfloat.Number `json:"before"`
	After      jsonfloat.Number `json:"after"`
	Tolerance  jsonfloat.Number `json:"tolerance"`
	// Repair has a line for each parameter that is restored: "blocks.1.attn.proj.weight: transpose".
	Repair []string `json:"repair"`
}

// Place says where something is, by indices.
type Place struct {
	Images   []int `json:"images,omitempty"`
	Tokens   []int `json:"tokens,omitempty"`
	Heads    []int `json:"heads,omitempty"`
	Channels []int `json:"channels,omitempty"`
	Classes  []int `json:"classes,omitempty"`
	Element  []int `json:"element,omitempty"`
}

// Remark is something that a reader of a verdict should know.
type Remark struct {
	Code     string `json:"code"`
	Sentence string `json:"sentence"`
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
	// Excused means that the tap is outside of its tolerance, and that this changes nothing.
	Excused bool `json:"excused,omitempty"`
	// Local is the stage alone, computed from the reference's own activation before it, or null if the reference does not have that.
	Local *Local `json:"local"`
	Where *Place `json:"where,omitempty"`
}

// Local is the comparison of one stage alone.
type Local struct {
	OK        bool             `json:"ok"`
	MaxAbs    jsonfloat.Number `json:"max_abs"`
	RMS       jsonfloat.Number `json:"rms"`
	Noise     jsonfloat.Number `json:"noise"`
	Tolerance jsonfloat.Number `json:"tolerance"`
	// Share is the largest figure divided by its limit: of all values, of a channel, of a token, of a value. Up to 1 it is rounding.
	Share jsonfloat.Number `json:"share"`
}

// New returns the document of a result. It always has all taps, whatever options.All is.
func New(r *verify.Result, options Options) Document {
	d := Document{
		OK: r.OK, Model: r.Model, Architecture: r.Architecture, Engine: r.Engine, Device: r.Device, DType: r.DType.String(), Reference: r.Reference,
		Images: r.Images, MaxAbs: jsonfloat.Number(r.MaxAbs), MaxRel: jsonfloat.Number(r.MaxRel), Tolerance: jsonfloat.Number(r.Tolerance),
		ToleranceDType: r.Precision.DType.String(), ToleranceMultiple: r.Precision.Multiple,
		FirstDivergence: r.FirstDivergence, Blame: r.Blame, HoldsTo: r.HoldsTo.String(), Findings: []Finding{}, Remarks: []Remark{},
		Hint: options.Hint, Samples: []Sample{},
	}
	if a := r.Agreement; a.Rows > 0 {
		top1, top5 := a.Share(a.Top1), a.Share(a.Top5)
		d.Top1Agree, d.Top5Agree = &top1, &top5
	}
	if t := r.Tokens; t.Count > 0 {
		d.Tokens = &Tokens{t.Count, t.Differing, jsonfloat.Number(t.Margin), jsonfloat.Number(t.Gap), jsonfloat.Number(t.Allowed), t.Tied, t.Unchosen}
	}
	for _, f := range r.Findings {
		d.Findings = append(d.Findings, findingOf(f))
	}
	for _, remark := range r.Remarks {
		d.Remarks = append(d.Remarks, Remark(remark))
	}
	for _, t := range r.Taps {
		d.Taps = append(d.Taps, tapOf(t))
	}
	for _, s := range r.Samples {
		d.Samples = append(d.Samples, Sample{Image: s.Image, Got: scoresOf(s.Got, options.Labels), Want: scoresOf(s.Want, options.Labels)})
	}
	return d
}

func scoresOf(scores []verify.Score, labels []string) []Score {
	all := make([]Score, len(scores))
	for i, s := range scores {
		all[i] = Score{Class: s.Class, Label: labelOf(s.Class, labels), Logit: jsonfloat.Number(s.Logit), Probability: jsonfloat.Number(s.Probability)}
	}
	return all
}

// labelOf returns the name of a class, or "" if it has none.
func labelOf(class int, labels []string) string {
	if class >= len(labels) {
		return ""
	}
	return labels[class]
}

func findingOf(f blame.Finding) Finding {
	found := Finding{
		Stage: f.Stage, Stages: append([]string{}, f.Stages...), Hypothesis: f.Hypothesis, Side: string(f.Side), Tensors: append([]string{}, f.Tensors...), Where: placeOf(f.Where),
		Sentence: f.Sentence,
		Advice:   f.Advice, Before: jsonfloat.Number(f.Without), After: jsonfloat.Number(f.Distance), Tolerance: jsonfloat.Number(f.Tolerance), Repair: []string{},
	}
	for _, edit := range f.Edits {
		found.Repair = append(found.Repair, edit.Tensor+": "+edit.Says)
	}
	return found
}

// placeOf returns nil for a place that is everywhere.
func placeOf(p blame.Place) *Place {
	if reflect.ValueOf(p).IsZero() {
		return nil
	}
	place := Place(p)
	return &place
}

func tapOf(t verify.Tap) Tap {
	tap := Tap{
		Name: t.Name, Shape: t.Shape, OK: t.OK, MaxAbs: jsonfloat.Number(t.MaxAbs), MaxRel: jsonfloat.Number(t.MaxRel), Mean: jsonfloat.Number(t.Mean),
		RMS: jsonfloat.Number(t.RMS), Cosine: jsonfloat.Number(t.Cosine), Noise: jsonfloat.Number(t.Noise), Tolerance: jsonfloat.Number(t.Tolerance),
		NonFinite: t.NonFinite, Excused: t.Excused, Where: placeOf(t.Where),
	}
	if l := t.Local; l != nil {
		tap.Local = &Local{
			OK: l.OK, MaxAbs: jsonfloat.Number(l.MaxAbs), RMS: jsonfloat.Number(l.RMS), Noise: jsonfloat.Number(l.Noise), Tolerance: jsonfloat.Number(l.Tolerance),
			Share: jsonfloat.Number(l.Share),
		}
	}
	return tap
}

// JSON writes the document of a result as one line.
func JSON(w io.Writer, r *verify.Result, options Options) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(New(r, options))
}
