package safetensors_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/checkpointtest"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/tensor"
)

// build returns a file: the length of a header, the header, and size zeros.
func build(header string, size int) []byte {
	content := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(content, header...), make([]byte, size)...)
}

// one is the description of a tensor of 4 bytes.
const one = `{"dtype":"F32","shape":[1],"data_offsets":[0,4]}`

func TestHostileHeaders(t *testing.T) {
	t.Parallel()
	malformed, unsafe, unsupported := checkpoint.ErrMalformed, checkpoint.ErrUnsafe, checkpoint.ErrUnsupported
	entry := func(format string, args ...any) []byte { return build(fmt.Sprintf(`{"w":`+format+`}`, args...), 4) }
	tests := map[string]struct {
		content []byte
		kind    error
		says    string
	}{
		"no length":             {[]byte{1, 0, 0}, malformed, "3 bytes"},
		"length of 0":           {build("", 4), malformed, "brace"},
		"length beyond file":    {binary.LittleEndian.AppendUint64(nil, 10), malformed, "10 bytes, and 0"},
		"length beyond limit":   {append(binary.LittleEndian.AppendUint64(nil, 100_000_001), '{'), unsafe, "100000001"},
		"length wraps":          {append(binary.LittleEndian.AppendUint64(nil, 1<<64-8), '{'), unsafe, "limit"},
		"no brace":              {build(` {"w":`+one+`}`, 4), malformed, "brace"},
		"a list":                {build(`[`+one+`]`, 4), malformed, "brace"},
		"not UTF-8":             {build("{\"\xff\":"+one+"}", 4), malformed, "UTF-8"},
		"not JSON":              {build(`{"w":`+one+`,}`, 4), malformed, "JSON"},
		"ends early":            {build(`{"w":`+one, 4), malformed, "JSON"},
		"comma missing":         {build(`{"w":`+one+` "v":`+one+`}`, 4), malformed, "JSON"},
		"text behind":           {build(`{"w":`+one+`}{}`, 4), malformed, "0x7b behind"},
		"zeros behind":          {build(`{"w":`+one+"}\x00", 4), malformed, "0x00 behind"},
		"the same name":         {build(`{"w":`+one+`,"w":`+one+`}`, 4), malformed, `"w" occurs twice`},
		"the same name escaped": {build(`{"w":`+one+`,"\u0077":`+one+`}`, 4), malformed, `"w" occurs twice`},
		"half a surrogate pair": {build(`{"\ud800":`+one+`}`, 4), malformed, "escape that is not a character"},
		"the other half":        {build(`{"\udc00x":`+one+`}`, 4), malformed, "escape that is not a character"},
		"two first halves":      {build(`{"\ud83d\ud83d":`+one+`}`, 4), malformed, "escape that is not a character"},
		"half, then a letter":   {build(`{"\ud83d\u0041":`+one+`}`, 4), malformed, "escape that is not a character"},
		"half in the metadata":  {build(`{"__metadata__":{"a":"\ud83d"}}`, 0), malformed, "escape that is not a character"},
		"a control character":   {build("{\"a\x01\":"+one+"}", 4), malformed, "JSON"},
		"a terminal escape":     {build(`{"\u001b[2J":`+one+`,"\u001b[2J":`+one+`}`, 4), malformed, `\x1b[2J`},
		"a long name":           {build(`{"`+strings.Repeat("n", 1025)+`":`+one+`}`, 4), unsafe, "1025 bytes"},
		"deep nesting":          {build(`{"w":`+strings.Repeat("[", 100_000), 0), malformed, `"[" where "{"`},
		"deep nesting, objects": {build(strings.Repeat(`{"a":`, 100_000), 0), malformed, "unknown field"},
		"entry is null":         {entry(`null`), malformed, `tensor "w": null`},
		"entry is a list":       {entry(`[]`), malformed, `tensor "w"`},

		"two metadata":            {build(`{"__metadata__":{},"__metadata__":{}}`, 0), malformed, "twice"},
		"metadata key twice":      {build(`{"__metadata__":{"a":"1","a":"2"}}`, 0), malformed, `the metadata: "a" occurs twice`},
		"metadata with number":    {build(`{"__metadata__":{"a":1}}`, 0), malformed, "the metadata: a number"},
		"metadata with object":    {build(`{"__metadata__":{"a":{}}}`, 0), malformed, "the metadata"},
		"metadata is null":        {build(`{"__metadata__":null}`, 0), malformed, "the metadata: null"},
		"metadata is a tensor":    {build(`{"__metadata__":`+one+`}`, 4), malformed, "the metadata"},
		"unknown field":           {entry(`{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}`), malformed, `tensor "w": unknown field "x"`},
		"field in capitals":       {entry(`{"Dtype":"F32","shape":[1],"data_offsets":[0,4]}`), malformed, `unknown field "Dtype"`},
		"field twice":             {entry(`{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}`), malformed, `tensor "w": "dtype" occurs twice`},
		"field missing":           {entry(`{"dtype":"F32","shape":[1]}`), malformed, `tensor "w": one of`},
		"no field":                {entry(`{}`), malformed, `tensor "w": one of`},
		"dtype unknown":           {entry(`{"dtype":"F33","shape":[1],"data_offsets":[0,4]}`), malformed, `tensor "w": unknown dtype "F33"`},
		"dtype in small letters":  {entry(`{"dtype":"f32","shape":[1],"data_offsets":[0,4]}`), malformed, `unknown dtype "f32"`},
		"dtype is a number":       {entry(`{"dtype":32,"shape":[1],"data_offsets":[0,4]}`), malformed, `tensor "w": a number`},
		"dtype of 8-bit floats":   {entry(`{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}`), unsupported, `tensor "w" has elements of type F8_E4M3`},
		"dtype of 4-bit floats":   {entry(`{"dtype":"F4","shape":[8],"data_offsets":[0,4]}`), unsupported, "F4"},
		"dtype invalid":           {entry(`{"dtype":"invalid","shape":[1],"data_offsets":[0,4]}`), malformed, "unknown dtype"},
		"dtype of no safetensors": {entry(`{"dtype":"C128","shape":[1],"data_offsets":[0,16]}`), malformed, "unknown dtype"},
		"shape with fraction":     {entry(`{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}`), malformed, `tensor "w": the number "1.0"`},
		"shape with exponent":     {entry(`{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}`), malformed, `"1e0"`},
		"shape negative":          {entry(`{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}`), malformed, `"-1"`},
		"shape minus zero":        {entry(`{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}`), malformed, `"-0"`},
		"shape beyond 64 bits":    {entry(`{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]}`), malformed, "9223372036854775808"},
		"shape of many digits":    {entry(`{"dtype":"F32","shape":[%s],"data_offsets":[0,4]}`, strings.Repeat("9", 10_000)), malformed, "999"},
		"shape overflows":         {entry(`{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}`), malformed, `tensor "w" of shape`},
		"bytes overflow":          {entry(`{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]}`), malformed, `tensor "w" of shape`},
		"shape overflows to 1":    {entry(`{"dtype":"F32","shape":[4294967297,4294967295],"data_offsets":[0,4]}`), malformed, `tensor "w"`},
		"rank 33":                 {entry(`{"dtype":"F32","shape":[1%s],"data_offsets":[0,4]}`, strings.Repeat(",1", 32)), malformed, "more than 32"},
		"shape is an object":      {entry(`{"dtype":"F32","shape":{},"data_offsets":[0,4]}`), malformed, `tensor "w"`},
		"shape with text":         {entry(`{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}`), malformed, "a text"},
		"one offset":              {entry(`{"dtype":"F32","shape":[1],"data_offsets":[0]}`), malformed, `tensor "w": 1 data_offsets`},
		"three offsets":           {entry(`{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}`), malformed, "more than 2"},
		"offsets negative":        {entry(`{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}`), malformed, "-4"},
		"offsets turned around":   {entry(`{"dtype":"F32","shape":[1],"data_offsets":[0,-4]}`), malformed, "-4"},
		"end before begin":        {build(`{"v":`+one+`,"w":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, 8), malformed, `tensor "w"`},
		"more than the shape":     {entry(`{"dtype":"F16","shape":[1],"data_offsets":[0,4]}`), malformed, `tensor "w" is given bytes 0 to 4 of the data, but F16 [1] needs 2`},
		"less than the shape":     {entry(`{"dtype":"F64","shape":[1],"data_offsets":[0,4]}`), malformed, `tensor "w" is given`},
		"beyond the data":         {build(`{"w":`+one+`}`, 3), malformed, "4 bytes, and 3 follow"},
		"data left over":          {build(`{"w":`+one+`}`, 5), malformed, "4 bytes, and 5 follow"},
		"data without tensors":    {build(`{}`, 1), malformed, "0 bytes, and 1 follow"},
		"a hole before":           {build(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8), malformed, `tensor "w" begins at 4`},
		"a hole between":          {build(`{"v":`+one+`,"w":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}`, 12), malformed, `tensor "w" begins at 8`},
		"overlap":                 {build(`{"v":`+one+`,"w":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}`, 6), malformed, `tensor "w" begins at 2`},
		"the same bytes":          {build(`{"v":`+one+`,"w":`+one+`}`, 4), malformed, "begins at 0"},
		"empty in the middle":     {build(`{"v":`+one+`,"w":{"dtype":"F32","shape":[0],"data_offsets":[2,2]}}`, 4), malformed, `tensor "w" begins at 2`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opened, err := checkpointtest.Whole(safetensors.Format, test.content)
			if err != nil || opened != nil {
				t.Fatalf("accepted, or %v", err)
			}
			_, err = safetensors.Format.Read(context.Background(), test.content, checkpoint.Options{})
			if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %q, want %q with %q", err, test.kind, test.says)
			}
		})
	}
}

func TestOddButSound(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		content []byte
		want    []string
	}{
		"no tensor":        {build(`{}`, 0), []string{}},
		"only metadata":    {build(`{"__metadata__":{}}   `, 0), []string{}},
		"spaces inside":    {build("{ \"w\"\n:\t"+one+" }", 4), []string{"w F32 [1]"}},
		"fields reordered": {build(`{"w":{"data_offsets":[0,4],"shape":[1],"dtype":"F32"}}`, 4), []string{"w F32 [1]"}},
		"names reordered": {
			build(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"v":`+one+`}`, 8),
			[]string{"v F32 [1]", "w F32 [1]"},
		},
		"empty tensors beside others": {
			build(`{"a":{"dtype":"F32","shape":[0],"data_offsets":[4,4]},"w":`+one+
				`,"b":{"dtype":"F64","shape":[2,0],"data_offsets":[0,0]}}`, 4),
			[]string{"b F64 [2, 0]", "w F32 [1]", "a F32 [0]"},
		},
		"the empty name":            {build(`{"":`+one+`}`, 4), []string{" F32 [1]"}},
		"escapes":                   {build(`{"\\ud83d\ud83d\ude00\u0041\"\ufffd":`+one+`}`, 4), []string{"\\ud83d\U0001f600A\"\ufffd F32 [1]"}},
		"the replacement character": {build("{\"\ufffd\":"+one+"}", 4), []string{"\ufffd F32 [1]"}},
		"rank 32":                   {build(`{"w":{"dtype":"U8","shape":[1`+strings.Repeat(",1", 31)+`],"data_offsets":[0,1]}}`, 1), []string{"w U8 [1" + strings.Repeat(", 1", 31) + "]"}},
	}
	for name, test := range tests {
		opened, err := checkpointtest.Whole(safetensors.Format, test.content)
		if err != nil || opened == nil {
			t.Errorf("%s: refused, or %v", name, err)
			continue
		}
		got := []string{}
		for _, t := range opened.Tensors {
			got = append(got, t.Name+" "+t.DType.String()+" "+t.Shape.String())
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestManyTensors reads as many tensors as a header of a few megabytes can describe.
func TestManyTensors(t *testing.T) {
	t.Parallel()
	var header strings.Builder
	header.WriteString(`{"":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`)
	for i := range 20_000 {
		fmt.Fprintf(&header, `,"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`, i)
	}
	header.WriteString("}")
	opened, err := checkpointtest.Whole(safetensors.Format, build(header.String(), 0))
	if err != nil || opened == nil || len(opened.Tensors) != 20_001 {
		t.Fatalf("refused, or %v", err)
	}
}

func TestAlignment(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts, err := layout(checkpointtest.Draw(t, dtypes))
		if err != nil {
			t.Fatal(err)
		}
		content, err := checkpointtest.Assemble(parts)
		if err != nil {
			t.Fatal(err)
		}
		if n := binary.LittleEndian.Uint64(content); n%8 != 0 {
			t.Fatalf("a header of %d bytes", n)
		}
		opened, err := safetensors.Format.Read(context.Background(), content, checkpoint.Options{})
		if err != nil {
			t.Fatal(err)
		}
		at := 8 + int(binary.LittleEndian.Uint64(content))
		for _, made := range opened.Tensors {
			if size, _ := made.Size(); at%min(8, made.DType.Size()) == 0 {
				at += int(size)
				continue
			}
			t.Fatalf("tensor %q of type %s begins at byte %d", made.Name, made.DType, at)
		}
	})
}

// FuzzRead reads hostile files. What is accepted must be delivered exactly, and a file that is written from it must read as the same
// tensors and, written again, have the same bytes.
func FuzzRead(f *testing.F) {
	f.Add(written(f, mixed(), nil))
	f.Add(build(`{"w":`+one+`,"__metadata__":{"a":"b"}} `, 4))
	f.Add(build(`{"\u0077\ud83d\ude00":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}`, 8))
	f.Fuzz(func(t *testing.T, content []byte) {
		opened, err := checkpointtest.Whole(safetensors.Format, content)
		if err != nil {
			t.Fatal(err)
		}
		if opened == nil {
			return
		}
		if !safetensors.Format.Match(content) {
			t.Fatal("a file is read that is not recognised")
		}
		first := written(t, opened.Tensors, opened.Metadata)
		again, err := checkpointtest.Whole(safetensors.Format, first)
		if err != nil || again == nil {
			t.Fatalf("what was written is refused, or %v", err)
		}
		want, errWant := checkpointtest.Flatten(opened.Tensors)
		got, errGot := checkpointtest.Flatten(again.Tensors)
		if diff := cmp.Diff(want, got); diff != "" || errWant != nil || errGot != nil {
			t.Fatalf("(-want +got), %v, %v:\n%s", errWant, errGot, diff)
		}
		if second := written(t, again.Tensors, again.Metadata); !bytes.Equal(first, second) {
			t.Fatal("writing again makes other bytes")
		}
	})
}

// FuzzHeader is FuzzRead for the JSON alone: length and data fit it.
func FuzzHeader(f *testing.F) {
	f.Add(`{"w":` + one + `}`)
	f.Add(`{"__metadata__":{"format":"pt"},"w":{"shape":[2,0],"data_offsets":[0,0],"dtype":"BF16"}}   `)
	f.Fuzz(func(t *testing.T, header string) {
		for _, size := range []int{0, 4, 8} {
			opened, err := checkpointtest.Whole(safetensors.Format, build(header, size))
			if err != nil {
				t.Fatal(err)
			}
			if opened == nil {
				continue
			}
			total := int64(0)
			for _, made := range opened.Tensors {
				n, _ := made.Size()
				total += n
			}
			if total != int64(size) {
				t.Fatalf("tensors of %d bytes in a file with %d", total, size)
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	named := make([]tensor.Named, 415)
	for i := range named {
		named[i] = tensor.Named{Name: fmt.Sprintf("blocks.%d.attn.relative_position_bias_table", i), View: view(tensor.F32, make([]byte, 4096), 32, 32)}
	}
	content := written(b, named, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := safetensors.Format.Read(context.Background(), content, checkpoint.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
