package convert

import "encoding/json"

// hasModelType tells whether a config.json is one of transformers.
func hasModelType(raw []byte) bool {
	var config struct {
		ModelType *string `json:"model_type"`
	}
	return json.Unmarshal(raw, &config) == nil && config.ModelType != nil
}
