package paddle_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/checkpointtest"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle/picklegen"
	"github.com/beitzoo/beitzoo/convert/checkpoint/paddle"
)

type writer = picklegen.Writer

// read opens content as checkpoint.Open does.
func read(content []byte, options checkpoint.Options) (*checkpoint.Checkpoint, error) {
	if !paddle.Format.Match(content) {
		return nil, checkpoint.Errorf(checkpoint.ErrFormat, "no match")
	}
	return paddle.Format.Read(context.Background(), content, options)
}

// summary lists names, types, shapes and bytes.
func summary(t *testing.T, c *checkpoint.Checkpoint) []string {
	t.Helper()
	var lines []string
	for _, one := range c.Tensors {
		raw, err := one.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.Join([]string{one.Name, one.DType.String(), one.Shape.String(), string(raw)}, " "))
	}
	return lines
}

func array(w *writer, code string, data string, shape ...int) *writer {
	return w.Array(picklegen.Array{Code: code, Shape: shape, Data: []byte(data)})
}

// pair writes a tensor as Paddle saves it within other objects: a tuple of name and array.
func pair(w *writer, name string, fill func(w *writer)) *writer {
	return w.Call("builtins", "tuple", func(w *writer) {
		w.Tuple(func(w *writer) { w.Text(name); fill(w) })
	})
}

func TestLayouts(t *testing.T) {
	weight := func(w *writer) { array(w, "f4", "abcdefgh", 2) }
	bias := func(w *writer) { array(w, "u2", "ij", 1) }
	want := []string{"weight F32 [2] abcdefgh", "bias BF16 [1] ij"}
	table := func(w *writer) { w.Dict(func(w *writer) { w.Text("weight").Text("linear_0.w_0") }) }
	pairs := func(w *writer) {
		w.Dict(func(w *writer) {
			w.Text("weight")
			pair(w, "linear_0.w_0", weight)
			w.Text("bias")
			pair(w, "linear_0.b_0", bias)
		})
	}
	arrays := func(w *writer) {
		w.Dict(func(w *writer) {
			w.Text("weight")
			weight(w)
			w.Text("bias")
			bias(w)
		})
	}
	tests := []struct {
		name string
		fill func(w *writer)
	}{
		{"A, with the table of names", func(w *writer) {
			w.Dict(func(w *writer) {
				w.Text("weight")
				weight(w)
				w.Text("bias")
				bias(w)
				w.Text("StructuredToParameterName@@")
				table(w)
			})
		}},
		{"B, pairs", pairs},
		{"C, arrays alone", arrays},
		{"B in a wrapper", func(w *writer) {
			w.Dict(func(w *writer) { w.Text("epoch").Int(3).Text("model"); pairs(w) })
		}},
		{"C twice wrapped", func(w *writer) {
			w.Dict(func(w *writer) {
				w.Text("model").Dict(func(w *writer) { w.Text("state_dict"); arrays(w) })
			})
		}},
		{"an OrderedDict", func(w *writer) {
			w.Call("collections", "OrderedDict", func(*writer) {}).Op('(').Text("weight")
			weight(w)
			w.Text("bias")
			bias(w)
			w.Op('u')
		}},
		{"with an argparse.Namespace", func(w *writer) {
			w.Dict(func(w *writer) {
				w.Text("args").Global("argparse", "Namespace").Op(')', 0x81).Dict(func(w *writer) { w.Text("lr").Float(0.1) }).Op('b')
				w.Text("model")
				pairs(w)
			})
		}},
	}
	for _, test := range tests {
		for protocol := 2; protocol <= 5; protocol++ {
			t.Run(test.name, func(t *testing.T) {
				w := picklegen.New(protocol)
				test.fill(w)
				opened, err := read(w.Stop(), checkpoint.Options{})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, summary(t, opened)); diff != "" {
					t.Error(diff)
				}
				if strings.Contains(strings.Join(opened.Notes, " "), "@@") {
					t.Errorf("notes mention the table: %q", opened.Notes)
				}
			})
		}
	}
}

// sliced is a file with an array that was cut. change may spoil it.
type sliced struct {
	shape  []int
	slices []string
	parts  map[string]string
	code   string
	extra  string
}

func (s sliced) content() []byte {
	return picklegen.New(2).Dict(func(w *writer) {
		for _, name := range []string{"weight@@.0", "weight@@.1", "weight@@.2"} {
			if data, ok := s.parts[name]; ok {
				code := "f4"
				if s.code != "" && name == "weight@@.1" {
					code = s.code
				}
				w.Text(name).Array(picklegen.Array{Code: code, Shape: []int{len(data) / 4}, Data: []byte(data)})
			}
		}
		if s.extra != "" {
			array(w.Text(s.extra), "f4", "zzzz", 1)
		}
		w.Text("UnpackBigParamInfor@@").Dict(func(w *writer) {
			w.Text("weight").Dict(func(w *writer) {
				w.Text("OriginShape").Ints(s.shape...).Text("slices").List(func(w *writer) {
					for _, name := range s.slices {
						w.Text(name)
					}
				})
			})
		})
	}).Stop()
}

func TestSlicedParameters(t *testing.T) {
	whole := sliced{
		shape: []int{5, 1}, slices: []string{"weight@@.0", "weight@@.1", "weight@@.2"},
		parts: map[string]string{"weight@@.0": "aaaaBBBB", "weight@@.1": "ccccDDDD", "weight@@.2": "eeee"},
	}
	opened, err := read(whole.content(), checkpoint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"weight F32 [5, 1] aaaaBBBBccccDDDDeeee"}, summary(t, opened)); diff != "" {
		t.Error(diff)
	}
	var written bytes.Buffer
	if _, err := opened.Tensors[0].Data.WriteTo(&written); err != nil || written.String() != "aaaaBBBBccccDDDDeeee" {
		t.Errorf("%q, %v", written.String(), err)
	}
	tests := []struct {
		name   string
		change func(s *sliced)
	}{
		{"missing part", func(s *sliced) { s.slices = append(s.slices, "weight@@.3") }},
		{"part used twice", func(s *sliced) { s.slices = []string{"weight@@.0", "weight@@.0", "weight@@.2"} }},
		{"wrong shape", func(s *sliced) { s.shape = []int{4} }},
		{"negative shape", func(s *sliced) { s.shape = []int{-5, -1} }},
		{"overflowing shape", func(s *sliced) { s.shape = []int{math.MaxInt/2 + 1, math.MaxInt/2 + 1} }},
		{"no parts", func(s *sliced) { s.slices, s.shape = nil, []int{0} }},
		{"another type", func(s *sliced) { s.code = "i4" }},
		{"already there", func(s *sliced) { s.extra = "weight" }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			spoiled := whole
			test.change(&spoiled)
			if _, err := read(spoiled.content(), checkpoint.Options{}); !errors.Is(err, checkpoint.ErrMalformed) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestMatch(t *testing.T) {
	stream := append([]byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x08\x05\x10\x80\x06"), make([]byte, 3072)...)
	tests := []struct {
		name    string
		content []byte
		want    bool
	}{
		{"protocol 2", picklegen.New(2).Op('}').Stop(), true},
		{"protocol 5", picklegen.New(5).Op('}').Stop(), true},
		{"protocol 0", []byte("cos\nsystem\n(S'id'\ntR."), true},
		{"a dict of protocol 0", []byte("(dp0\nS'a'\np1\nI1\ns."), true},
		{"a dict of protocol 1", []byte("}q\x00U\x01aq\x01K\x01s."), true},
		{"torch's legacy stream", []byte("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03."), false},
		{"torch's legacy stream of protocol 4", []byte("\x80\x04\x95\x0d\x00\x00\x00\x00\x00\x00\x00\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."), false},
		{"zip", []byte("PK\x03\x04 and so on"), false},
		{"safetensors", []byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"), false},
		{"safetensors with a header of 640 bytes", []byte("\x80\x02\x00\x00\x00\x00\x00\x00{\"a\":"), false},
		{"text", []byte("create table"), false},
		{"text in parentheses", []byte("(see below)\n"), false},
		{"inference parameters", stream, true},
		{"a program", []byte("\x0a\x85\x02\x08\x00\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), true},
		{"zeros", make([]byte, 100), false},
		{"nothing", nil, false},
		{"one byte", []byte{0x80}, false},
		{"a name with a brace where safetensors has one", []byte("\x80\x04}(\x8c\x03A\x00{K\x01u."), true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := paddle.Format.Match(test.content); got != test.want {
				t.Errorf("got %t", got)
			}
		})
	}
	for _, content := range [][]byte{stream, tests[13].content} {
		if _, err := read(content, checkpoint.Options{}); !errors.Is(err, checkpoint.ErrUnsupported) || !strings.Contains(err.Error(), "names are not in it") {
			t.Errorf("got %v", err)
		}
	}
}

func TestTrailingBytesAreRefused(t *testing.T) {
	content := picklegen.New(4).Dict(func(w *writer) { array(w.Text("a"), "f4", "abcd", 1) }).Stop()
	if _, err := read(content, checkpoint.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, rest := range []string{"\x00", "cos\nsystem\n(S'id'\ntR.", "PK\x05\x06"} {
		if _, err := read(append(bytes.Clone(content), rest...), checkpoint.Options{}); !errors.Is(err, checkpoint.ErrMalformed) {
			t.Errorf("%q: %v", rest, err)
		}
	}
}

func TestHostileFilesAreRefused(t *testing.T) {
	for _, c := range picklegen.Hostile() {
		t.Run(c.Name, func(t *testing.T) {
			if !paddle.Format.Match(c.Content) {
				return // protocol 0 without a mark: no format takes it
			}
			if _, err := read(c.Content, checkpoint.Options{}); !errors.Is(err, c.Kind) {
				t.Errorf("got %v, want %v", err, c.Kind)
			}
		})
	}
}

// TestDamageInTextIsNoticed damages the text that holds the elements in protocol 2.
func TestDamageInTextIsNoticed(t *testing.T) {
	data := bytes.Repeat([]byte{0x01, 0x02, 0xc3, 0x7f}, 100)
	content := picklegen.New(2).Dict(func(w *writer) {
		w.Text("a").Array(picklegen.Array{Code: "f4", Shape: []int{100}, Data: data})
	}).Stop()
	opened, err := read(content, checkpoint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := opened.Tensors[0].Bytes(); err != nil || !bytes.Equal(raw, data) {
		t.Fatalf("%x, %v", raw, err)
	}
	at := bytes.Index(content, []byte("\x01\x02\xc3\x83\x7f"))
	for _, spoiled := range [][]byte{{0xc3, 0xc3}, {0x80, 0x83}, {0x41, 0x42}, {0xc4, 0x83}} {
		copied := bytes.Clone(content)
		copy(copied[at+2:], spoiled)
		opened, err := read(copied, checkpoint.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := opened.Tensors[0].Bytes(); !errors.Is(err, checkpoint.ErrMalformed) {
			t.Errorf("%x: %v", spoiled, err)
		}
	}
}

// small is a file of two tensors.
func small(protocol int) []byte {
	return picklegen.New(protocol).Dict(func(w *writer) {
		array(w.Text("a"), "f4", strings.Repeat("\x00\x80\x01\xc2", 80), 8, 10)
		array(w.Text("b"), "u2", "ab", 1)
	}).Stop()
}

func FuzzOpen(f *testing.F) {
	for _, c := range picklegen.Hostile() {
		if len(c.Content) < 4096 {
			f.Add(c.Content)
		}
	}
	f.Add(sliced{shape: []int{2}, slices: []string{"weight@@.0", "weight@@.1"}, parts: map[string]string{"weight@@.0": "aaaa", "weight@@.1": "bbbb"}}.content())
	for protocol := 2; protocol <= 5; protocol++ {
		f.Add(small(protocol))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if !paddle.Format.Match(content) {
			return
		}
		if _, err := checkpointtest.Whole(paddle.Format, content); err != nil {
			t.Fatal(err)
		}
	})
}
