package pickler_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/opcode"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickler"
)

// TestWriter reads back what it writes, piece by piece, in both protocols.
func TestWriter(t *testing.T) {
	t.Parallel()
	numbers := []int64{0, 1, 255, 256, 65535, 65536, math.MaxInt32, math.MaxInt32 + 1, math.MaxInt64, -1, math.MinInt32, math.MinInt64}
	texts := []string{"", "é", strings.Repeat("x", 255)}
	class := pickle.Global{Module: "collections", Name: "OrderedDict"}
	for _, protocol := range []byte{2, 4} {
		w := pickler.New(protocol)
		w.Op(opcode.EmptyList, opcode.Mark)
		var want []pickle.Value
		for _, n := range numbers {
			w.Int(n)
			want = append(want, n)
		}
		raw := w.Cut()
		for _, text := range texts {
			w.Text(text)
			want = append(want, text)
		}
		for range 2 {
			w.Global(class.Module, class.Name)
			w.Once("shared", func() { w.Text("shared") })
			want = append(want, &class, "shared")
		}
		if protocol == 4 {
			w.BytesHeader(2)
			w.Op('a', 'b')
			want = append(want, []byte("ab"))
		}
		w.Op(opcode.Appends, opcode.Stop)
		document, err := pickle.Load(t.Context(), append(raw, w.Cut()...), 0, pickle.Options{})
		if err != nil {
			t.Fatalf("protocol %d: %v", protocol, err)
		}
		if diff := cmp.Diff(&pickle.List{Items: want}, document.Root); diff != "" {
			t.Errorf("protocol %d: (-want +got):\n%s", protocol, diff)
		}
	}
}
