package configs_test

import (
	"fmt"

	"github.com/beitzoo/beitzoo/convert/configs"
)

func ExampleParseTransformers() {
	known, err := configs.ParseTransformers([]byte(`{
		"model_type": "beit", "architectures": ["BeitForImageClassification"], "use_relative_position_bias": true,
		"id2label": {"0": "cat", "1": "dog"}
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(known.Config.EmbedDim, known.Config.Epsilon, known.Labels)
	// Output: 768 1e-12 [cat dog]
}
