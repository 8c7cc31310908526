package convert

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/naming"
)

// segmenterFile is the file of microsoft/unilm's and open-mmlab/mmsegmentation's classes, with names and colours of classes as mmcv keeps them.
const segmenterFile = "../testdata/segmentation/seg_p16_48.unilm.pth"

// segmenterWith opens that file as if other things were said beside its state dict.
func segmenterWith(t *testing.T, options OpenOptions, stated ...checkpoint.Statement) (*Model, error) {
	t.Helper()
	file, err := openFile(t.Context(), segmenterFile, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	file.Stated = stated
	return understand(t.Context(), file, options)
}

// TestStatedPalette takes colours that are those of the classes, and says why others are not taken.
func TestStatedPalette(t *testing.T) {
	t.Parallel()
	taps := OpenOptions{Taps: &[arch.Levels]arch.Tap{1, 2, 3, 4}}
	colours := func(path string, at4 int64, count int) checkpoint.Statement {
		s := checkpoint.Statement{Path: path}
		for i := range count {
			s.Palette = append(s.Palette, [3]int64{int64(i), at4, 255})
		}
		return s
	}
	for name, c := range map[string]struct {
		stated []checkpoint.Statement
		taken  bool
		note   string
	}{
		"one of each class":  {[]checkpoint.Statement{colours("meta.PALETTE", 0, 5)}, true, ""},
		"twice":              {[]checkpoint.Statement{colours("meta.PALETTE", 0, 5), colours("meta.dataset_meta.palette", 0, 5)}, true, ""},
		"two that differ":    {[]checkpoint.Statement{colours("meta.PALETTE", 0, 5), colours("meta.dataset_meta.palette", 1, 5)}, false, "there is another one beside the state dict"},
		"too few":            {[]checkpoint.Statement{colours("meta.PALETTE", 0, 4)}, false, `"meta.PALETTE" is not taken: it has 4 colours, and there are 5 classes`},
		"too many":           {[]checkpoint.Statement{colours("meta.PALETTE", 0, 100_000)}, false, "it has 100000 colours"},
		"above 255":          {[]checkpoint.Statement{colours("meta.PALETTE", 256, 5)}, false, "it has 256 in the colour of class 0, not a number from 0 to 255"},
		"far above":          {[]checkpoint.Statement{colours("meta.PALETTE", 1<<40, 5)}, false, "not a number from 0 to 255"},
		"negative":           {[]checkpoint.Statement{colours("meta.PALETTE", -1, 5)}, false, "it has -1 in the colour"},
		"no list of colours": {[]checkpoint.Statement{{Path: "meta.PALETTE", Problem: "is not a list of colours"}}, false, `"meta.PALETTE" is not a list of colours: it is not taken`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := segmenterWith(t, taps, c.stated...)
			if err != nil {
				t.Fatal(err)
			}
			if taken := len(m.Palette) == 5 && m.From[card.Palette] == card.Beside; taken != c.taken || !taken && m.Palette != nil {
				t.Errorf("%v, from %q", m.Palette, m.From[card.Palette])
			}
			if notes := strings.Join(m.Notes, "\n"); !strings.Contains(notes, c.note) || c.taken && strings.Contains(notes, "palette") {
				t.Errorf("%s\nwant %q", notes, c.note)
			}
		})
	}
}

// TestStatedTaps takes the tapped blocks of the configuration that a training program keeps as text, and refuses others beside it.
func TestStatedTaps(t *testing.T) {
	t.Parallel()
	config := func(path, taps string) checkpoint.Statement {
		return checkpoint.Statement{Path: path, Config: "model = dict(backbone=dict(type='BEiT', out_indices=[" + taps + "]))"}
	}
	m, err := segmenterWith(t, OpenOptions{}, config("meta.config", "0, 2, 3, 5"))
	if err != nil {
		t.Fatal(err)
	}
	if m.Config.Segmentation.Taps != [arch.Levels]arch.Tap{0, 2, 3, 5} || m.From[card.Taps] != card.Beside || len(m.Assumptions) > 0 {
		t.Errorf("taps %v, from %q, %v", m.Config.Segmentation.Taps, m.From[card.Taps], m.Assumptions)
	}
	_, err = segmenterWith(t, OpenOptions{Taps: &[arch.Levels]arch.Tap{1, 2, 3, 4}}, config("meta.config", "0, 2, 3, 5"))
	if conflict := (*arch.ConflictError)(nil); !errors.As(err, &conflict) || !strings.Contains(err.Error(), "1, 2, 3, 4 (as asked for) and 0, 2, 3, 5 (what lies beside the state dict in the file)") {
		t.Errorf("%v", err)
	}
	if _, err = segmenterWith(t, OpenOptions{}, config("meta.config", "0, 2, 3, 6")); err == nil || !strings.Contains(err.Error(), "segmentation.taps") {
		t.Errorf("a block that is not there: %v", err)
	}
	asked := OpenOptions{Taps: &[arch.Levels]arch.Tap{1, 2, 3, 4}}
	for _, c := range []struct {
		stated []checkpoint.Statement
		note   string
	}{
		{[]checkpoint.Statement{config("meta.config", "3, 5, 7")}, `"meta.config" is a configuration that can't be used for the tapped blocks: out_indices`},
		{[]checkpoint.Statement{config("a.config", "0, 2, 3, 5"), config("b.config", "1, 2, 3, 5")}, "other tapped blocks than one another, 0, 2, 3, 5 and 1, 2, 3, 5: none are taken"},
	} {
		if m, err = segmenterWith(t, asked, c.stated...); err != nil || !strings.Contains(strings.Join(m.Notes, "\n"), c.note) {
			t.Errorf("%v, %q, want %q", err, m.Notes, c.note)
		}
		var open *arch.InferenceError
		if _, err = segmenterWith(t, OpenOptions{}, c.stated...); !errors.As(err, &open) {
			t.Errorf("%v: the taps are known: %v", c.stated, err)
		}
	}
}

// TestConvert_NamesAndColours takes names and colours of the classes wherever the model goes, and says where there is no place for them.
func TestConvert_NamesAndColours(t *testing.T) {
	t.Parallel()
	options := OpenOptions{Taps: &[arch.Levels]arch.Tap{1, 2, 3, 4}}
	source, err := Open(t.Context(), segmenterFile, options)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	if len(source.Labels) != 5 || !slices.Equal(source.Palette, []card.Colour{{0, 0, 0}, {1, 2, 3}, {2, 4, 6}, {3, 6, 9}, {4, 8, 12}}) {
		t.Fatalf("%q, %v", source.Labels, source.Palette)
	}
	for _, c := range []struct {
		to, name string
		wrapper  string
		lost     []card.Item
	}{
		{naming.OpenMMLab, "o.pth", "", []card.Item{card.Taps}},
		{naming.Unilm, "u.pth", "", []card.Item{card.Taps}},
		{naming.Unilm, "bare.pth", "none", []card.Item{card.Taps, card.Palette, card.Labels}},
		{naming.PaddleSeg, "p.pdparams", "", []card.Item{card.Taps, card.Palette, card.Labels}},
		{naming.HF, "hf/", "", []card.Item{card.Palette}},
		{naming.Canonical, "c.safetensors", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			target := filepath.Join(t.TempDir(), c.name)
			if strings.HasSuffix(c.name, "/") {
				target += "/"
			}
			report, err := Convert(t.Context(), segmenterFile, target, Options{OpenOptions: options, SaveOptions: SaveOptions{To: c.to, Wrapper: c.wrapper}})
			if err != nil {
				t.Fatal(err)
			}
			var lost []card.Item
			for _, loss := range report.Saved.Lost {
				lost = append(lost, loss.Item)
			}
			if diff := cmp.Diff(c.lost, lost); diff != "" {
				t.Error(diff)
			}
			open := OpenOptions{}
			if slices.Contains(lost, card.Taps) {
				open = options
			}
			m, err := Open(t.Context(), target, open)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			for item, kept := range map[card.Item]bool{card.Labels: slices.Equal(m.Labels, source.Labels), card.Palette: slices.Equal(m.Palette, source.Palette)} {
				if kept == slices.Contains(lost, item) {
					t.Errorf("%s: kept %t, from %q", item, kept, m.From[item])
				}
			}
		})
	}
}
