package manifest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/zoo/manifest"
)

// FuzzParse wants every file to be refused with a typed error, or read to a manifest that can be written and read back without a change.
func FuzzParse(f *testing.F) {
	f.Add([]byte(tiny(f)))
	f.Add([]byte("id: [{}, {}]\ntitle: |\n  a\n"))
	f.Add([]byte("config: {depth: 1e9}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		start := time.Now()
		document, err := manifest.Parse("m.yaml", raw)
		if spent := time.Since(start); spent > 5*time.Second {
			t.Fatalf("%d bytes took %s", len(raw), spent)
		}
		if err != nil {
			var typed *manifest.Error
			if !errors.As(err, &typed) || len(typed.Problems) == 0 {
				t.Fatalf("error is %v", err)
			}
			return
		}
		if err := document.Validate(known); err != nil {
			return
		}
		encoded, err := manifest.Encode(&document.Manifest)
		if err != nil {
			t.Fatal(err)
		}
		again, err := manifest.Parse("encoded.yaml", encoded)
		if err != nil {
			t.Fatalf("%v\n%s", err, encoded)
		}
		if diff := cmp.Diff(document.Manifest, again.Manifest); diff != "" {
			t.Error(diff)
		}
	})
}
