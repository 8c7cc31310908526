package text_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
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

func TestCheckFields(t *testing.T) {
	t.Parallel()
	type embedded struct {
		Index int `json:"index"`
	}
	type record struct {
		embedded
		Index *int    `json:"index"`
		Loss  float64 `json:"loss,omitempty"`
		Note  string  `json:"-"`
		Plain bool
	}
	fields := text.Fields[record]()
	if !slices.Equal(slices.Sorted(slices.Values(fields)), []string{"index", "loss"}) {
		t.Error(fields)
	}
	for object, want := range map[string]string{
		`{"index": 1, "loss": {"Index": 2}, "other": 3, "Other": 4}`: "",
		`null`:                         "",
		`{"index": 1, "Index": 2}`:     `there is no key "Index": did you mean index?`,
		`{"LOSS": 2}`:                  `there is no key "LOSS": did you mean loss?`,
		`{"lo\u017fs": 2}`:             `did you mean loss?`, // which folds to an s
		`{"a": [1, {"a": 2}], "a": 3}`: `the key "a" stands twice`,
	} {
		if err := text.CheckFields([]byte(object), fields...); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", object, err, want)
		}
	}
}
