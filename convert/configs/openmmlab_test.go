package configs_test

import (
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert/configs"
)

// TestOpenMMLabTaps reads what a configuration states of its backbone itself, and nothing else.
func TestOpenMMLabTaps(t *testing.T) {
	t.Parallel()
	const form = "norm_cfg = dict(type='SyncBN', requires_grad=True)\nmodel = dict(\n    type='EncoderDecoder',\n    backbone=dict(\n        type='BEiT',\n        init_cfg=dict(type='a)', out_indices=[1, 2, 3, 4]),\n" +
		"        #HERE#\n        qv_bias=True),\n    neck=dict(type='Feature2Pyramid', out_indices=[0, 1, 2, 3]))\n"
	taps := func(numbers ...arch.Tap) *[arch.Levels]arch.Tap { return (*[arch.Levels]arch.Tap)(numbers) }
	for name, c := range map[string]struct {
		text string
		want *[arch.Levels]arch.Tap
		err  string
	}{
		"list":              {strings.Replace(form, "#HERE#", "out_indices=[3, 5, 7, 11],", 1), taps(3, 5, 7, 11), ""},
		"tuple over lines":  {strings.Replace(form, "#HERE#", "out_indices = (\n            7,\n 11, 15, 23,),", 1), taps(7, 11, 15, 23), ""},
		"none":              {form, nil, ""},
		"no backbone":       {"out_indices=[3, 5, 7, 11]", nil, ""},
		"end of the text":   {"backbone=dict(out_indices=[3, 5, 7, 11", nil, ""},
		"another name":      {strings.Replace(form, "#HERE#", "my_out_indices=[3, 5, 7, 11],", 1), nil, ""},
		"an expression":     {strings.Replace(form, "#HERE#", "out_indices=[i for i in x],", 1), nil, ""},
		"behind the call":   {"backbone=dict(type='BEiT')\nout_indices=[3, 5, 7, 11]", nil, ""},
		"in a text":         {"backbone=dict(a='\\' out_indices=[3, 5, 7, 11]')", nil, ""},
		"three":             {strings.Replace(form, "#HERE#", "out_indices=[3, 5, 7],", 1), nil, "are not 4 blocks, but 3"},
		"not in order":      {strings.Replace(form, "#HERE#", "out_indices=[3, 7, 5, 11],", 1), nil, `"3,7,5,11", are not blocks in their order`},
		"twice the same":    {strings.Repeat(strings.Replace(form, "#HERE#", "out_indices=[3, 5, 7, 11],", 1), 2), taps(3, 5, 7, 11), ""},
		"two that differ":   {"backbone=dict(out_indices=[3, 5, 7, 11]) backbone=dict(out_indices=[1, 5, 7, 11])", nil, "other out_indices than one another"},
		"a number too long": {"backbone=dict(out_indices=[3, 5, 7, 99999999999999999999999])", nil, "are not blocks"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := configs.OpenMMLabTaps(c.text)
			switch {
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)), c.err == "" && err != nil:
				t.Errorf("%v, want %q", err, c.err)
			case (got == nil) != (c.want == nil) || got != nil && *got != *c.want:
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
