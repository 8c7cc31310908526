package verify

import (
	"fmt"
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// The codes of remarks. They keep their names; docs/verify.md lists them.
const (
	greyPictures      = "grey-pictures"
	flatPictures      = "flat-pictures"
	samePictures      = "same-pictures"
	noMask            = "no-mask"
	fewTaps           = "few-taps"
	notFinite         = "not-finite"
	storedHalf        = "stored-half"
	storedExactly     = "stored-exactly"
	narrowEpsilon     = "epsilon-float32"
	branchesDiffer    = "branches-differ"
	checkpointsDiffer = "checkpoints-differ"
	keyBias           = "key-bias"
	mislabelled       = "mislabelled"
	otherHalf         = "other-half"
	otherTokens       = "other-tokens"
	tiedTokens        = "tied-tokens"
	tokensApart       = "tokens-apart"
	// SearchBounded says that the search for a reason ended before all was tried.
	SearchBounded = "search-bounded"
)

// remark writes to r what the verdict depends on, and what these inputs and this reference cannot show.
func (v *verification) remark(r *Result) error {
	add := func(code, sentence string, arguments ...any) {
		r.Remarks = append(r.Remarks, Remark{code, fmt.Sprintf(sentence, arguments...)})
	}
	if names := v.subject.KeyBias; len(names) > 0 {
		add(keyBias, "%s %s a bias for the keys, which softmax does not see: it is left out", text.List(names, 3, ""), agree(len(names), "holds", "hold"))
	}
	v.inputs.remark(v.subject.Config, add)
	v.remarkTokens(r, add)
	v.remarkTaps(r, add)
	if err := v.remarkPrecision(r, add); err != nil {
		return err
	}
	if len(v.excused) > 0 {
		add(branchesDiffer, "the branches differ, the stream does not: %s %s by a factor for each channel, which the rest of the block takes back",
			text.List(v.excused, 4, ""), agree(len(v.excused), "differs", "differ"))
	}
	if r.OK && v.reference.weights != nil {
		return v.remarkDifferences(add)
	}
	return nil
}

// remarkTokens says what was not compared of a tokenizer, and which visual tokens differ all the same.
func (v *verification) remarkTokens(r *Result, add func(string, string, ...any)) {
	if v.reference.aside != nil {
		if names := v.reference.aside(v.subject.Config); len(names) > 0 {
			half := "decoder"
			if v.subject.Config.Kind == arch.DVAEDecoder {
				half = "encoder"
			}
			add(otherHalf, "the recording has %s too, of the %s: verify that by itself", text.List(names, 4, ""), half)
		}
	}
	if r.OK && r.Tokens.Differing > 0 {
		add(otherTokens, "%d of %s differ, where the two best are closer than rounding allows", r.Tokens.Differing, text.Count(r.Tokens.Count, "visual token", "visual tokens"))
	}
	if k := r.Tokens; k.Tied > 0 {
		add(tiedTokens, "for %s exactly the same speaks as for the reference's: the model has equal codes or logits there, which no rounding makes",
			text.Count(k.Tied, "visual token that differs", "visual tokens that differ"))
	} else if k.Gap <= k.Allowed && 2*k.Differing > k.Count {
		add(tiedTokens, "%d of %s differ, and rounding decides between the two: the model has no preference", k.Differing, text.Count(k.Count, "visual token", "visual tokens"))
	}
	if v.unfollowed {
		add(tokensApart, "where the engine chose other visual tokens than the reference, what follows from them was compared alone only, from the reference's")
	}
}

// agree returns the form of a verb for that many things.
func agree(count int, one, many string) string {
	if count == 1 {
		return one
	}
	return many
}

// remarkTaps says which side is not finite, and what the reference leaves out.
func (v *verification) remarkTaps(r *Result, add func(string, string, ...any)) {
	for _, m := range v.taps {
		if !m.compared || m.notFinite.subject+m.notFinite.reference == 0 {
			continue
		}
		who := "the model computes NaN or infinity, the reference does not"
		switch {
		case m.notFinite.subject == 0:
			who = "the reference has NaN or infinity, the model does not compute any"
		case m.notFinite.reference > 0:
			who = "both the model and the reference have NaN or infinity"
		}
		add(notFinite, "at %s %s", m.name, who)
		return
	}
	var alone []string
	for _, t := range r.Taps {
		if t.Local == nil {
			alone = append(alone, t.Name)
		}
	}
	stages := len(partsOf(v.subject.Config)) // without the branches of attention, which few record
	switch {
	case v.reference.isOracle():
	case len(r.Taps) == 1 && stages > 1:
		add(fewTaps, "the reference has %s alone: where a fault is cannot be shown, nor a small one", r.Taps[0].Name)
	case len(alone) > 0:
		add(fewTaps, "the reference does not have the stage before %s: a fault there is found in the run of the whole model only, if it is not small", text.List(alone, 4, ""))
	}
}

// remarkPrecision says to which precision the verdict holds, and why.
func (v *verification) remarkPrecision(r *Result, add func(string, string, ...any)) error {
	if v.doubts != nil && v.doubts.narrow {
		add(narrowEpsilon, "the reference keeps the LayerNorm epsilon in float32")
	}
	if v.reference.isOracle() {
		return nil
	}
	half, err := v.halfTensors()
	if len(v.held) > 0 {
		half = append(half, v.roundedInput()...)
	}
	if len(v.held) == 0 { // what was computed is not what the reference had, though nothing shows it
		half = slices.DeleteFunc(half, func(h halfTensor) bool { return h.computed })
	}
	if err != nil || len(half) == 0 {
		return err
	}
	var names []string
	coarsest := half[0].dtype
	for _, h := range half {
		names = append(names, h.name)
		coarsest = coarser(coarsest, h.dtype)
	}
	are := agree(len(names), "is", "are")
	if len(v.held) > 0 {
		add(storedHalf, "%s agree with the reference to the rounding of %s only: %s %s stored in it", text.List(v.held, 4, ""), spelled(r.HoldsTo), text.List(names, 3, ""), are)
	} else if r.OK {
		add(storedExactly, "%s %s stored in %s, and the reference was computed from these very values", text.List(names, 3, ""), are, spelled(coarsest))
	}
	return nil
}

// spelled returns the name of a dtype in a sentence.
func spelled(dtype tensor.DType) string {
	switch dtype {
	case tensor.F64:
		return "float64"
	case tensor.F16:
		return "float16"
	case tensor.BF16:
		return "bfloat16"
	}
	return "float32"
}

// remarkDifferences says in which parameters two checkpoints differ that compute the same.
func (v *verification) remarkDifferences(add func(string, string, ...any)) error {
	names, err := v.differing(func(string) bool { return true })
	if err != nil || len(names) == 0 || len(v.held) > 0 {
		return err
	}
	add(checkpointsDiffer, "the checkpoints differ in %s, and compute the same", text.List(spelledDifferences(names), 4, ""))
	return nil
}

// inputMeter looks at the pixels for what they cannot show.
type inputMeter struct {
	images, grey, flat int
	first              []float32
	// different means that two images differ.
	different, mask bool
	damage          damageMeter
}

// add looks at a batch, of images that begin with the index from.
func (m *inputMeter) add(config arch.Config, from int, input engine.Input) {
	one := config.Channels * config.ImageHeight * config.ImageWidth
	m.damage.addPixels(from, []int{len(input.Pixels) / one, config.Channels, config.ImageHeight, config.ImageWidth}, input.Pixels)
	m.mask = m.mask || input.Mask != nil
	for image := range slices.Chunk(input.Pixels, one) {
		m.images++
		if m.first == nil {
			m.first = slices.Clone(image)
		}
		m.different = m.different || !slices.Equal(m.first, image)
		channels := slices.Collect(slices.Chunk(image, one/config.Channels))
		switch {
		case isFlat(channels):
			m.flat++
		case len(channels) > 1 && isGrey(channels):
			m.grey++
		}
	}
}

// isFlat reports whether each channel has one value throughout.
func isFlat(channels [][]float32) bool {
	for _, channel := range channels {
		for _, v := range channel {
			if v != channel[0] {
				return false
			}
		}
	}
	return true
}

// isGrey reports whether all channels are the same, but for the mean and the deviation with which they are normalised.
func isGrey(channels [][]float32) bool {
	for _, channel := range channels[1:] {
		if correlation(channels[0], channel) < 1-1e-9 {
			return false
		}
	}
	return true
}

func correlation(a, b []float32) float64 {
	var sumA, sumB float64
	for i := range a {
		sumA, sumB = sumA+float64(a[i]), sumB+float64(b[i])
	}
	meanA, meanB := sumA/float64(len(a)), sumB/float64(len(b))
	var ab, aa, bb float64
	for i := range a {
		x, y := float64(a[i])-meanA, float64(b[i])-meanB
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return ab / math.Sqrt(aa) / math.Sqrt(bb)
}

// remark says what the pictures cannot show.
func (m *inputMeter) remark(config arch.Config, add func(string, string, ...any)) {
	if m.images == 0 {
		return // a dVAE's decoder sees none
	}
	switch {
	case m.flat == m.images:
		add(flatPictures, "every picture has one colour throughout: what depends on the place in a picture, or on the weights of a patch one by one, was not tested")
	case m.flat > 0:
		add(flatPictures, "%d of %d pictures have one colour throughout", m.flat, m.images)
	}
	if config.Channels > 1 && m.grey > 0 && m.grey+m.flat == m.images {
		add(greyPictures, "every picture is grey: the order of the channels was not tested")
	}
	if m.images > 1 && !m.different {
		add(samePictures, "all pictures are the same one")
	}
	if config.MaskToken && !m.mask {
		add(noMask, "no patch is masked: mask_token was not tested")
	}
}
