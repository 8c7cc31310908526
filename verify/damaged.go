package verify

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/verify/blame"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// damagedReference is the hypothesis that a reference is not finite where the model computes finite numbers.
const damagedReference = "damaged"

// damageMeter counts the values of a reference that are NaN or infinity though the model does not compute any there.
type damageMeter struct {
	count  int
	images map[int]bool
	// element is the index of the last one.
	element []int
}

// add looks at one activation, or at pixels, of images that begin with the index from. expected has what the model computes, or is nil.
func (m *damageMeter) add(from int, shape []int, values, expected []float64) {
	one := len(values) / max(1, shape[0])
	for i, v := range values {
		if drift.Finite(v) || expected != nil && !drift.Finite(expected[i]) {
			continue
		}
		if m.images == nil {
			m.images = map[int]bool{}
		}
		m.count++
		m.images[from+i/one] = true
		m.element = []int{from + i/one}
		rest, size := i%one, one
		for _, n := range shape[1:] {
			size /= n
			m.element = append(m.element, rest/size)
			rest %= size
		}
	}
}

// addPixels looks at the pixels of images that begin with the index from.
func (m *damageMeter) addPixels(from int, shape []int, pixels []float32) {
	bad := func(v float32) bool { return !drift.Finite(float64(v)) }
	if !slices.ContainsFunc(pixels, bad) {
		return
	}
	values := make([]float64, len(pixels))
	for i, v := range pixels {
		values[i] = float64(v)
	}
	m.add(from, shape, values, nil)
}

// place returns where the values are.
func (m *damageMeter) place() blame.Place {
	place := blame.Place{Images: slices.Sorted(maps.Keys(m.images))}
	if m.count == 1 {
		place.Element = m.element
	}
	return place
}

// damaged returns a finding for each tensor of the reference that is damaged by itself: not finite in an image in which nothing before it is damaged. Another
// checkpoint computes what its weights say, so its weights are compared.
func (v *verification) damaged() (found []blame.Finding) {
	if v.reference.weights != nil {
		return nil
	}
	finding := func(stage, what, remedy string, m *damageMeter) {
		found = append(found, blame.Finding{
			Stage: stage, Hypothesis: damagedReference, Side: blame.Recording, Where: m.place(), Distance: math.Inf(1), Without: math.Inf(1),
			Sentence: fmt.Sprintf("%s of the reference holds %s that %s NaN or infinity, in %s: %s",
				what, text.Count(m.count, "value", "values"), agree(m.count, "is", "are"), imagesText(m.images), remedy),
			Advice: "record again",
		})
	}
	if m := &v.inputs.damage; m.count > 0 {
		finding(engine.Stage{Kind: engine.Embed}.String(), inputTensor, "no model computes anything from that", m)
	}
	var before map[int]bool
	for _, m := range v.taps {
		if !m.compared {
			continue
		}
		for image := range m.damage.images {
			if !before[image] {
				finding(m.name, m.name, "the model computes finite numbers there, so the recording is damaged, or its program overflowed", &m.damage)
				break
			}
		}
		before = m.damage.images
	}
	return found
}

// inputTensor is the name of the pixels in recordings.
const inputTensor = "input"

// imagesText names images: "image 2".
func imagesText(images map[int]bool) string {
	var names []string
	for _, image := range slices.Sorted(maps.Keys(images)) {
		names = append(names, fmt.Sprint(image))
	}
	return agree(len(names), "image ", "images ") + text.List(names, 6, "")
}

// undamaged returns the taps in which the reference is finite, so that it can be told why they differ.
func (v *verification) undamaged(suspects []Tap) []Tap {
	finite := map[string]bool{}
	for _, m := range v.taps {
		finite[m.name] = m.damage.count == 0 && (v.inputs.damage.count == 0 || m.name != engine.Stage{Kind: engine.Embed}.String())
	}
	return slices.DeleteFunc(slices.Clone(suspects), func(t Tap) bool { return !finite[t.Name] })
}
