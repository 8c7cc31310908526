package finetune_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/finetune"
)

// unilm is what microsoft/unilm's own functions return: testdata/unilm.py.
type unilm struct {
	// Groups has the factor of the learning rate and the weight decay of each parameter, of a model with a table in each block and of one that shares a table.
	Groups    map[string]map[string][2]float64 `json:"groups"`
	Schedules []struct {
		Warmup float64   `json:"warmup"`
		Rates  []float64 `json:"rates"`
	} `json:"schedules"`
}

func ofUnilm(t *testing.T) (u unilm) {
	t.Helper()
	raw, err := os.ReadFile("testdata/unilm.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &u); err != nil {
		t.Fatal(err)
	}
	return u
}

// small returns the architecture of testdata/unilm.py.
func small(shared bool) arch.Config {
	config := arch.Config{
		ImageHeight: 32, ImageWidth: 32, PatchSize: 16, Channels: 3, EmbedDim: 32, HiddenDim: 128, Depth: 3, Heads: 2, Classes: 3,
		Pooling: arch.MeanPooling, Bias: arch.BlockBias, LayerScale: true, Epsilon: arch.Epsilon,
	}
	if shared {
		config.Bias, config.AbsolutePosition, config.Pooling = arch.SharedBias, true, arch.ClassToken
	}
	return config
}

func TestSettings_GroupsOfUnilm(t *testing.T) {
	t.Parallel()
	for name, want := range ofUnilm(t).Groups {
		groups := finetune.Defaults().Groups(small(name == "shared"))
		if len(groups) != len(want) {
			t.Errorf("%s: %d groups, want %d", name, len(groups), len(want))
		}
		for _, g := range groups {
			if w := want[g.Name]; math.Abs(g.Scale-w[0]) > 1e-15 || g.Decay != w[1] || g.Frozen {
				t.Errorf("%s: %+v, want %v", name, g, w)
			}
		}
	}
}

func TestSettings_ScheduleOfUnilm(t *testing.T) {
	t.Parallel()
	for _, want := range ofUnilm(t).Schedules {
		s := finetune.Defaults()
		s.Schedule, s.Rate, s.LeastRate, s.WarmupRate, s.WarmupEpochs = finetune.Unilm, 4e-3, 1e-6, 1e-5, want.Warmup
		for step, rate := range want.Rates {
			if got := s.RateAt(step, 15, 3); math.Abs(got-rate) > 1e-17 {
				t.Errorf("warm-up %g, step %d: %.17g, want %.17g", want.Warmup, step, got, rate)
			}
		}
	}
}

// TestSettings_Overlapping has rates of the schedule with which the digits were trained: testdata/README.md.
func TestSettings_Overlapping(t *testing.T) {
	t.Parallel()
	s := finetune.Defaults()
	for step, want := range map[int]float64{
		0: 2e-3 / 88, 87: 2e-3 * 0.5 * (1 + math.Cos(math.Pi*87/440)), 220: 1e-3, 439: 2e-3 * 0.5 * (1 + math.Cos(math.Pi*439/440)),
	} {
		if got := s.RateAt(step, 440, 44); math.Abs(got-want) > 1e-17 {
			t.Errorf("step %d: %.17g, want %.17g", step, got, want)
		}
	}
	s.WarmupEpochs = 0
	if got := s.RateAt(0, 440, 44); got != s.Rate {
		t.Errorf("without a warm-up the first rate is %g", got)
	}
}

func TestSettings_Frozen(t *testing.T) {
	t.Parallel()
	s := finetune.Defaults()
	for blocks, want := range map[int]string{
		finetune.All: "blocks.0 blocks.1 blocks.2 cls_token head norm patch_embed pos_embed rel_pos_bias",
		0:            "head norm",
		1:            "blocks.2 head norm",
		3:            "blocks.0 blocks.1 blocks.2 head norm",
	} {
		s.Blocks = blocks
		learning := map[string]bool{}
		for _, g := range s.Groups(small(true)) {
			part, rest, _ := strings.Cut(g.Name, ".")
			if part == "blocks" {
				number, _, _ := strings.Cut(rest, ".")
				part += "." + number
			}
			if !g.Frozen {
				learning[part] = true
			}
		}
		if got := strings.Join(sortedKeys(learning), " "); got != want {
			t.Errorf("%d blocks: %s, want %s", blocks, got, want)
		}
	}
}

func TestSettings_Validate(t *testing.T) {
	t.Parallel()
	if err := finetune.Defaults().Validate(); err != nil {
		t.Error(err)
	}
	for want, spoil := range map[string]func(*finetune.Settings){
		"0 epochs":                    func(s *finetune.Settings) { s.Epochs = 0 },
		"batches of -1 pictures":      func(s *finetune.Settings) { s.Batch = -1 },
		"parts of 64":                 func(s *finetune.Settings) { s.Part = 64 },
		"a learning rate of NaN":      func(s *finetune.Settings) { s.Rate = math.NaN() },
		"a learning rate of +Inf":     func(s *finetune.Settings) { s.Rate = math.Inf(1) },
		`no schedule is named "x"`:    func(s *finetune.Settings) { s.Schedule = "x" },
		"a warm-up of 11 epochs":      func(s *finetune.Settings) { s.WarmupEpochs = 11 },
		"begins with the rate 1":      func(s *finetune.Settings) { s.WarmupRate = 1 },
		"a least rate of 1":           func(s *finetune.Settings) { s.LeastRate = 1 },
		"a layer decay of 0":          func(s *finetune.Settings) { s.LayerDecay = 0 },
		"a weight decay of 500 with":  func(s *finetune.Settings) { s.WeightDecay = 500 },
		"betas of 1":                  func(s *finetune.Settings) { s.Beta1 = 1 },
		"an epsilon of 0":             func(s *finetune.Settings) { s.Epsilon = 0 },
		"a label smoothing of 1":      func(s *finetune.Settings) { s.Smoothing = 1 },
		"drop path of 1":              func(s *finetune.Settings) { s.DropPath = 1 },
		"clipping to a norm of -1":    func(s *finetune.Settings) { s.Clip = -1 },
		"an average of which 1 stays": func(s *finetune.Settings) { s.Average = 1 },
		"-2 blocks":                   func(s *finetune.Settings) { s.Blocks = -2 },
	} {
		s := finetune.Defaults()
		spoil(&s)
		problem := (*finetune.SettingsError)(nil)
		if err := s.Validate(); !errors.As(err, &problem) || len(problem.Problems) != 1 || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	for _, c := range []struct {
		epochs int
		want   float64
	}{{1, 0.5}, {2, 1}, {3, 1.5}, {4, 2}, {10, 2}, {300, 2}, {0, 0}, {-1, 0}} {
		if got := finetune.DefaultWarmup(c.epochs); got != c.want {
			t.Errorf("the warm-up of %d epochs is %g, want %g", c.epochs, got, c.want)
		}
	}
	for _, c := range [][2]int{{0, 1}, {1, 1}, {31, 31}, {32, 32}, {1437, 32}} {
		if got := finetune.DefaultBatch(c[0]); got != c[1] {
			t.Errorf("a batch of %d pictures has %d, want %d", c[0], got, c[1])
		}
	}
	s := finetune.Defaults()
	if _, err := finetune.NewPlan(s, small(false), 31); err == nil || !strings.Contains(err.Error(), "there are only 31") {
		t.Errorf("%v", err)
	}
	s.Blocks = 4
	if _, err := finetune.NewPlan(s, small(false), 32); err == nil || !strings.Contains(err.Error(), "the model has 3") {
		t.Errorf("%v", err)
	}
}
