package arch

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// JSON writes the config.json with which transformers' from_pretrained builds the model, epsilon included. Without labels, classes are named
// LABEL_0 and so on, as transformers does. Labels of another number than config.Classes are an error.
func (h HuggingFace) JSON() ([]byte, error) {
	c := h.Config
	if err := c.Validate(); err != nil {
		return nil, err
	}
	file := hfConfig{
		Architectures: []string{c.hfClass()}, HiddenAct: ref("gelu"), HiddenSize: &c.EmbedDim, ImageSize: hfSize(c.ImageHeight, c.ImageWidth),
		IntermediateSize: &c.HiddenDim, LayerNormEps: &c.Epsilon, LayerScale: ref(c.layerScaleInit()), ModelType: "beit", Heads: &c.Heads,
		Channels: ref(3), Layers: &c.Depth, PatchSize: hfSize(c.PatchSize, c.PatchSize), AbsolutePosition: &c.AbsolutePosition,
		MaskToken: &c.MaskToken, MeanPooling: ref(c.Pooling == MeanPooling || c.MaskToken), BlockBias: ref(c.Bias == BlockBias),
		SharedBias: ref(c.Bias == SharedBias), Vocabulary: ref(8192),
	}
	switch {
	case c.MaskToken && c.Classes > 0:
		file.Vocabulary = &c.Classes
	case c.Classes > 0:
		if err := file.name(c.Classes, h.Labels); err != nil {
			return nil, err
		}
	}
	return indented(file)
}

// hfClass is the transformers class that runs such a model.
func (c Config) hfClass() string {
	switch {
	case c.Classes == 0:
		return hfBare
	case c.MaskToken:
		return hfMasked
	}
	return hfClassifier
}

// layerScaleInit only decides that there is a LayerScale; its values come from the weights. The figure is the one of the training recipes.
func (c Config) layerScaleInit() float64 {
	if c.LayerScale {
		return 0.1
	}
	return 0
}

// name fills in the two maps between class index and label. Labels that occur twice, as in ImageNet-22k, get their last index, as in Python.
func (f *hfConfig) name(classes int, labels []string) error {
	if labels != nil && len(labels) != classes {
		return fmt.Errorf("%d labels for %d classes", len(labels), classes)
	}
	names, indices := make(map[string]string, classes), make(map[string]int, classes)
	for i := range classes {
		label := "LABEL_" + strconv.Itoa(i)
		if labels != nil {
			label = labels[i]
		}
		names[strconv.Itoa(i)], indices[label] = label, i
	}
	f.ID2Label, f.Label2ID = &names, indices
	return nil
}

func hfSize(height, width int) json.RawMessage {
	if height == width {
		return json.RawMessage(strconv.Itoa(height))
	}
	return fmt.Appendf(nil, "[%d, %d]", height, width)
}

// HuggingFaceProcessor is what preprocessor_config.json says of evaluation images: resize, maybe crop, scale to [0, 1], normalise.
type HuggingFaceProcessor struct {
	// ResizeHeight and ResizeWidth are in pixels; images are squashed to them.
	ResizeHeight, ResizeWidth int
	// CropHeight and CropWidth cut out the centre; 0 leaves cropping out.
	CropHeight, CropWidth int
	// Resample is Pillow's number of the filter: 2 bilinear, 3 bicubic.
	Resample int
	// Mean and Std are per channel, for pixels in [0, 1].
	Mean, Std [3]float64
}

// JSON writes a preprocessor_config.json that transformers' AutoImageProcessor reads.
func (p HuggingFaceProcessor) JSON() ([]byte, error) {
	type size struct {
		Height int `json:"height"`
		Width  int `json:"width"`
	}
	crop := size{p.CropHeight, p.CropWidth}
	if crop == (size{}) {
		crop = size{p.ResizeHeight, p.ResizeWidth}
	}
	return indented(struct {
		CropSize       size       `json:"crop_size"`
		DoCenterCrop   bool       `json:"do_center_crop"`
		DoNormalize    bool       `json:"do_normalize"`
		DoReduceLabels bool       `json:"do_reduce_labels"`
		DoRescale      bool       `json:"do_rescale"`
		DoResize       bool       `json:"do_resize"`
		Mean           [3]float64 `json:"image_mean"`
		Type           string     `json:"image_processor_type"`
		Std            [3]float64 `json:"image_std"`
		Resample       int        `json:"resample"`
		Factor         float64    `json:"rescale_factor"`
		Size           size       `json:"size"`
	}{
		CropSize: crop, DoCenterCrop: p.CropHeight != 0, DoNormalize: true, DoRescale: true, DoResize: true, Mean: p.Mean,
		Type: "BeitImageProcessor", Std: p.Std, Resample: p.Resample, Factor: 1.0 / 255, Size: size{p.ResizeHeight, p.ResizeWidth},
	})
}

// indented is JSON as transformers lays it out. Keys of maps are sorted, so equal values give equal bytes.
func indented(value any) ([]byte, error) {
	raw, err := json.MarshalIndent(value, "", "  ")
	return append(raw, '\n'), err
}

func ref[T any](value T) *T { return &value }
