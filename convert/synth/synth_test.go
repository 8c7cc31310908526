package synth

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/convert/tensor"
	"github.com/beitzoo/beitzoo/zoo/arch"
)

// TestPublishedDigests compares with the digests of docs/recipe.md, which another program computed.
func TestPublishedDigests(t *testing.T) {
	for name, want := range map[string]string{
		"tiny_p16_32":       "63b3b9081249aded9f7fc84a1c6157771d99f0cca341619a36812ec9d88bc094",
		"tiny_p16_64":       "6cc912b375b3fcc901e42c08ca0a75322e4524a227b9d4433eec834b57f845cd",
		"beit_base_p16_224": "75e1491fa4ac770a91c91f130c2f278ae16e3f8152f9635e7853d576bdafabbc",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, err := arch.ByName(name)
			if err != nil {
				t.Fatal(err)
			}
			weights := Weights(config, 0)
			slices.SortFunc(weights, func(a, b tensor.Named) int { return strings.Compare(a.Name, b.Name) })
			digest := sha256.New()
			for _, w := range weights {
				if _, err := w.Data.WriteTo(digest); err != nil {
					t.Fatal(err)
				}
			}
			if got := hex.EncodeToString(digest.Sum(nil)); got != want {
				t.Errorf("sha256 %s, want %s", got, want)
			}
		})
	}
}

func TestPublishedImage(t *testing.T) {
	digest := sha256.New()
	if err := binary.Write(digest, binary.LittleEndian, Image(0, 32, 32, 0)); err != nil {
		t.Fatal(err)
	}
	if got, want := hex.EncodeToString(digest.Sum(nil)), "440e75bd6959a027539c5aaa2e86adf183bfaeee6de806fdad11511bb381aea5"; got != want {
		t.Errorf("sha256 %s, want %s", got, want)
	}
}

func TestPublishedValues(t *testing.T) {
	config, _ := arch.ByName("tiny_p16_32")
	weights := Weights(config, 0)
	values, err := tensor.Float32s(weights[len(weights)-1].View)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{0.05316212, -0.02648538, -0.04222732} {
		if math.Abs(float64(values[i])-want) > 5e-9 {
			t.Errorf("head.bias[%d] = %v, want %v", i, values[i], want)
		}
	}
}

func TestStreamEqualsBytes(t *testing.T) {
	data := noise{key: 7, scale: 1, elements: 3*pieceElements + 5}
	whole, err := data.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	var streamed bytes.Buffer
	if n, err := data.WriteTo(&streamed); err != nil || n != int64(len(whole)) {
		t.Fatalf("wrote %d bytes, %v", n, err)
	}
	if !bytes.Equal(whole, streamed.Bytes()) {
		t.Error("the streamed bytes differ")
	}
}

func BenchmarkRecipe(b *testing.B) {
	data := noise{scale: 1, elements: 1 << 22}
	b.SetBytes(4 * data.elements)
	for b.Loop() {
		data.Bytes()
	}
}
