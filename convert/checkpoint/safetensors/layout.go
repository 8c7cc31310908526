package safetensors

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/tensor"
)

// Layout plans a file of the given tensors for output.Write; their Data is read only then. metadata is added to {"format": "pt"}, without which
// Hugging Face's loaders refuse a file, and may replace it. The same tensors and metadata make the same bytes, whatever the order of
// tensors. The error lists every tensor that the format cannot hold.
func Layout(tensors []tensor.Named, metadata map[string]string) ([]output.Part, error) {
	entries, err := plan(tensors)
	if err != nil {
		return nil, err
	}
	head, err := headerText(entries, metadata)
	if err != nil {
		return nil, err
	}
	parts := make([]output.Part, 0, len(entries)+1)
	parts = append(parts, output.Literal(head))
	for _, e := range entries {
		parts = append(parts, output.Data(e.end-e.begin, e.data))
	}
	return parts, nil
}

// tensorPlan is an entry and the tensor's elements.
type tensorPlan struct {
	entry
	data tensor.Data
}

// plan sorts the tensors by descending element type and then by name, as the reference writer does, and assigns each its place.
func plan(tensors []tensor.Named) ([]tensorPlan, error) {
	entries := make([]tensorPlan, len(tensors))
	var problems []error
	for i, t := range tensors {
		entries[i] = tensorPlan{entry: entry{name: t.Name, dtype: t.DType, shape: t.Shape}, data: t.Data}
		problems = append(problems, checkTensor(t))
	}
	slices.SortFunc(entries, func(a, b tensorPlan) int {
		return cmp.Or(-cmp.Compare(slices.Index(dtypes, a.dtype), slices.Index(dtypes, b.dtype)), strings.Compare(a.name, b.name))
	})
	if err := errors.Join(append(problems, duplicates(tensors)...)...); err != nil {
		return nil, err
	}
	at := int64(0)
	for i := range entries {
		size, _ := tensor.View{DType: entries[i].dtype, Shape: entries[i].shape}.Size()
		if size > math.MaxInt64-maxHeader-8-at {
			return nil, fmt.Errorf("tensor %q: the file would have more bytes than can be counted", entries[i].name)
		}
		entries[i].begin, entries[i].end = at, at+size
		at += size
	}
	return entries, nil
}

// checkTensor returns why the format cannot hold a tensor, or nil.
func checkTensor(t tensor.Named) error {
	switch {
	case len(t.Name) > maxName:
		return fmt.Errorf("tensor %.100q...: a name of %d bytes; %d is the limit", t.Name, len(t.Name), maxName)
	case !utf8.ValidString(t.Name):
		return fmt.Errorf("tensor %q: the name is not UTF-8", t.Name)
	case t.Name == metadataKey:
		return fmt.Errorf("tensor %q: the name stands for the metadata in safetensors", t.Name)
	case !slices.Contains(dtypes, t.DType):
		return fmt.Errorf("tensor %q: safetensors has no element type %s", t.Name, t.DType)
	}
	if _, err := t.Size(); err != nil {
		return fmt.Errorf("tensor %q of shape %s: %w", t.Name, t.Shape, err)
	}
	return nil
}

// duplicates reports each name that occurs more than once.
func duplicates(tensors []tensor.Named) []error {
	count := map[string]int{}
	for _, t := range tensors {
		count[t.Name]++
	}
	maps.DeleteFunc(count, func(_ string, n int) bool { return n == 1 })
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(count)) {
		problems = append(problems, fmt.Errorf("tensor %q: %d tensors have this name", name, count[name]))
	}
	return problems
}

// headerText returns the length and the JSON, with entries in the order of the data (PaddleNLP's reader depends on it), padded to 8 bytes so that every
// element is aligned.
func headerText(entries []tensorPlan, metadata map[string]string) ([]byte, error) {
	text, err := appendMetadata(make([]byte, 8, 8+128*(len(entries)+1)), metadata)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		shape, err := json.Marshal(append([]int{}, e.shape...))
		if err != nil {
			return nil, err
		}
		text = fmt.Appendf(text, `,%s:{"dtype":%q,"shape":%s,"data_offsets":[%d,%d]}`, jsonString(e.name), e.dtype.String(), shape, e.begin, e.end)
	}
	text = append(text, '}')
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	if len(text)-8 > maxHeader {
		return nil, fmt.Errorf("a header of %d bytes; the format allows %d", len(text)-8, maxHeader)
	}
	binary.LittleEndian.PutUint64(text, uint64(len(text)-8))
	return text, nil
}

func appendMetadata(text []byte, metadata map[string]string) ([]byte, error) {
	all := map[string]string{"format": "pt"}
	maps.Copy(all, metadata)
	text = append(text, `{"`+metadataKey+`":`...)
	separator := byte('{')
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if !utf8.ValidString(key) || !utf8.ValidString(all[key]) {
			return nil, fmt.Errorf("metadata %q is not UTF-8", key)
		}
		text = append(text, separator)
		text = fmt.Appendf(text, "%s:%s", jsonString(key), jsonString(all[key]))
		separator = ','
	}
	return append(text, '}'), nil
}

// jsonString returns a JSON string as the reference writer makes it: only what has to be escaped is escaped.
func jsonString(text string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		panic(err) // a string always encodes
	}
	return strings.TrimSuffix(b.String(), "\n")
}
