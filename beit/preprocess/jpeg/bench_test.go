package jpeg_test

import (
	"os"
	"testing"

	"github.com/beitzoo/beitzoo/beit/preprocess/jpeg"
)

func BenchmarkDecode(b *testing.B) {
	data, err := os.ReadFile("../../../testdata/preprocess/rocket.jpg")
	if err != nil {
		b.Fatal(err)
	}
	config, err := jpeg.DecodeConfig(data)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(config.Width * config.Height))
	for b.Loop() {
		if _, err := jpeg.Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}
