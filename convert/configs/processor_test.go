package configs_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/configs"
)

func TestParseProcessor(t *testing.T) {
	t.Parallel()
	hub, err := card.RecipeFor("hf", 224)
	if err != nil {
		t.Fatal(err)
	}
	defaults := hub
	defaults.Interpolation = card.Bicubic
	cropped := hub
	cropped.ResizeTo, cropped.Crop = 256, 224
	fast := hub
	fast.Interpolation, fast.Arithmetic = card.Lanczos, card.Tensors
	odd := hub
	odd.ResizeTo, odd.Crop, odd.Rounding = 231, 224, card.Down
	for _, test := range []struct {
		name string
		data []byte
		want card.Recipe
	}{
		{"hub", readFile(t, "preprocess/processor_hub.json"), hub},
		{"defaults", readFile(t, "preprocess/processor_defaults.json"), defaults},
		{"older form", []byte(`{"size": 224, "resample": 2, "do_center_crop": false, "do_resize": true, "do_normalize": true,
			"feature_extractor_type": "BeitFeatureExtractor", "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}`), hub},
		{"of tensors", []byte(`{"size": 224, "resample": 1, "do_center_crop": false, "image_processor_type": "BeitImageProcessorFast",
			"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}`), fast},
		{"of Pillow", []byte(`{"size": 224, "resample": 2, "do_center_crop": false, "image_processor_type": "BeitImageProcessorPil",
			"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}`), hub},
		{"cropped", []byte(`{"size": 256, "crop_size": {"height": 224, "width": 224}, "resample": 2, "do_center_crop": true,
			"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}`), cropped},
		{"cropped with unequal margins", []byte(`{"size": 231, "crop_size": {"height": 224, "width": 224}, "resample": 2, "do_center_crop": true,
			"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}`), odd},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := configs.ParseProcessor(test.data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("recipe (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseProcessorRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, data, want string }{
		{"no JSON", "size", "invalid character"},
		{"nothing", "{}", "size is missing\ndo_center_crop is missing\nresample is missing\nimage_mean is missing\nimage_std is missing"},
		{"not square", `{"size": {"height": 2, "width": 3}}`, "want one number, an equal height and width, or the shortest edge"},
		{"shortest edge without a crop", `{"size": {"shortest_edge": 224}}`, "images differ in size"},
		{"shortest edge in a processor that squashes", `{"size": {"shortest_edge": 224}, "do_center_crop": true, "crop_size": 224, "image_processor_type": "BeitImageProcessorFast"}`, `which "BeitImageProcessorFast" does not take`},
		{"other filter", `{"resample": 4}`, "resample is none of 1 (Lanczos), 2 (bilinear) and 3 (bicubic)"},
		{"other factor", `{"rescale_factor": 0.5}`, "rescale_factor is not 1/255"},
		{"a processor that nobody knows", `{"size": 224, "resample": 2, "do_center_crop": false, "image_mean": [0, 0, 0], "image_std": [1, 1, 1], "image_processor_type": "MyProc"}`, `"MyProc"`},
		{"a processor that does something else", `{"size": 224, "resample": 2, "do_center_crop": false, "image_mean": [0, 0, 0], "image_std": [1, 1, 1], "feature_extractor_type": "ConvNextFeatureExtractor"}`, `"ConvNextFeatureExtractor"`},
		{"a type that is no name", `{"size": 224, "resample": 2, "do_center_crop": false, "image_mean": [0, 0, 0], "image_std": [1, 1, 1], "image_processor_type": 3}`, `"3"`},
		{"off", `{"do_resize": false, "do_rescale": false, "do_normalize": false}`, "do_resize is false\ndo_rescale is false\ndo_normalize is false"},
		{"negative", `{"size": -1, "resample": 2, "do_center_crop": false, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}`, "resize_to is -1 pixels"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, err := configs.ParseProcessor([]byte(test.data)); !strings.Contains(fmt.Sprint(err), test.want) {
				t.Errorf("error is %v, want %s", err, test.want)
			}
		})
	}
}

func TestProcessor(t *testing.T) {
	t.Parallel()
	raw, err := configs.Processor(card.Recipe{
		Resize: card.Squash, ResizeTo: 256, Crop: 224, Interpolation: card.Bicubic, Mean: [3]float64{0.5, 0.5, 0.5}, Std: [3]float64{0.5, 0.5, 0.5},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"crop_size": map[string]any{"height": 224.0, "width": 224.0}, "size": map[string]any{"height": 256.0, "width": 256.0},
		"do_center_crop": true, "do_normalize": true, "do_reduce_labels": false, "do_rescale": true, "do_resize": true,
		"image_mean": []any{0.5, 0.5, 0.5}, "image_std": []any{0.5, 0.5, 0.5}, "image_processor_type": "BeitImageProcessor",
		"resample": 3.0, "rescale_factor": 1.0 / 255,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestProcessorThereAndBack(t *testing.T) {
	t.Parallel()
	for _, want := range []card.Recipe{
		{Resize: card.Squash, ResizeTo: 224, Crop: 224, Interpolation: card.Bilinear, Std: [3]float64{1, 1, 1}},
		{Resize: card.ShorterEdge, ResizeTo: 224, Crop: 224, Interpolation: card.Bilinear, Std: [3]float64{1, 1, 1}},
		{Resize: card.ShorterEdge, ResizeTo: 256, Crop: 224, Interpolation: card.Bicubic, Mean: [3]float64{0.485, 0.456, 0.406}, Std: [3]float64{0.229, 0.224, 0.225}},
		{Resize: card.Squash, ResizeTo: 256, Crop: 224, Interpolation: card.Bicubic, Mean: [3]float64{0.485, 0.456, 0.406}, Std: [3]float64{0.229, 0.224, 0.225}},
		{Resize: card.Squash, ResizeTo: 224, Crop: 224, Interpolation: card.Lanczos, Arithmetic: card.Tensors, Std: [3]float64{1, 1, 1}},
		{Resize: card.ShorterEdge, ResizeTo: 256, Crop: 224, Interpolation: card.Bicubic, Arithmetic: card.Tensors, Std: [3]float64{1, 1, 1}},
	} {
		raw, err := configs.Processor(want)
		if err != nil {
			t.Fatal(err)
		}
		if want.RoundingMatters() {
			want.Rounding = card.Down // transformers knows no other
		}
		if got, err := configs.ParseProcessor(raw); err != nil || got != want {
			t.Errorf("%+v came back as %+v, %v", want, got, err)
		}
	}
	if _, err := configs.Processor(card.Recipe{}); err == nil {
		t.Error("a recipe without fields was written")
	}
}
