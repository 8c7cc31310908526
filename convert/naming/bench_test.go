package naming_test

import (
	"testing"

	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/tensor"
)

func BenchmarkReadNamesOfLarge(b *testing.B) {
	config := byName(b, "beit_large_p16_512")
	var canonical []tensor.Named
	for _, p := range config.Params() {
		v, _ := transform.Zeros(tensor.F32, p.Shape)
		canonical = append(canonical, tensor.Named{Name: p.Name, View: v})
	}
	written, err := naming.Write(naming.PASSL, config, canonical, naming.WriteOptions{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := naming.Read(b.Context(), written, naming.Options{SkipIndex: true}); err != nil {
			b.Fatal(err)
		}
	}
}
