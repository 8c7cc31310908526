package naming

import (
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A map states everything that a scheme and its rows are made of. Who adds a field adds it to the form, too, or here with the reason why not.
func TestMap_StatesEveryField(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what reflect.Type
		want []string
	}{
		{reflect.TypeFor[Scheme](), []string{
			"Name", "Program", "Format", "Key", "UPerNetKey", "Recipe", "Epsilon", "Folder", "ModelType", "RegressionNote", "Wrappers", "MaskedNote", "TableNote", "PositionNote", "EpsilonNote", "zeroPosition",
			"rows", "transposed", "prefix", "bare", "blockIndex", "sharedIndex", "writesIndex", "ignored",
			"file", "statesEpsilon", "doubts", // say that it is a map
			"once", "compiled", "heads", "headsLine", // follow from the others
		}},
		{reflect.TypeFor[row](), []string{"canonical", "foreign", "operation", "readOnly", "pooling", "branch", "wrapper", "kind", "by", "laidOut", "line"}},
		{reflect.TypeFor[reason](), []string{"prefix", "why"}},
		{reflect.TypeFor[Wrapper](), []string{"Name", "Masked", "Kind"}},
	} {
		var got []string
		for i := range c.what.NumField() {
			got = append(got, c.what.Field(i).Name)
		}
		slices.Sort(got)
		slices.Sort(c.want)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("the fields of %s are not those that a map states: %s", c.what, diff)
		}
	}
	for _, s := range schemes {
		for _, r := range s.rows {
			if _, known := stepsOf[r.operation.Name]; !known {
				t.Errorf("%s: maps have no word for the operation %q of the row for %v", s.Name, r.operation.Name, r.canonical)
			}
		}
	}
}
