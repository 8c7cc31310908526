package main

import (
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/tensor"
)

func TestHintOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"no format", &convert.TargetError{Advice: "say it", Endings: []string{".pth", ".pdparams"}}, "add --format FORMAT or --to SCHEME, or let the name end in .pth or .pdparams, or in / for a Hugging Face folder"},
		{"another target", &convert.TargetError{Advice: "name a file"}, "name a file"},
		{"no recipe", card.ErrNoRecipe, "the flag is --recipe SOURCE"},
		{"several state dicts", checkpoint.NoModel("several").WithHint("select one").Offering([]string{"a", "b"}), "select one; the flag is --select KEY"},
		{"an optimizer", checkpoint.NoModel("an optimizer").WithHint("give the model"), "give the model"},
		{"no such image", &preprocess.FileError{Path: "x.png", Err: fs.ErrNotExist}, "check the path of the image"},
		{"image of somebody else", &preprocess.FileError{Path: "x.png", Err: fs.ErrPermission}, "check the permissions of the file and of its folder"},
		{"damaged image", &preprocess.FileError{Path: "x.png", Err: preprocess.ErrFormat}, "give whole image files: JPEG, PNG, GIF, BMP, WebP, TIFF or PPM"},
		{"no such file", fs.ErrNotExist, "check the path"},
		{"full disk", syscall.ENOSPC, "free space on that disk, or write to another one with -o"},
		{"a file that was cut while it was read", tensor.ErrFault, "leave the files alone while the command runs, and run it again; to replace one, write another and rename it"},
		{"nothing to say", fmt.Errorf("x"), ""},
	} {
		if got := hintOf(fmt.Errorf("doing something: %w", c.err)); got != c.want {
			t.Errorf("%s: hint %q, want %q", c.name, got, c.want)
		}
	}
	if hint := hintOf(&classify.NotFiniteError{}); !strings.HasSuffix(hint, "the flag is --dtype f32") {
		t.Errorf("not finite: hint %q", hint)
	}
}
