package manifests_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
)

// TestSchema_LimitsAgreeWithProgram tries the smallest and the largest value that the schema allows for each number of an architecture and of a recipe, and
// the values beyond them.
func TestSchema_LimitsAgreeWithProgram(t *testing.T) {
	t.Parallel()
	var schema struct {
		Defs map[string]struct {
			Properties map[string]struct {
				Type             string
				Minimum, Maximum *int
			}
		} `json:"$defs"`
	}
	if err := json.Unmarshal(schemaFile(t), &schema); err != nil {
		t.Fatal(err)
	}
	config, err := arch.ByName("tiny_p16_32")
	if err != nil {
		t.Fatal(err)
	}
	recipe, err := card.RecipeFor("timm", 224)
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := arch.ByName("digits_dvae_decoder")
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]any{"init_dim": decoder} // a field that only such a record has
	for name, record := range map[string]struct {
		valid    any
		problems func(raw []byte) []arch.Problem
	}{
		"config": {config, func(raw []byte) []arch.Problem { return problemsOf[arch.Config](t, raw) }},
		"recipe": {recipe, func(raw []byte) []arch.Problem { return problemsOf[card.Recipe](t, raw) }},
	} {
		tried := 0
		for field, limits := range schema.Defs[name].Properties {
			if limits.Type != "integer" {
				continue
			}
			if limits.Minimum == nil || limits.Maximum == nil {
				t.Errorf("%s.%s has no limits in the schema", name, field)
				continue
			}
			valid := record.valid
			if of[field] != nil {
				valid = of[field]
			}
			for value, want := range map[int]bool{*limits.Minimum - 1: false, *limits.Minimum: true, *limits.Maximum: true, *limits.Maximum + 1: false} {
				tried++
				if got := !slices.ContainsFunc(record.problems(with(t, valid, field, value)), func(p arch.Problem) bool { return outOfRange(p, field) }); got != want {
					t.Errorf("%s.%s: %d is within the limits of the program: %v; of the schema: %v", name, field, value, got, want)
				}
			}
		}
		if tried == 0 {
			t.Errorf("the schema has no numbers for %s", name)
		}
	}
}

// outOfRange reports whether a problem is that the field is beyond a limit, not that it disagrees with another field.
func outOfRange(p arch.Problem, field string) bool {
	return p.Field == field && (strings.Contains(p.Reason, "not between") || strings.Contains(p.Reason, "want"))
}

// with returns a record as JSON, with one field changed.
func with(t *testing.T, record any, field string, value int) []byte {
	t.Helper()
	raw, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]any{}
	if err := json.Unmarshal(raw, &fields); err != nil {
		t.Fatal(err)
	}
	fields[field] = value
	raw, err = json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// problemsOf returns the problems that the validation of a record finds.
func problemsOf[Record interface{ Validate() error }](t *testing.T, raw []byte) []arch.Problem {
	t.Helper()
	var record Record
	if err := json.Unmarshal(raw, &record); err != nil {
		t.Fatal(err)
	}
	var config *arch.ConfigError
	var recipe *card.RecipeError
	switch err := record.Validate(); {
	case errors.As(err, &config):
		return config.Problems
	case errors.As(err, &recipe):
		return recipe.Problems
	}
	return nil
}
