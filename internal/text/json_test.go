package text_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/beitzoo/beitzoo/internal/text"
)

type inner struct {
	Name string `json:"name"`
}

func TestJSONError(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		`{"size": "a"}`:               "size is a text, not a whole number",
		`{"size": 1.5}`:               "size is 1.5, not a whole number",
		`{"ratio": true}`:             "ratio is true or false, not a number",
		`{"inner": {"name": []}}`:     "inner.name is a list, not a text",
		`{"inner": 3}`:                "inner is a number, not an object",
		`{"list": {}, "on": false}`:   "list is an object, not a list",
		`{"on": "yes", "ratio": 0.1}`: "on is a text, not true or false",
		`[]`:                          "the document is a list, not an object",
	} {
		var file struct {
			Size  *int    `json:"size"`
			Ratio float64 `json:"ratio"`
			On    bool    `json:"on"`
			List  []int   `json:"list"`
			Inner inner   `json:"inner"`
		}
		err := text.JSONError(json.Unmarshal([]byte(document), &file))
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", document, err, want)
		}
	}
	if other := errors.New("x"); !errors.Is(text.JSONError(other), other) {
		t.Error("another error is not returned as it is")
	}
}
