package pickle_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle/picklegen"
)

const (
	// mostAllocated bounds the bytes that loading one pickle may allocate in total, freed ones included.
	mostAllocated = 120 << 20
	// mostHeld bounds what its values hold.
	mostHeld = 50 << 20
)

// fillers are pickles that repeat something that takes memory.
var fillers = []struct {
	name string
	// n is 90 % of the number of repetitions that the limits allow.
	n    int
	make func(n int) []byte
}{
	{"tuples by MARK", 93000, repeat(2, "(t")},
	{"empty dicts", 175500, repeat(2, "}")},
	{"empty tuples", 200400, repeat(2, ")")},
	{"nested tuples", 200400, func(n int) []byte { return picklegen.New(2).Op(')').Repeat(n, 0x85).Stop() }},
	{"memo", 348400, func(n int) []byte { return picklegen.New(4).Op('N').Repeat(n, 0x94).Stop() }},
	{"sparse memo", 328200, func(n int) []byte {
		w := picklegen.New(2).Op('N')
		for i := range n {
			w.Op('r').U32(uint32(i * 7 % 2_000_000))
		}
		return w.Stop()
	}},
	{"DUP", 231100, repeat(2, "N2")},
	{"floats", 397300, repeat(2, "G12345678")},
	{"big integers", 343100, repeat(2, "\x8a\x10123456789012345x")},
	{"texts of 255", 52300, repeat(4, "\x8c\xff"+string(make([]byte, 255)))},
	{"bytearrays", 328200, repeat(5, "\x96\x08\x00\x00\x00\x00\x00\x00\x0012345678")},
	{"strings of Python 2", 242200, repeat(2, "U\x01x")},
	{"payloads", 243500, repeat(4, "B\x00\x01\x00\x00"+string(make([]byte, 256)))},
	{"records", 42200, repeat(2, "ca\nB\n)\x81")},
	{"records with state", 24800, repeat(2, "ca\nB\n)\x81}b")},
	{"OrderedDicts", 41500, repeat(2, "ccollections\nOrderedDict\n)R")},
	{"entries with text", 93900, func(n int) []byte {
		w := picklegen.New(2).Op('}')
		for i := range n {
			w.Op('U', 4).U32(uint32(i)).Op('N', 's')
		}
		return w.Stop()
	}},
	{"items", 228700, func(n int) []byte { return picklegen.New(2).Op(']').Repeat(n, 'K', 1, 'a').Stop() }},
	{"arrays", 5800, repeat(3, string(picklegen.New(3).Array(picklegen.Array{Code: "f4", Shape: []int{2}, Data: make([]byte, 8)}).Unfinished()[2:]))},
	{"sets", 63000, repeat(4, "\x8f(K\x01K\x02\x90")},
}

// repeat makes a tuple of n times the same values.
func repeat(protocol int, code string) func(n int) []byte {
	return func(n int) []byte {
		return picklegen.New(protocol).Op('(').Repeat(n, []byte(code)...).Op('t').Stop()
	}
}

func accepted(content []byte) bool {
	_, err := pickle.Scan(context.Background(), content, 0, pickle.DefaultLimits)
	return err == nil
}

// TestLargestAcceptedPicklesStaySmall measures how much memory the pickles take that the limits just allow.
func TestLargestAcceptedPicklesStaySmall(t *testing.T) {
	for _, f := range fillers {
		t.Run(f.name, func(t *testing.T) {
			content := f.make(f.n)
			if accepted(f.make(f.n * 5 / 4)) {
				t.Errorf("a quarter more than %d is accepted, too: n is not near the limit", f.n)
			}
			var before, after, held runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			document, err := pickle.Load(context.Background(), content, 0, pickle.Options{})
			if err != nil {
				t.Fatalf("%d times: %v", f.n, err)
			}
			runtime.ReadMemStats(&after)
			runtime.GC()
			runtime.ReadMemStats(&held)
			runtime.KeepAlive(document)
			runtime.KeepAlive(content)
			if used := after.TotalAlloc - before.TotalAlloc; used > mostAllocated {
				t.Errorf("%d bytes were allocated in total", used)
			}
			if kept := int64(held.HeapAlloc) - int64(before.HeapAlloc); kept > mostHeld {
				t.Errorf("%d bytes are held", kept)
			}
		})
	}
}
