package convert_test

import (
	"encoding/binary"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/errdef"
)

func copies(file string) string { return filepath.Join("..", "testdata", "copies", file) }

// firstOf returns the first element of the bias of the head. testdata/copies/make.py halved the average's.
func firstOf(t *testing.T, path string, options convert.OpenOptions) float64 {
	t.Helper()
	model, err := convert.Open(t.Context(), path, options)
	if err != nil {
		t.Fatalf("%s with %+v: %v", path, options, err)
	}
	defer model.Close()
	for _, parameter := range model.Tensors {
		if parameter.Name == "head.bias" {
			raw, err := parameter.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			return float64(math.Float32frombits(binary.LittleEndian.Uint32(raw)))
		}
	}
	t.Fatalf("%s has no head", path)
	return 0
}

// TestOpen_EitherCopy takes the model and its moving average out of what torch wrote, by keys and by prefixes.
func TestOpen_EitherCopy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file         string
		own, average convert.OpenOptions
	}{
		{"model_and_ema.pth", convert.OpenOptions{Select: "model"}, convert.OpenOptions{Select: "ema"}},
		{"module_and_averaged_model.pth", convert.OpenOptions{Select: "module"}, convert.OpenOptions{Select: "ema_model"}},
		{"module_and_averaged_model.pth", convert.OpenOptions{Select: "module."}, convert.OpenOptions{Select: "ema_model.module"}},
		{"student_and_teacher.ckpt", convert.OpenOptions{Select: "student"}, convert.OpenOptions{Select: "state_dict.teacher"}},
		{"student_and_teacher_keys.pth", convert.OpenOptions{Select: "student"}, convert.OpenOptions{Select: "teacher"}},
		{"bare_and_model_ema.pth", convert.OpenOptions{Drop: []string{"model_ema.*"}}, convert.OpenOptions{Select: "model_ema"}},
		{"callback.ckpt", convert.OpenOptions{}, convert.OpenOptions{Select: "callbacks.EMACallback.ema_state_dict"}},
		{"callback.ckpt", convert.OpenOptions{Select: "state_dict"}, convert.OpenOptions{Select: "callbacks.EMACallback.ema_state_dict"}},
		{"online_and_ema_keys.pth", convert.OpenOptions{}, convert.OpenOptions{Select: "ema_model"}},
	} {
		own, average := firstOf(t, copies(c.file), c.own), firstOf(t, copies(c.file), c.average)
		if own != 2*average || own == 0 {
			t.Errorf("%s: %g for %+v and %g for %+v", c.file, own, c.own, average, c.average)
		}
	}
}

// TestOpen_ListsCopies says of each of these files which models it has: as others beside the one that is taken, and why that is, or in the error.
func TestOpen_ListsCopies(t *testing.T) {
	t.Parallel()
	const averages = "moving averages of the weights, which the names of the others stand for, are taken only if asked for"
	for file, want := range map[string][]string{
		"callback.ckpt":           {averages, "callbacks.EMACallback.ema_state_dict"},
		"online_and_ema_keys.pth": {averages, "ema_model"},
		"head_vit.pth":            {`"model" comes first among the keys under which training programs keep a model`, "head"},
		"head_layer.pth":          {""}, // a layer is no other model
	} {
		found, err := convert.Inspect(t.Context(), copies(file), convert.InspectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, append([]string{found.Reason}, found.OtherDicts...)); diff != "" || found.Problem != nil {
			t.Errorf("%s: %s%v", file, diff, found.Problem)
		}
	}
	for file, want := range map[string][]string{
		"model_and_ema.pth": {"ema", "model"}, "module_and_averaged_model.pth": {"ema_model", "module"}, "student_and_teacher.ckpt": {"student", "teacher"},
		"bare_and_model_ema.pth": {"", "model_ema"},
	} {
		_, err := convert.Open(t.Context(), copies(file), convert.OpenOptions{})
		var several *naming.SeveralModelsError
		if !errors.As(err, &several) {
			t.Fatalf("%s: %v", file, err)
		}
		if diff := cmp.Diff(want, several.Prefixes); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
	}
}

// TestOpen_OffersChoices selects what is no model: the error says what lies there, and whatever it offers can be opened.
func TestOpen_OffersChoices(t *testing.T) {
	t.Parallel()
	training := filepath.Join("..", "testdata", "digits", "digits_p16_64.training.pth")
	for _, c := range []struct {
		path, selected string
		says           string
		want           []string // what is to be selected, and dropped
	}{
		{copies("head_layer.pth"), "head", `under "head" lies no model, but a linear layer, such as the head of a model: "weight" of shape [3, 8]`, []string{"model"}},
		{copies("head_settings.pth"), "head", `"head" holds no tensors with names: it is a dict without tensors, which has "type", "classes"`, []string{"model"}},
		{copies("head_vit.pth"), "head", `under "head" lies no model, but a plain vision transformer`, []string{"model"}},
		{copies("head_layer.pth"), "model.blocks", `under "model.blocks" lies no model, but a part of one: the 16 tensors whose names begin with "blocks."`, []string{"model"}},
		{copies("head_layer.pth"), "blocks", `under "blocks" lies no model, but a part of one`, []string{"model"}},
		{copies("head_layer.pth"), "nothing", `the file has nothing called "nothing"`, []string{"model"}},
		{copies("callback.ckpt"), "epoch", `"epoch" is not a dict of tensors, but a number`, []string{"state_dict", "callbacks.EMACallback.ema_state_dict"}},
		{copies("callback.ckpt"), "callbacks", `nothing but moving averages of the weights: "ema_state_dict"`, []string{"state_dict", "callbacks.EMACallback.ema_state_dict"}},
		{copies("student_and_teacher_keys.pth"), "", `several sets of tensors: "teacher", "student"`, []string{"teacher", "student"}},
		{copies("student_and_teacher.ckpt"), "net", `nothing called "net"`, []string{"student", "teacher"}},
		{copies("bare_and_model_ema.pth"), "blocks", `under "blocks" lies no model`, []string{"-model_ema.*", "model_ema"}},
		{filepath.Join("..", "testdata", "digits", "digits_p16_64.timm.pth"), "head", `a part of one: the 2 tensors whose names begin with "head."`, []string{""}},
		{training, "optimizer", `"optimizer" is the state of an optimizer`, []string{"model"}},
		{training, "ema", `nothing called "ema"`, []string{"model"}},
	} {
		_, err := convert.Open(t.Context(), c.path, convert.OpenOptions{Select: c.selected})
		var choice *convert.ChoiceError
		if !errors.As(err, &choice) || !errors.Is(err, errdef.ErrInput) {
			t.Errorf("%s, %q: %T %v", c.path, c.selected, err, err)
			continue
		}
		if !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), c.path) {
			t.Errorf("%q: %q does not say %q", c.selected, err, c.says)
		}
		var got []string
		for _, one := range choice.Choices {
			name := one.Select
			for _, pattern := range one.Drop {
				name += "-" + pattern
			}
			got = append(got, name)
			if one.Average != checkpoint.IsAverage(name) && one.Drop == nil {
				t.Errorf("%q: %+v", c.selected, one)
			}
			firstOf(t, c.path, convert.OpenOptions{Select: one.Select, Drop: one.Drop})
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s, %q: %s", c.path, c.selected, diff)
		}
	}
}

// TestOpen_OffersWhatTheRestOfTheOptionsAllows offers a model only if it can be opened with all that the caller states.
func TestOpen_OffersWhatTheRestOfTheOptionsAllows(t *testing.T) {
	t.Parallel()
	_, err := convert.Open(t.Context(), copies("head_layer.pth"), convert.OpenOptions{Select: "head", From: naming.HF})
	var choice *convert.ChoiceError
	if !errors.As(err, &choice) || len(choice.Choices) != 0 || !strings.Contains(choice.Hint(), "no part of the file can be read as a model, with all that is stated of it") {
		t.Errorf("%v", err)
	}
}
