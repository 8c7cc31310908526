package pytorch_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle/picklegen"
	"github.com/beitzoo/beitzoo/convert/checkpoint/pytorch"
	"github.com/beitzoo/beitzoo/tensor"
)

// none ends the persistent id of a storage that is not a part of another.
func none(w *writer) { w.None() }

// part ends the persistent id of a storage that is a part of another, as PyTorch before 0.4 wrote it.
func part(offset, count int) func(w *writer) {
	return func(w *writer) {
		w.Tuple(func(w *writer) { w.Text("view").Int(offset).Int(count) })
	}
}

func TestSoundStreams(t *testing.T) {
	t.Parallel()
	second := one{name: "second", class: "DoubleStorage", key: "10", count: 1, strides: []int{}, shape: []int{}}
	last := one{name: "last", class: "FloatStorage", key: "0", count: 3, offset: 1, shape: []int{1}, strides: []int{1}}
	parted := one{name: "parted", class: "FloatStorage", key: "0", count: 3, shape: []int{2}, strides: []int{1}}
	far := one{name: "far", class: "FloatStorage", key: "0", count: 3, offset: 1, shape: []int{1}, strides: []int{7}}
	eight := []byte("\x00\x00\x00\x00\x00\x00\xf0\x3f")
	tests := map[string]struct {
		file legacy
		want map[string][]float64
	}{
		"plain":       {legacy{}, map[string][]float64{"w": {1, 2, 3}}},
		"no storage":  {legacy{object: object([]one{{name: "e", class: "FloatStorage", key: "0", shape: []int{0}, strides: []int{1}}}, none), blocks: []block{{0, nil}}}, map[string][]float64{"e": {}}},
		"two":         {legacy{object: object([]one{row("w"), second}, none), keys: keys("0", "10"), blocks: []block{{3, float3}, {1, eight}}}, map[string][]float64{"w": {1, 2, 3}, "second": {1}}},
		"two, turned": {legacy{object: object([]one{row("w"), second}, none), keys: keys("10", "0"), blocks: []block{{1, eight}, {3, float3}}}, map[string][]float64{"w": {1, 2, 3}, "second": {1}}},
		"shared":      {legacy{object: object([]one{row("w"), last}, none)}, map[string][]float64{"w": {1, 2, 3}, "last": {2}}},
		"a part":      {legacy{object: object([]one{parted}, part(1, 2))}, map[string][]float64{"parted": {2, 3}}},
		"of a part":   {legacy{object: object([]one{far}, part(1, 2))}, map[string][]float64{"far": {3}}},
		"protocol 4 with a frame": {legacy{magic: append([]byte("\x80\x04\x95\x0d\x00\x00\x00\x00\x00\x00\x00"),
			"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."...)}, map[string][]float64{"w": {1, 2, 3}}},
	}
	for name, test := range tests {
		content := test.file.bytes()
		if !pytorch.Format.Match(content) {
			t.Errorf("%s is not recognised", name)
		}
		got := map[string][]float64{}
		for _, made := range open(t, content).Tensors {
			values, err := tensor.Float64s(made.View)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got[made.Name] = values
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestHostileStreams(t *testing.T) {
	t.Parallel()
	malformed := checkpoint.ErrMalformed
	text := picklegen.New(2).Text("x").Stop()
	parted := func(offset, count int) []byte {
		return legacy{object: object([]one{{name: "w", class: "FloatStorage", key: "0", count: 3, shape: []int{1}, strides: []int{1}}}, part(offset, count))}.bytes()
	}
	tests := map[string]refusal{
		"another version":         {legacy{version: picklegen.New(2).Int(1002).Stop()}.bytes(), malformed, "version 1001"},
		"version is text":         {legacy{version: text}.bytes(), malformed, "version 1001"},
		"no description":          {legacy{system: text}.bytes(), malformed, "description of a machine"},
		"description attacks":     {legacy{system: picklegen.New(2).Call("os", "system", func(w *writer) { w.Text("id") }).Stop()}.bytes(), checkpoint.ErrUnsafe, "os.system"},
		"storage in description":  {legacy{system: object([]one{row("w")}, none)}.bytes(), checkpoint.ErrUnsupported, "outside of itself"},
		"keys are text":           {legacy{keys: text}.bytes(), malformed, "list of storages"},
		"keys are numbers":        {legacy{keys: picklegen.New(2).List(func(w *writer) { w.Int(0) }).Stop()}.bytes(), malformed, "not a text"},
		"key twice":               {legacy{keys: keys("0", "0"), blocks: []block{{3, float3}, {3, float3}}}.bytes(), malformed, `"0" comes twice`},
		"key of no tensor":        {legacy{keys: keys("0", "1"), blocks: []block{{3, float3}, {3, float3}}}.bytes(), malformed, `"1" belongs to no tensor`},
		"key missing":             {legacy{keys: picklegen.New(2).Op(']').Stop(), blocks: []block{}}.bytes(), malformed, `lacks "0"`},
		"another count":           {legacy{blocks: []block{{2, float3}}}.bytes(), malformed, "2 elements, where the pickle says 3"},
		"count of bytes":          {legacy{blocks: []block{{12, float3}}}.bytes(), malformed, "12 elements"},
		"count negative":          {legacy{blocks: []block{{1<<64 - 1, float3}}}.bytes(), malformed, "18446744073709551615 elements"},
		"storage cut":             {legacy{blocks: []block{{3, float3[:11]}}}.bytes(), malformed, "needs 12 bytes"},
		"count cut":               {legacy{blocks: []block{}, tail: make([]byte, 7)}.bytes(), malformed, "7 are left"},
		"bytes behind":            {legacy{tail: []byte{0}}.bytes(), malformed, "1 bytes follow the last storage"},
		"immense count":           {legacy{object: object([]one{{name: "w", class: "FloatStorage", key: "0", count: quarter / 4, shape: []int{1}, strides: []int{1}}}, none), blocks: []block{{quarter / 4, float3}}}.bytes(), malformed, fmt.Sprintf("needs %d bytes", quarter)},
		"part beyond":             {parted(2, 2), malformed, "2 elements from 2 on of a storage of 3"},
		"part before":             {parted(-1, 2), malformed, "from -1 on"},
		"part of negative length": {parted(3, -1), malformed, "-1 elements"},
		"part wraps":              {parted(quarter, quarter), malformed, fmt.Sprintf("from %d on", quarter)},
		"tensor beyond its part":  {parted(0, 0), malformed, "storage of 0 elements"},
		"two keys and types":      {legacy{object: object([]one{row("w"), {name: "v", class: "IntStorage", key: "0", count: 3, shape: []int{3}, strides: []int{1}}}, none)}.bytes(), malformed, "two types"},
	}
	for _, c := range picklegen.Hostile() {
		tests["object: "+c.Name] = refusal{content: legacy{object: c.Content}.bytes()}
	}
	checkRefused(t, tests)
}

func TestTar(t *testing.T) {
	t.Parallel()
	for _, format := range []tar.Format{tar.FormatUSTAR, tar.FormatGNU, tar.FormatPAX} {
		var file bytes.Buffer
		w := tar.NewWriter(&file)
		if err := w.WriteHeader(&tar.Header{Name: "sys_info", Size: 4, Format: format}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("info")); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		old := file.Bytes()
		if format == tar.FormatUSTAR { // as tar was before POSIX: without the mark
			copy(old[257:265], make([]byte, 8))
			sum := 0
			copy(old[148:156], "        ")
			for _, b := range old[:512] {
				sum += int(b)
			}
			copy(old[148:156], []byte{'0' + byte(sum>>15&7), '0' + byte(sum>>12&7), '0' + byte(sum>>9&7), '0' + byte(sum>>6&7), '0' + byte(sum>>3&7), '0' + byte(sum&7), 0, ' '})
		}
		if !pytorch.Format.Match(old) {
			t.Errorf("%s: not recognised", format)
		}
		_, err := pytorch.Format.Read(context.Background(), old, checkpoint.Options{})
		if !errors.Is(err, checkpoint.ErrUnsupported) || !strings.Contains(err.Error(), "tar file") {
			t.Errorf("%s: %v", format, err)
		}
	}
}
