package pytorch_test

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
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/archive/archivegen"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle/picklegen"
	"github.com/beitzoo/beitzoo/convert/checkpoint/pytorch"
	"github.com/beitzoo/beitzoo/tensor"
)

type record = archivegen.Record

// quarter is a quarter of the numbers that an int can hold, 1<<62 on most machines: four of it wrap to 0.
const quarter = math.MaxInt/2 + 1

// TestSoundArchives has archives that PyTorch reads and that beitzoo's own writer does not make.
func TestSoundArchives(t *testing.T) {
	t.Parallel()
	storages := map[string][]byte{"0": float3}
	weight := object([]one{row("w")})
	want := map[string][]float64{"w": {1, 2, 3}}
	renamed := zipped(weight, storages)
	for i := range renamed.Records {
		renamed.Records[i].Name = "epoch 3.best/" + strings.TrimPrefix(renamed.Records[i].Name, "m/")
	}
	deflated := zipped(weight, storages)
	for i := range deflated.Records {
		deflated.Records[i].Deflate = true
	}
	big := []byte("\x3f\x80\x00\x00\x40\x00\x00\x00\x40\x40\x00\x00")
	turned := row("w")
	turned.class, turned.count, turned.shape, turned.strides = "ComplexFloatStorage", 1, []int{1}, []int{1}
	unused := zipped(weight, map[string][]byte{"0": float3, "1": []byte("nobody refers to this")})
	tests := map[string]struct {
		content []byte
		want    map[string][]float64
	}{
		"plain":               {zipped(weight, storages).Bytes(), want},
		"another folder":      {renamed.Bytes(), want},
		"deflated":            {deflated.Bytes(), want},
		"little-endian":       {zipped(weight, storages, record{Name: "m/byteorder", Content: []byte("little")}).Bytes(), want},
		"big-endian":          {zipped(weight, map[string][]byte{"0": big}, record{Name: "m/byteorder", Content: []byte("big")}).Bytes(), want},
		"version 10":          {zipped(weight, storages, record{Name: "m/version", Content: []byte("10\n")}).Bytes(), want},
		"records of later":    {zipped(weight, storages, record{Name: "m/.data/serialization_id", Content: []byte("1")}, record{Name: "m/extra/x"}).Bytes(), want},
		"folders as records":  {zipped(weight, storages, record{Name: "m/data/"}, record{Name: "m/"}).Bytes(), want},
		"unused storage":      {unused.Bytes(), want},
		"object at the end":   {archivegen.Archive{Records: []record{{Name: "m/data/0", Content: float3}, {Name: "m/data.pkl", Content: weight}}}.Bytes(), want},
		"a storage of python": {zipped(object([]one{{name: "w", persist: python2, shape: []int{3}, strides: []int{1}}}), storages).Bytes(), want},
	}
	for name, test := range tests {
		got := map[string][]float64{}
		for _, made := range open(t, test.content).Tensors {
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
	complexes := zipped(object([]one{turned}), map[string][]byte{"0": []byte("\x01\x02\x03\x04\x05\x06\x07\x08")}, record{Name: "m/byteorder", Content: []byte("big")})
	raw, err := open(t, complexes.Bytes()).Tensors[0].Bytes()
	if want := []byte("\x04\x03\x02\x01\x08\x07\x06\x05"); err != nil || !bytes.Equal(raw, want) {
		t.Errorf("big-endian complex: %x, %v; want %x", raw, err, want)
	}
}

// python2 is a persistent id as PyTorch on Python 2 wrote it: with byte strings and storages of a GPU.
func python2(w *writer) {
	w.Tuple(func(w *writer) {
		w.String([]byte("storage")).Global("torch.cuda", "FloatStorage").String([]byte("0")).String([]byte("cuda:0")).Int(3)
	}).Op('Q')
}

// refusal is a file that must be refused, with an error of that kind; nil allows any kind.
type refusal struct {
	content []byte
	kind    error
	says    string
}

func checkRefused(t *testing.T, tests map[string]refusal) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if opened, err := checkpointtest.Whole(pytorch.Format, test.content); opened != nil || err != nil {
				t.Errorf("accepted, or %v", err)
			}
			_, err := pytorch.Format.Read(context.Background(), test.content, checkpoint.Options{})
			if err == nil || test.kind != nil && !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v; want %v with %q", err, test.kind, test.says)
			}
		})
	}
}

func TestHostileArchives(t *testing.T) {
	t.Parallel()
	malformed, unsafe, unsupported, format := checkpoint.ErrMalformed, checkpoint.ErrUnsafe, checkpoint.ErrUnsupported, checkpoint.ErrFormat
	storages := map[string][]byte{"0": float3}
	weight := object([]one{row("w")})
	with := func(change func(o *one)) []byte {
		o := row("w")
		change(&o)
		return zipped(object([]one{o}), storages).Bytes()
	}
	two := func(change func(second *one)) []byte {
		second := row("v")
		change(&second)
		return zipped(object([]one{row("w"), second}), storages).Bytes()
	}
	and := func(name, content string) []byte {
		return zipped(weight, storages, record{Name: name, Content: []byte(content)}).Bytes()
	}
	checkRefused(t, map[string]refusal{
		"no record":               {archivegen.Archive{}.Bytes(), format, "without the record data.pkl"},
		"no object":               {archivegen.Archive{Records: []record{{Name: "m/data/0", Content: float3}}}.Bytes(), format, "without the record data.pkl"},
		"object without folder":   {archivegen.Archive{Records: []record{{Name: "data.pkl", Content: weight}}}.Bytes(), format, "without the record data.pkl"},
		"object too deep":         {archivegen.Archive{Records: []record{{Name: "m/n/data.pkl", Content: weight}}}.Bytes(), format, "without the record data.pkl"},
		"two folders":             {and("n/data.pkl", string(weight)), malformed, "more than one folder"},
		"a record outside":        {and("readme", "text"), malformed, "more than one folder"},
		"NumPy's archive":         {archivegen.Archive{Records: []record{{Name: "weight.npy"}}}.Bytes(), format, ".npz"},
		"torch.export's archive":  {archivegen.Archive{Records: []record{{Name: "exp/models/model.json"}}}.Bytes(), format, ".pt2"},
		"TorchScript":             {and("m/constants.pkl", "\x80\x02)."), unsupported, "TorchScript"},
		"byte order unknown":      {and("m/byteorder", "middle"), malformed, `"middle"`},
		"byte order of Little":    {and("m/byteorder", "Little"), malformed, `"Little"`},
		"byte order endless":      {and("m/byteorder", strings.Repeat("x", 1000)), malformed, "1000 bytes"},
		"version no number":       {and("m/version", "three"), malformed, "not a number"},
		"version of the future":   {and("m/version", "11\n"), unsupported, "format 11"},
		"bytes after the object":  {zipped(append(bytes.Clone(weight), "more"...), storages).Bytes(), malformed, "4 bytes follow the pickle"},
		"a second object":         {zipped(append(bytes.Clone(weight), weight...), storages).Bytes(), malformed, "follow the pickle"},
		"object cut":              {zipped(weight[:len(weight)-1], storages).Bytes(), malformed, ""},
		"object empty":            {zipped(nil, storages).Bytes(), malformed, ""},
		"object damaged":          {archivegen.Archive{Records: []record{{Name: "m/data.pkl", Content: weight, Packed: append([]byte("\x80\x03"), weight[2:]...)}, {Name: "m/data/0", Content: float3}}}.Bytes(), malformed, "checksum"},
		"object immense":          {archivegen.Archive{Records: []record{{Name: "m/data.pkl", Deflate: true, Packed: make([]byte, 1<<17), Local: immense, Central: immense}}}.Bytes(), unsafe, "100000000 bytes"},
		"object is a bomb":        {archivegen.Archive{Records: []record{{Name: "m/data.pkl", Deflate: true, Content: append(append([]byte{0x80, 2}, bytes.Repeat([]byte{'('}, 1<<20)...), '.')}}}.Bytes(), unsafe, ""},
		"storage missing":         {zipped(weight, nil).Bytes(), malformed, `no record "data/0"`},
		"storage too short":       {zipped(weight, map[string][]byte{"0": float3[:11]}).Bytes(), malformed, "11 bytes, where the pickle says 12"},
		"storage too long":        {zipped(weight, map[string][]byte{"0": append(bytes.Clone(float3), 0)}).Bytes(), malformed, "13 bytes, where the pickle says 12"},
		"count too large":         {with(func(o *one) { o.count = 4 }), malformed, "12 bytes, where the pickle says 16"},
		"count immense":           {with(func(o *one) { o.count = quarter }), malformed, "more than can be counted"},
		"count wraps to 12 bytes": {with(func(o *one) { o.count = quarter + 3 }), malformed, "more than can be counted"},
		"count negative":          {with(func(o *one) { o.count = -1 }), malformed, ""},
		"another type":            {with(func(o *one) { o.class = "DoubleStorage" }), malformed, "where the pickle says 24"},
		"unknown storage":         {with(func(o *one) { o.class = "FloatStore" }), unsupported, "FloatStore"},
		"storage of a stranger":   {with(func(o *one) { o.class = "FloatStorage\nx" }), malformed, ""},
		"key climbs":              {with(func(o *one) { o.key = "../data.pkl" }), malformed, `no record "data/../data.pkl"`},
		"key is a folder":         {with(func(o *one) { o.key = "" }), malformed, `no record "data/"`},
		"shape too large":         {with(func(o *one) { o.shape = []int{4} }), malformed, `parameter "w" of shape [4] reaches beyond`},
		"offset beyond":           {with(func(o *one) { o.offset = 1 }), malformed, "reaches beyond"},
		"offset negative":         {with(func(o *one) { o.offset = -1 }), malformed, ""},
		"stride too large":        {with(func(o *one) { o.strides = []int{2} }), malformed, "reaches beyond"},
		"stride negative":         {with(func(o *one) { o.offset, o.strides = 2, []int{-1} }), malformed, ""},
		"fewer strides":           {with(func(o *one) { o.strides = nil }), malformed, ""},
		"size negative":           {with(func(o *one) { o.shape = []int{-3} }), malformed, ""},
		"shape overflows":         {with(func(o *one) { o.shape, o.strides = []int{math.MaxInt, math.MaxInt, math.MaxInt}, []int{0, 0, 0} }), malformed, ""},
		"stride times size wraps": {with(func(o *one) { o.shape, o.strides = []int{5}, []int{quarter} }), malformed, "reaches beyond"},
		"rank 33":                 {with(func(o *one) { o.shape, o.strides = make([]int, 33), make([]int, 33) }), malformed, ""},
		"one element, a terabyte": {with(func(o *one) { o.shape, o.strides = []int{1 << 19, 1 << 19}, []int{0, 0} }), unsafe, "sum up to more than"},
		"the same key, two types": {two(func(second *one) { second.class = "IntStorage" }), malformed, "two types or sizes"},
		"the same key, two sizes": {two(func(second *one) { second.count = 2 }), malformed, "two types or sizes"},
		"the same name":           {two(func(second *one) { second.name = "w" }), malformed, `"w"`},
		"name not UTF-8":          {with(func(o *one) { o.name = "\xff" }), unsupported, "UTF-8"},
		"no state dict":           {zipped(picklegen.New(2).Int(3).Stop(), nil).Bytes(), checkpoint.ErrNoModel, ""},
		"nothing in it":           {zipped(picklegen.New(2).Op('}').Stop(), nil).Bytes(), checkpoint.ErrNoModel, ""},
	})
}

// immense says that the record unpacks to 100 MB.
func immense(h *archivegen.Header) { h.Size = 100_000_000 }

// TestHostilePickles puts the corpus of hostile pickles into archives. The reason for each refusal is tested in package pickle; here another limit may
// be met first.
func TestHostilePickles(t *testing.T) {
	t.Parallel()
	tests := map[string]refusal{}
	for _, c := range picklegen.Hostile() {
		tests[c.Name] = refusal{content: zipped(c.Content, map[string][]byte{"0": float3}).Bytes()}
	}
	checkRefused(t, tests)
}

// TestUnpackingIsCounted has a thousand parameters in one packed storage: reading each would unpack all of it.
func TestUnpackingIsCounted(t *testing.T) {
	t.Parallel()
	const size = 2 << 20
	var tensors []one
	for i := range 1000 {
		tensors = append(tensors, one{
			name: strings.Repeat("n", 1+i%50) + string(rune('a'+i/50)), class: "ByteStorage", key: "0", count: size,
			offset: i, shape: []int{2}, strides: []int{1},
		})
	}
	a := zipped(object(tensors), map[string][]byte{"0": make([]byte, size)})
	open := func() error {
		_, err := pytorch.Format.Read(context.Background(), a.Bytes(), checkpoint.Options{})
		return err
	}
	if err := open(); err != nil {
		t.Errorf("stored: %v", err)
	}
	a.Records[1].Deflate = true
	if err := open(); !errors.Is(err, checkpoint.ErrUnsafe) || !strings.Contains(err.Error(), "unpack") {
		t.Errorf("packed: %v", err)
	}
}

// TestDamagedStorage has a damaged storage: reading any of its parameters must be an error.
func TestDamagedStorage(t *testing.T) {
	t.Parallel()
	slice := row("slice")
	slice.shape = []int{2}
	a := zipped(object([]one{row("w"), slice}), map[string][]byte{"0": float3})
	a.Records[1].Packed = append([]byte{1}, float3[1:]...)
	opened, err := pytorch.Format.Read(context.Background(), a.Bytes(), checkpoint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, made := range opened.Tensors {
		if _, err := made.Bytes(); !errors.Is(err, checkpoint.ErrMalformed) || !strings.Contains(err.Error(), "checksum") {
			t.Errorf("%s: %v", made.Name, err)
		}
	}
}
