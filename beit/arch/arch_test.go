package arch_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
)

// TestParameterCounts compares with the counts that follow from the published dimensions. timm prints the same counts.
func TestParameterCounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name              string
		parameters, bytes int64
		tensors           int
	}{
		{"beit_base_p16_224", 86_530_984, 346_123_936, 199},
		{"beit_base_p16_384", 86_744_104, 346_976_416, 199},
		{"beit_large_p16_224", 304_430_568, 1_217_722_272, 391},
		{"beit_large_p16_384", 304_998_888, 1_219_995_552, 391},
		{"beit_large_p16_512", 305_674_728, 1_222_698_912, 391},
		{"beit_base_p16_224_in22k", 102_557_713, 410_230_852, 199},
		{"beit_large_p16_224_in22k", 325_792_593, 1_303_170_372, 391},
		{"beit_base_p16_224_mim", 91_965_776, 367_863_104, 189},
		{"beit_large_p16_224_mim", 311_534_016, 1_246_136_064, 369},
		{"beit_base_p16_224_mim_abs", 92_089_856, 368_359_424, 165},
		{"beitv2_base_p16_224_mim", 106_143_056, 424_572_224, 219},
		{"beitv2_large_p16_224_mim", 336_728_512, 1_346_914_048, 399},
		{"dit_base_p16_224_mim", 92_108_288, 368_433_152, 189},
		{"dit_large_p16_224_mim", 311_724_032, 1_246_896_128, 369},
		{"dit_base_p16_224_rvlcdip", 85_820_176, 343_280_704, 188},
		{"dit_large_p16_224_rvlcdip", 303_342_608, 1_213_370_432, 368},
		{"data2vec_base_p16_224", 86_256_720, 345_026_880, 189},
		{"data2vec_large_p16_224", 304_186_816, 1_216_747_264, 369},
		{"data2vec_base_p16_224_encoder", 85_665_360, 342_661_440, 186},
		{"data2vec_large_p16_224_encoder", 303_136_192, 1_212_544_768, 366},
		{"eva_giant_p14_224", 1_012_555_112, 4_050_220_448, 528},
		{"eva_giant_p14_336", 1_013_005_672, 4_052_022_688, 528},
		{"eva_giant_p14_560", 1_014_447_464, 4_057_789_856, 528},
		{"eva_giant_p14_224_clip", 1_012_588_928, 4_050_355_712, 528},
		// OpenAI's two files; microsoft/unilm's tokenizers of BEiT v2, as many numbers as its classes have.
		{"dvae_encoder_112", 53_786_240, 215_144_960, 74},
		{"dvae_decoder_112", 43_829_766, 175_319_064, 76},
		{"vqkd_base_p16_224", 86_666_784, 346_667_136, 167},
		{"vqkd_base_p16_224_clip", 109_369_889, 437_479_556, 220},
		{"vqkd_base_p16_224_clip_1", 95_195_681, 380_782_724, 194},
		{"vqkd_base_p16_224_dino_1", 95_392_545, 381_570_180, 194},
		// microsoft/unilm beit/semantic_segmentation/README.md and beit2's say 163M and 441M; with 42 buffers of batch norms.
		{"beit_base_p16_640_ade20k", 163_407_980, 653_631_920, 288},
		{"beit_large_p16_640_ade20k", 441_271_084, 1_765_084_336, 480},
		{"beit_base_p16_512_ade20k", 163_080_812, 652_323_248, 288},
		{"beit_large_p16_512_ade20k", 440_398_636, 1_761_594_544, 480},
		{"cae_base_p16_512_ade20k", 163_868_012, 655_472_048, 275}, // with position embeddings, without counters
		{"tiny_seg_p16_32", 86_434, 345_736, 288},
		{"tiny_seg_p16_64", 142_334, 569_336, 192},
		{"tiny_seg_p16_48", 66_706, 266_824, 192},
		{"digits_mim_p16_64", 123_788, 495_152, 54},
		{"digits_dvae_encoder", 72_580, 290_320, 42},
		{"digits_dvae_decoder", 90_730, 362_920, 44},
		{"tiny_vqkd_p16_64", 159_585, 638_340, 77},
		{"digits_p16_64", 122_974, 491_896, 55},
		{"tiny_p16_32", 50_554, 202_216, 39},
		{"tiny_p16_64", 122_827, 491_308, 55},
		{"tiny_mim_p16_64", 125_356, 501_424, 54},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			config, err := arch.ByName(c.name)
			if err != nil {
				t.Fatal(err)
			}
			if got := config.Parameters(); got != c.parameters || 4*got != c.bytes {
				t.Errorf("%d parameters, want %d in %d bytes of float32", got, c.parameters, c.bytes)
			}
			if got := len(config.Params()); got != c.tensors {
				t.Errorf("%d tensors, want %d", got, c.tensors)
			}
		})
	}
	if len(arch.Names()) != 46 {
		t.Errorf("%d named architectures; each has a row in this test", len(arch.Names()))
	}
}

func TestRelativePositionIndex(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		side          int
		sum           int64
		at            map[[2]int]int64
		sha256        string
		tokens, table int
	}{
		{
			14, 14270119,
			map[[2]int]int64{{1, 1}: 364, {1, 2}: 363, {2, 1}: 365, {1, 196}: 0, {196, 1}: 728, {0, 1}: 729, {1, 0}: 730, {0, 0}: 731},
			"6b72b42c59778888d79e2ade90a69aab4bcaf9a5acc679810b7e2ba519e5050f", 197, 732,
		},
		{
			24, 368828259,
			map[[2]int]int64{{1, 1}: 1104, {1, 2}: 1103, {2, 1}: 1105, {1, 576}: 0, {576, 1}: 2208},
			"b8383edebc2cee4683bf269a2423bbae1c0b4a17b45634ecf823353013aa1b91", 577, 2212,
		},
		{
			32, 2088508291,
			map[[2]int]int64{{1, 1}: 1984, {1, 2}: 1983, {2, 1}: 1985, {1, 1024}: 0, {1024, 1}: 3968},
			"32808cbc471b00e0fd16dfd0e60ad9ad5bb8086aa81f62084f8b48f37fabf44e", 1025, 3972,
		},
	} {
		index := arch.RelativePositionIndex(c.side, c.side)
		if len(index) != c.tokens*c.tokens {
			t.Fatalf("%d entries, want %d squared", len(index), c.tokens)
		}
		for at, want := range c.at {
			if got := index[at[0]*c.tokens+at[1]]; got != want {
				t.Errorf("side %d: I%v = %d, want %d", c.side, at, got, want)
			}
		}
		digest, sum, seen := sha256.New(), int64(0), map[int64]bool{}
		for _, row := range index {
			sum, seen[row] = sum+row, true
			digest.Write(binary.LittleEndian.AppendUint64(nil, uint64(row)))
		}
		if sum != c.sum || len(seen) != c.table {
			t.Errorf("side %d: sum %d with %d different rows, want %d with %d", c.side, sum, len(seen), c.sum, c.table)
		}
		if got := hex.EncodeToString(digest.Sum(nil)); got != c.sha256 {
			t.Errorf("side %d: sha256 %s, want %s", c.side, got, c.sha256)
		}
	}
}

// TestRelativePositionIndex_Rectangles compares with the definition, computed offset by offset, for windows that are not square.
func TestRelativePositionIndex_Rectangles(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{1, 1}, {1, 4}, {3, 2}, {2, 5}} {
		height, width := size[0], size[1]
		tokens, rows := height*width+1, int64((2*height-1)*(2*width-1)+3)
		var want []int64
		for q := range tokens {
			for k := range tokens {
				switch {
				case q == 0 && k == 0:
					want = append(want, rows-1)
				case q == 0:
					want = append(want, rows-3)
				case k == 0:
					want = append(want, rows-2)
				default:
					down, across := (q-1)/width-(k-1)/width+height-1, (q-1)%width-(k-1)%width+width-1
					want = append(want, int64(down*(2*width-1)+across))
				}
			}
		}
		if diff := cmp.Diff(want, arch.RelativePositionIndex(height, width)); diff != "" {
			t.Errorf("%v: %s", size, diff)
		}
	}
}

func shapesOf(config arch.Config) map[string]tensor.Shape {
	shapes := map[string]tensor.Shape{}
	for _, p := range config.Params() {
		shapes[p.Name] = p.Shape
	}
	return shapes
}

func TestInfer_Named(t *testing.T) {
	t.Parallel()
	for _, name := range arch.Names() {
		want, _ := arch.ByName(name)
		var hints arch.Hints
		if _, usual := arch.UsualTaps(want.Depth); want.Segments() && !usual {
			hints.Taps = &want.Segmentation.Taps
		}
		got, err := arch.Infer(shapesOf(want), hints)
		if err != nil {
			// Without a bias table the number of heads follows only from a width that is a multiple of 64; 48 is not.
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, got.Config); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// drawConfig draws any architecture that can be inferred from its shapes and, if it has no bias tables, its number of heads.
func drawConfig(t *rapid.T) arch.Config {
	patch, side := rapid.SampledFrom([]int{8, 14, 16}).Draw(t, "patch"), rapid.IntRange(1, 6).Draw(t, "side")
	heads := rapid.IntRange(1, 4).Draw(t, "heads")
	config := arch.Config{
		ImageHeight: side * patch, ImageWidth: side * patch, PatchSize: patch, Channels: rapid.IntRange(1, 4).Draw(t, "channels"), EmbedDim: 64 * heads, Heads: heads,
		HiddenDim: rapid.IntRange(1, 600).Draw(t, "hidden"), Depth: rapid.IntRange(1, 4).Draw(t, "depth"),
		Classes: rapid.IntRange(0, 50).Draw(t, "classes"), Bias: rapid.SampledFrom([]arch.Bias{arch.NoBias, arch.BlockBias, arch.SharedBias}).Draw(t, "bias"),
		LayerScale: rapid.Bool().Draw(t, "scale"), AbsolutePosition: rapid.Bool().Draw(t, "absolute"), Epsilon: arch.Epsilon,
	}
	config.Pooling = rapid.SampledFrom([]arch.Pooling{arch.MeanPooling, arch.ClassToken, arch.AllTokens, arch.NoPooling}).Draw(t, "pooling")
	switch config.Pooling {
	case arch.NoPooling:
		config.Classes = 0
	case arch.AllTokens:
		config.Regression = rapid.Bool().Draw(t, "regression")
		if config.Regression || config.Classes == config.EmbedDim {
			config.Classes, config.Regression = config.EmbedDim, true
		}
		config.MaskToken = config.Classes == 0 || rapid.Bool().Draw(t, "mask token")
		config.ClassBlocks = rapid.IntRange(0, 2).Draw(t, "class blocks")
		config.ClassHead = config.ClassBlocks > 0 && config.Classes > 0 && rapid.Bool().Draw(t, "class head")
	}
	if config.Bias == arch.NoBias {
		config.AbsolutePosition = true
	}
	return config.Named()
}

func TestInfer_AnyArchitecture(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := drawConfig(t)
		if err := want.Validate(); err != nil {
			t.Fatal(err)
		}
		hints := arch.Hints{}
		if want.Bias == arch.NoBias {
			hints = arch.Hints{Heads: want.Heads, HeadsFrom: "the test"}
		}
		got, err := arch.Infer(shapesOf(want), hints)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.Config); diff != "" {
			t.Fatal(diff)
		}
		side, _ := want.Window()
		if got.WindowFrom == arch.Assumed != hasAssumption(got, arch.PropertyWindow) {
			t.Fatalf("window from %q, assumptions %v", got.WindowFrom, got.Assumptions)
		}
		if others := len(arch.Windows(shapesOf(want))) > 1; others != (got.WindowFrom == arch.Assumed) && got.Name == "" {
			t.Fatalf("window of %d from %q, other windows fit: %v", side, got.WindowFrom, others)
		}
	})
}

func hasAssumption(i arch.Inference, property arch.Property) bool {
	return slices.ContainsFunc(i.Assumptions, func(a arch.Assumption) bool { return a.Property == property })
}

// TestInfer_Rectangles makes sure that a window that is given is never replaced by another one, and that the shapes never rule out the right one.
func TestInfer_Rectangles(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := drawConfig(t)
		window := arch.Window{Height: rapid.IntRange(1, 12).Draw(t, "height"), Width: rapid.IntRange(1, 12).Draw(t, "width")}
		want.ImageHeight, want.ImageWidth = window.Height*want.PatchSize, window.Width*want.PatchSize
		want = want.Named()
		if windows := arch.Windows(shapesOf(want)); !slices.Contains(windows, window) {
			t.Fatalf("%v are the windows, without %v", windows, window)
		}
		got, err := arch.Infer(shapesOf(want), arch.Hints{Heads: want.Heads, Window: window, WindowFrom: "the test"})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.Config); diff != "" || got.WindowFrom != "the test" || len(got.Assumptions) > 0 {
			t.Fatalf("%s%v", diff, got)
		}
		// Without the hint it is the same window, an assumption, or an error.
		guess, err := arch.Infer(shapesOf(want), arch.Hints{Heads: want.Heads})
		if err == nil && guess.WindowFrom != arch.Assumed && guess.WindowFrom != arch.FromKnown && guess.Config != want {
			t.Fatalf("%v, which is another window, from %q", guess, guess.WindowFrom)
		}
	})
}

// The numbers of heads and the windows are those of timm's models in the trials of this program: EVA giant has 16 heads of 88, and a table of 84 rows may be
// one of 2 x 14 patches.
func TestInfer_Guesses(t *testing.T) {
	t.Parallel()
	config := func(edit func(*arch.Config)) map[string]tensor.Shape {
		base, _ := arch.ByName("beit_base_p16_224_mim_abs")
		base.Pooling, base.MaskToken, base.Classes = arch.MeanPooling, false, 5
		edit(&base)
		return shapesOf(base)
	}
	eva, err := arch.ByName("eva_giant_p14_336")
	if err != nil {
		t.Fatal(err)
	}
	giant := config(func(c *arch.Config) { c.EmbedDim, c.HiddenDim, c.Depth, c.PatchSize = 1408, 6144, 40, 14 })
	table := config(func(c *arch.Config) {
		c.Bias, c.AbsolutePosition, c.EmbedDim, c.Heads, c.ImageHeight, c.ImageWidth = arch.BlockBias, false, 64, 4, 32, 224
	})
	for _, c := range []struct {
		name   string
		shapes map[string]tensor.Shape
		hints  arch.Hints
		// heads and window of the result, with their sources, or the message of the error.
		heads, window         string
		headsFrom, windowFrom arch.Source
		message               string
	}{
		{name: "EVA giant of five classes", shapes: giant, heads: "16", window: "16 x 16", headsFrom: arch.Assumed, windowFrom: arch.FromKnown},
		{name: "EVA giant", shapes: shapesOf(eva), heads: "16", window: "24 x 24", headsFrom: arch.FromKnown, windowFrom: arch.FromKnown},
		{
			name: "a giant of fewer blocks", shapes: config(func(c *arch.Config) { c.EmbedDim, c.HiddenDim, c.Depth, c.PatchSize = 1408, 6144, 39, 14 }),
			message: "the number of attention heads cannot be inferred from the parameters: there is no bias table, and no released BEiT has 39 blocks of width 1408",
		},
		{ // unilm registers a beit_small with 8 heads, and DeiT has 6 at the same width: neither is taken.
			name: "384 wide", shapes: config(func(c *arch.Config) { c.EmbedDim, c.HiddenDim = 384, 1536 }),
			message: "the number of attention heads cannot be inferred from the parameters: there is no bias table, and no released BEiT has 12 blocks of width 384",
		},
		{name: "EVA giant with its heads", shapes: giant, hints: arch.Hints{Heads: 16, HeadsFrom: "the test"}, heads: "16", window: "16 x 16", headsFrom: "the test", windowFrom: arch.FromKnown},
		{name: "width of a released model", shapes: config(func(*arch.Config) {}), heads: "12", window: "14 x 14", headsFrom: arch.Assumed, windowFrom: arch.FromKnown},
		{name: "84 rows", shapes: table, heads: "4", window: "5 x 5", headsFrom: arch.FromShapes, windowFrom: arch.Assumed},
		{
			name: "84 rows of 2 x 14", shapes: table, hints: arch.Hints{Window: arch.Window{Height: 2, Width: 14}, WindowFrom: "the test"},
			heads: "4", window: "2 x 14", headsFrom: arch.FromShapes, windowFrom: "the test",
		},
		{
			name: "84 rows of 3 x 14", shapes: table, hints: arch.Hints{Window: arch.Window{Height: 3, Width: 14}, WindowFrom: "the test"},
			message: "the image size is 3 x 14 patches (the test) and one for bias tables of 84 rows (the parameters)",
		},
		{
			name: "other heads than the tables", shapes: table, hints: arch.Hints{Heads: 2, HeadsFrom: "the test"},
			message: "the number of attention heads is 2 (the test) and 4 (the bias tables)",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := arch.Infer(c.shapes, c.hints)
			if c.message != "" {
				if err == nil || err.Error() != c.message || errdef.Hint(err) == "" || !errors.Is(err, errdef.ErrInput) {
					t.Errorf("error %v with hint %q, want %q", err, errdef.Hint(err), c.message)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			height, width := got.Window()
			if fmt.Sprint(got.Heads) != c.heads || fmt.Sprintf("%d x %d", height, width) != c.window || got.HeadsFrom != c.headsFrom || got.WindowFrom != c.windowFrom {
				t.Errorf("%d heads from %q, window %d x %d from %q", got.Heads, got.HeadsFrom, height, width, got.WindowFrom)
			}
			if hasAssumption(got, arch.PropertyHeads) != (c.headsFrom == arch.Assumed) || hasAssumption(got, arch.PropertyWindow) != (c.windowFrom == arch.Assumed) {
				t.Errorf("assumptions %v", got.Assumptions)
			}
		})
	}
	got, err := arch.Infer(table, arch.Hints{})
	want := "the image size is assumed to be 80 x 80 pixels, a square of 5 x 5 patches: bias tables of 84 rows fit other windows as well; " +
		"possible too: 14 x 2, 2 x 14, 41 x 1, 1 x 41"
	if err != nil || len(got.Assumptions) != 1 || got.Assumptions[0].String() != want {
		t.Errorf("%v, %v", got.Assumptions, err)
	}
}

// TestInfer_DespiteOneBadParameter makes sure that one parameter that is missing or has a wrong shape does not change the result, since a caller finds it by
// comparing with the result.
func TestInfer_DespiteOneBadParameter(t *testing.T) {
	t.Parallel()
	want, _ := arch.ByName("tiny_p16_64")
	only := []string{"patch_embed.proj.weight"} // the one witness of the patch size
	for _, p := range want.Params() {
		if slices.Contains(only, p.Name) {
			continue
		}
		shapes := shapesOf(want)
		shapes[p.Name] = tensor.Shape{9, 9}
		if p.Name == "head.weight" || p.Name == "head.bias" {
			shapes[p.Name] = tensor.Shape{9}
		}
		if got, err := arch.Infer(shapes, arch.Hints{}); err != nil || got.Config != want {
			t.Errorf("%s ill-shaped: %+v, %v", p.Name, got, err)
		}
		delete(shapes, p.Name)
		if got, err := arch.Infer(shapes, arch.Hints{}); err != nil || got.Config != want {
			t.Errorf("%s missing: %+v, %v", p.Name, got, err)
		}
	}
}

func TestInfer_Errors(t *testing.T) {
	t.Parallel()
	tiny, _ := arch.ByName("tiny_p16_64")
	absolute, _ := arch.ByName("beit_base_p16_224_mim_abs")
	change := func(config arch.Config, edit func(map[string]tensor.Shape)) map[string]tensor.Shape {
		shapes := shapesOf(config)
		edit(shapes)
		return shapes
	}
	tables := func(rows int) func(map[string]tensor.Shape) {
		return func(shapes map[string]tensor.Shape) {
			for name := range shapes {
				if strings.HasSuffix(name, "table") {
					shapes[name] = tensor.Shape{rows, 3}
				}
			}
		}
	}
	for _, c := range []struct {
		name     string
		property arch.Property
		shapes   map[string]tensor.Shape
	}{
		{"nothing", "embedding dimension", nil},
		{"rectangle", "image size", change(tiny, tables(3*7+3))},
		{"table of even side", "image size", change(tiny, tables(4*4+3))},
		{"table too short", "image size", change(tiny, tables(2))},
		{"tokens contradict", "image size", change(tiny, func(s map[string]tensor.Shape) { s["blocks.0.attn.relative_position_index"] = tensor.Shape{10, 10} })},
		{"no position", "image size", change(absolute, func(s map[string]tensor.Shape) { delete(s, "pos_embed") })},
		{"rectangle of tokens", "image size", change(absolute, func(s map[string]tensor.Shape) { s["pos_embed"] = tensor.Shape{1, 13, 768} })},
		{"two kinds of bias", "kind of position bias", change(tiny, func(s map[string]tensor.Shape) { s["rel_pos_bias.relative_position_bias_table"] = tensor.Shape{52, 3} })},
		{"no blocks", "width of the MLP", change(tiny, func(s map[string]tensor.Shape) {
			maps.DeleteFunc(s, func(name string, _ tensor.Shape) bool { return strings.HasPrefix(name, "blocks") })
		})},
		{"heads", "number of attention heads", shapesOf(func() arch.Config {
			c := absolute
			c.EmbedDim = 48
			return c
		}())},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := arch.Infer(c.shapes, arch.Hints{})
			var problem *arch.InferenceError
			if !errors.As(err, &problem) || problem.Property != c.property || problem.Hint() == "" {
				t.Errorf("got %v, want an *InferenceError about the %s", err, c.property)
			}
		})
	}
	hostile := map[string]tensor.Shape{"blocks.999999999.norm1.weight": {48}}
	for name, shape := range shapesOf(tiny) {
		hostile[name] = shape
	}
	if got, err := arch.Infer(hostile, arch.Hints{}); err != nil || got.Depth > 10 {
		t.Errorf("an absurd block index leads to depth %d, %v", got.Depth, err)
	}
}

func TestValidate_ReportsEverything(t *testing.T) {
	t.Parallel()
	for _, name := range arch.Names() {
		if config, _ := arch.ByName(name); config.Validate() != nil {
			t.Errorf("%s: %v", name, config.Validate())
		}
	}
	bad := arch.Config{ImageHeight: 65, ImageWidth: 64, PatchSize: 16, EmbedDim: 50, Heads: 3, HiddenDim: 1 << 30, Depth: 0, Classes: -1, Pooling: "max", Bias: "x"}
	err := bad.Validate()
	for _, part := range []string{"65 x 64", "3 does not divide embed_dim 50", "hidden_dim is", "depth is 0", "classes is -1", "pooling", "bias", "epsilon"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v\nlacks %q", err, part)
		}
	}
}

func TestByName_Suggests(t *testing.T) {
	t.Parallel()
	_, err := arch.ByName("beit_base_p16_225")
	var unknown *arch.UnknownNameError
	if !errors.As(err, &unknown) || unknown.Nearest != "beit_base_p16_224" {
		t.Errorf("got %v", err)
	}
}
