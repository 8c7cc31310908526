package synth

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/tensor"
)

// TestWeights_PublishedDigests compares with the digests of docs/recipe.md, which another program computed.
func TestWeights_PublishedDigests(t *testing.T) {
	for name, want := range map[string]string{
		"tiny_p16_32":       "63b3b9081249aded9f7fc84a1c6157771d99f0cca341619a36812ec9d88bc094",
		"tiny_p16_64":       "6cc912b375b3fcc901e42c08ca0a75322e4524a227b9d4433eec834b57f845cd",
		"beit_base_p16_224": "75e1491fa4ac770a91c91f130c2f278ae16e3f8152f9635e7853d576bdafabbc",
		"tiny_seg_p16_64":   "bfa61b2582a53b73e23332dbd4a3cc4a9f93c970c0e0bc19f3ca5758ea944d6f",
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

func TestImage_PublishedDigest(t *testing.T) {
	config, _ := arch.ByName("tiny_p16_32")
	digest := sha256.New()
	if err := binary.Write(digest, binary.LittleEndian, Image(0, config, 0)); err != nil {
		t.Fatal(err)
	}
	if got, want := hex.EncodeToString(digest.Sum(nil)), "440e75bd6959a027539c5aaa2e86adf183bfaeee6de806fdad11511bb381aea5"; got != want {
		t.Errorf("sha256 %s, want %s", got, want)
	}
}

func TestWeights_PublishedValues(t *testing.T) {
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

func newFlat(elements int64) *stream { return flat(7, 0.25, 0.125, elements) }

func TestStream_WriteToEqualsBytes(t *testing.T) {
	t.Parallel()
	for _, data := range []*stream{
		newFlat(0), newFlat(1), newFlat(3*pieceElements + 5), newFlat(300*500).Transposed(300, 500).(*stream),
	} {
		whole, err := data.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		var streamed bytes.Buffer
		if n, err := data.WriteTo(&streamed); err != nil || n != int64(len(whole)) {
			t.Fatalf("wrote %d bytes, %v", n, err)
		}
		if !bytes.Equal(whole, streamed.Bytes()) {
			t.Errorf("[%d, %d]: the streamed bytes differ", data.rows, data.cols)
		}
	}
}

// TestStream_LayoutsAgreeWithMemory makes sure that slices and transposes of a stream have the same bytes as those of its elements in memory.
func TestStream_LayoutsAgreeWithMemory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(0, 12).Draw(t, "rows"), rapid.IntRange(1, 12).Draw(t, "cols")
		made := newFlat(int64(rows * cols))
		raw, _ := made.Bytes()
		ours := tensor.View{DType: tensor.F32, Shape: tensor.Shape{rows, cols}, Data: made}
		theirs := tensor.View{DType: tensor.F32, Shape: tensor.Shape{rows, cols}, Data: tensor.Memory(raw)}
		for range rapid.IntRange(0, 5).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "turn") {
				ours, theirs = must(transform.Transpose(ours)), must(transform.Transpose(theirs))
				continue
			}
			to := rapid.IntRange(0, ours.Shape[0]).Draw(t, "to")
			from := rapid.IntRange(0, to).Draw(t, "from")
			ours, theirs = must(transform.Rows(ours, from, to)), must(transform.Rows(theirs, from, to))
		}
		got, err := ours.Bytes()
		want, _ := theirs.Bytes()
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("elements differ, %v", err)
		}
		// A slice that does not consist of whole rows.
		elements := len(want) / elementSize
		end := rapid.IntRange(0, elements).Draw(t, "end")
		start := rapid.IntRange(0, end).Draw(t, "start")
		part := ours.Data.(transform.Slicer).Slice(int64(start*elementSize), int64((end-start)*elementSize))
		if got, err := part.Bytes(); err != nil || !bytes.Equal(got, want[start*elementSize:end*elementSize]) {
			t.Fatalf("elements %d to %d differ, %v", start, end, err)
		}
		turned := part.(transform.Transposer).Transposed(end-start, 1)
		if got, err := turned.Bytes(); err != nil || !bytes.Equal(got, want[start*elementSize:end*elementSize]) {
			t.Fatalf("the transpose of a column differs, %v", err)
		}
	})
}

func must(v tensor.View, err error) tensor.View {
	if err != nil {
		panic(err)
	}
	return v
}

// TestWeights_TransposedInPieces makes sure that a transposed tensor of a large model is written in pieces.
func TestWeights_TransposedInPieces(t *testing.T) {
	t.Parallel()
	config, _ := arch.ByName("beit_large_p16_512")
	for _, w := range Weights(config, 0)[:20] {
		if len(w.Shape) != 2 {
			continue
		}
		largest := 0
		must(transform.Transpose(w.View)).Data.WriteTo(writerFunc(func(p []byte) (int, error) {
			largest = max(largest, len(p))
			return len(p), nil
		}))
		if largest > 1<<20 {
			t.Errorf("%s: a piece of %d bytes", w.Name, largest)
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func BenchmarkRecipe(b *testing.B) {
	for name, data := range map[string]tensor.Data{"straight": newFlat(1 << 22), "transposed": newFlat(1<<22).Transposed(1024, 4096)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(1 << 24)
			for b.Loop() {
				data.WriteTo(io.Discard)
			}
		})
	}
}

// The moments are those of a normal distribution, and pieces are the same as the whole.
func TestNormal(t *testing.T) {
	t.Parallel()
	const elements = 200_000
	view := Normal("head.weight", tensor.Shape{elements}, 0.5, 7)
	values, err := tensor.Float64s(view)
	if err != nil {
		t.Fatal(err)
	}
	var moments [5]float64
	for _, x := range values {
		for k := range moments {
			moments[k] += math.Pow(x/0.5, float64(k)) / elements
		}
	}
	for k, want := range []float64{1, 0, 1, 0, 3} {
		if math.Abs(moments[k]-want) > []float64{1e-9, 0.01, 0.015, 0.04, 0.1}[k] { // four to five standard errors
			t.Errorf("moment %d is %g instead of %g", k, moments[k], want)
		}
	}
	for i, want := range []float64{0.6016643062164029, -0.6274683829029661, 0.7539943367637972, -0.8053772769836712} { // Python's statistics.NormalDist
		if math.Abs(values[i]-want) > 1e-7 {
			t.Errorf("value %d is %.9f instead of %.9f", i, values[i], want)
		}
	}
	var written bytes.Buffer
	if _, err := view.Data.WriteTo(&written); err != nil {
		t.Fatal(err)
	}
	whole, err := view.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(written.Bytes(), whole) {
		t.Error("WriteTo and Bytes differ")
	}
}

// TestWeights_TokenizersPublishedDigests compares tensors of tokenizers with what NumPy computed of docs/recipe.md.
func TestWeights_TokenizersPublishedDigests(t *testing.T) {
	t.Parallel()
	for architecture, tensors := range map[string]map[string]string{
		"tiny_vqkd_p16_64": {
			"quantize.embedding.weight":    "ff0e9b6b869b46351a5e46625e324f2b0f89d9f9176bd8851f419fc807757051",
			"quantize.embedding.embed_avg": "3b98e9bfe4e04991e4ba36a6a009fcd93a34ab4f836758164ba14c88854d942f",
			"quantize.cluster_size":        "2f20cd03c9cd392a406c56232b0ff93a15f6d6d7da79086bfa14f55d4a4031b0",
		},
		"digits_dvae_encoder": {
			"blocks.input.w":                   "e17854ac06490868db7ed293fef210ed5d090249a2f1983b6a1bd1d3ae820c33",
			"blocks.group_2.block_1.id_path.b": "b79ae3174a50ffa7ec37acbcb2afaf45fdc57c15e609d5d8b62ebda357eabb07",
		},
	} {
		config, err := arch.ByName(architecture)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range Weights(config, 0) {
			written := sha256.New()
			if _, err := w.Data.WriteTo(written); err != nil {
				t.Fatal(err)
			}
			raw, err := w.Data.Bytes()
			if sum := sha256.Sum256(raw); err != nil || !bytes.Equal(sum[:], written.Sum(nil)) {
				t.Errorf("%s: Bytes and WriteTo differ, %v", w.Name, err)
			}
			if want := tensors[w.Name]; want != "" && hex.EncodeToString(written.Sum(nil)) != want {
				t.Errorf("%s: sha256 %x, want %s", w.Name, written.Sum(nil), want)
			}
		}
	}
}
