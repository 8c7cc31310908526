package preprocess

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseProcessorConfig(t *testing.T) {
	t.Parallel()
	hub, err := RecipeFor("hf", 224)
	if err != nil {
		t.Fatal(err)
	}
	defaults := hub
	defaults.Interpolation = Bicubic
	cropped := hub
	cropped.ResizeTo, cropped.Crop = 256, 224
	for _, test := range []struct {
		name string
		data []byte
		want Recipe
	}{
		{"hub", read(t, "processor_hub.json"), hub},
		{"defaults", read(t, "processor_defaults.json"), defaults},
		{"older form", []byte(`{"size": 224, "resample": 2, "do_center_crop": false, "do_resize": true, "do_normalize": true,
			"feature_extractor_type": "BeitFeatureExtractor", "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}`), hub},
		{"cropped", []byte(`{"size": 256, "crop_size": {"height": 224, "width": 224}, "resample": 2, "do_center_crop": true,
			"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}`), cropped},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseProcessorConfig(test.data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("recipe (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseProcessorConfigRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, data, want string }{
		{"no JSON", "size", "invalid character"},
		{"nothing", "{}", "size is missing\ndo_center_crop is missing\nresample is missing\nimage_mean is missing\nimage_std is missing"},
		{"not square", `{"size": {"height": 2, "width": 3}}`, "want one number, or an equal height and width"},
		{"shortest edge", `{"size": {"shortest_edge": 224}}`, "want one number, or an equal height and width"},
		{"other filter", `{"resample": 1}`, "resample is neither 2 (bilinear) nor 3 (bicubic)"},
		{"other factor", `{"rescale_factor": 0.5}`, "rescale_factor is not 1/255"},
		{"off", `{"do_resize": false, "do_rescale": false, "do_normalize": false}`, "do_resize is false\ndo_rescale is false\ndo_normalize is false"},
		{"negative", `{"size": -1, "resample": 2, "do_center_crop": false, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}`, "resize_to is -1 pixels"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, err := ParseProcessorConfig([]byte(test.data)); !strings.Contains(fmt.Sprint(err), test.want) {
				t.Errorf("error is %v, want %s", err, test.want)
			}
		})
	}
}
