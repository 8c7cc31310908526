package augment

import (
	"image"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/internal/random"
)

// Pipeline says how a picture is changed while a model is trained. What is nil or 0 is left out.
type Pipeline struct {
	// Recipe is that of the model: its Crop is the size of the tensors, and its interpolation, mean, deviation and arithmetic are used. What is no random crop is
	// resized and cropped as it says.
	Recipe card.Recipe
	Crop   *Crop
	// Flip is the probability of mirroring.
	Flip float64
	// Rand and Jitter change colours; timm takes one of them.
	Rand    *RandAugment
	Jitter  *Jitter
	Erasing *Erasing
}

// Usual returns what unilm fine-tunes BEiT with: a random crop, mirroring, rand-m9-mstd0.5-inc1, and erasing.
func Usual(recipe card.Recipe) *Pipeline {
	crop := UsualCrop()
	return &Pipeline{Recipe: recipe, Crop: &crop, Flip: 0.5, Rand: UsualRandAugment(recipe.Mean), Erasing: UsualErasing()}
}

// Jitter changes brightness, contrast and saturation, in a random order, each by a factor from 1 - x to 1 + x, or from 0 if x is above 1, as torchvision's ColorJitter. 0
// leaves one of them as it is. There is no jitter of hues, which unilm does not use.
type Jitter struct{ Brightness, Contrast, Saturation float64 }

// Draw returns the operations for a picture.
func (j *Jitter) Draw(r *random.Stream) []Op {
	all := []struct {
		name string
		most float64
	}{{"Brightness", j.Brightness}, {"Contrast", j.Contrast}, {"Color", j.Saturation}}
	var ops []Op
	for _, i := range r.Permutation(len(all)) {
		if amount := r.Between(max(0, 1-all[i].most), 1+all[i].most); all[i].most > 0 {
			ops = append(ops, Op{all[i].name, amount})
		}
	}
	return ops
}

// The places of streams of random numbers. Each step has its own, so that leaving one out changes no other.
const (
	drawCrop = iota + 1
	drawFlip
	drawRand
	drawJitter
	drawErasing
	drawMix
)

// Picture returns the tensor of a picture for the model, [3, Crop, Crop], which is a function of the seed, the epoch and the number of the picture in the data set. An
// invalid recipe is a *[card.RecipeError].
func (p *Pipeline) Picture(picture *preprocess.RGB8, seed, epoch, index uint64) ([]float32, error) {
	stream := func(step uint64) *random.Stream { return random.New(seed, step, epoch, index) }
	square, err := p.square(picture, stream(drawCrop))
	if err != nil {
		return nil, err
	}
	if stream(drawFlip).Float64() < p.Flip {
		square = Flip(square)
	}
	var warp Warp
	var ops []Op
	if p.Rand != nil {
		warp, ops = p.Rand.Warp, p.Rand.Draw(stream(drawRand))
	}
	if p.Jitter != nil {
		ops = append(ops, p.Jitter.Draw(stream(drawJitter))...)
	}
	for _, op := range ops {
		square = warp.Apply(square, op)
	}
	tensor, err := preprocess.Apply(squashed(p.Recipe), square)
	if err != nil || p.Erasing == nil {
		return tensor, err
	}
	r := stream(drawErasing)
	Erase(tensor, square.Width, square.Height, p.Erasing.Draw(square.Width, square.Height, r), r)
	return tensor, nil
}

// square returns the square that a model is shown, by a random crop or by the recipe.
func (p *Pipeline) square(picture *preprocess.RGB8, r *random.Stream) (*preprocess.RGB8, error) {
	if p.Crop == nil {
		return preprocess.Pixels(p.Recipe, picture)
	}
	part := image.Rect(0, 0, picture.Width, picture.Height)
	if !part.Empty() {
		part = p.Crop.Draw(picture.Width, picture.Height, r)
	}
	return ResizedCrop(picture, part, p.Recipe)
}
