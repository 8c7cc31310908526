package main

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/errdef"
)

// TestCostOf compares with the figures that timm publishes for these models, in 1e9 multiplications with additions.
func TestCostOf(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]float64{"beit_base_p16_224": 17.58, "beit_base_p16_384": 55.54, "beit_large_p16_224": 61.60, "beit_large_p16_384": 191.21} {
		config, err := arch.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := costOf(config, "native", 4).operations / 2e9; math.Abs(got-want) > 0.02*want {
			t.Errorf("%s: %.2f, want %.2f", name, got, want)
		}
	}
}

// named is an engine of another name.
type named struct {
	native.Engine
	name string
}

func (n named) Name() string { return n.name }

// TestAnnounceCost has the small file with a huge window for which nothing was said.
func TestAnnounceCost(t *testing.T) {
	t.Parallel()
	config := arch.Config{
		ImageHeight: 2048, ImageWidth: 2048, Channels: 3, PatchSize: 16, EmbedDim: 32, Depth: 2, Heads: 2, HiddenDim: 128, Classes: 2, Bias: arch.BlockBias,
	}
	small, err := arch.ByName("beit_base_p16_224")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		config        arch.Config
		device, wants string
	}{
		{config, "", "takes about 4 minutes here: 3 images of 16385 tokens, in 2 forward passes each"},
		{config, "cuda", ""},
		{small, "", ""},
	} {
		var errs bytes.Buffer
		err := announceCost(&console{err: &errs}, c.config, native.Engine{}, engine.Options{Threads: 1, Device: c.device}, 3, 2)
		if said := errs.String(); err != nil || !strings.Contains(said, c.wants) || c.wants == "" && said != "" {
			t.Errorf("%d tokens on %q: %v, said %q", c.config.Tokens(), c.device, err, said)
		}
	}
	config.Heads, config.EmbedDim, config.Depth = 1024, 1024, 256
	err = announceCost(&console{err: &bytes.Buffer{}}, config, named{name: "torch"}, engine.Options{}, 1, 2)
	if !errors.Is(err, errdef.ErrUnavailable) || !errors.As(err, new(*unfitError)) || !strings.Contains(err.Error(), "needs about 28") {
		t.Errorf("a run that does not fit the memory: %v", err)
	}
}

func TestAnnounceSize(t *testing.T) {
	t.Parallel()
	var errs bytes.Buffer
	say := announceSize(&console{err: &errs})
	say(300e6, 200e6)
	say(5e9, 2e9)
	if errs.Len() > 0 {
		t.Errorf("said %q", errs.String())
	}
	say(4.4e9, 4.3e9)
	if !strings.Contains(errs.String(), "the output has 4.4 GB, 4.3 GB of them relative position indices") {
		t.Errorf("said %q", errs.String())
	}
}
