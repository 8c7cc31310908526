package archive_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/archive"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/archive/archivegen"
)

type (
	gen    = archivegen.Archive
	record = archivegen.Record
	header = archivegen.Header
)

// noise is n bytes that do not deflate.
func noise(n int) []byte {
	random := rand.New(rand.NewPCG(3, uint64(n)))
	raw := make([]byte, n)
	for i := range raw {
		raw[i] = byte(random.Uint32())
	}
	return raw
}

// content reads all records, with Bytes and with WriteTo.
func content(t testing.TB, opened *archive.Archive) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, r := range opened.Records {
		raw, err := r.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if n, err := r.WriteTo(&out); err != nil || n != r.Size || !bytes.Equal(out.Bytes(), raw) {
			t.Fatalf("%s: %d bytes written of %d, %v", r.Name, n, r.Size, err)
		}
		if found, ok := opened.Get(r.Name); !ok || found != r {
			t.Fatalf("%s is not found by its name", r.Name)
		}
		all[r.Name] = string(raw)
	}
	return all
}

func TestSoundArchives(t *testing.T) {
	t.Parallel()
	a, b := string(noise(1000)), strings.Repeat("text ", 1000)
	want := map[string]string{"m/a": a, "m/b": b}
	plain := func() []record { return []record{{Name: "m/a", Content: []byte(a)}, {Name: "m/b", Content: []byte(b)}} }
	with := func(change func(*record)) []byte {
		records := plain()
		for i := range records {
			change(&records[i])
		}
		return gen{Records: records}.Bytes()
	}
	sums := func(raw []byte, wide bool) []byte {
		if wide {
			return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(
				binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(raw)), uint64(len(raw))), uint64(len(raw)))
		}
		return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(
			binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(raw)), uint32(len(raw))), uint32(len(raw)))
	}
	var python bytes.Buffer // what Go's own writer makes: streamed, with descriptors
	w := zip.NewWriter(&python)
	for _, r := range plain() {
		f, err := w.Create(r.Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(r.Content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	tests := map[string][]byte{
		"stored":                   gen{Records: plain()}.Bytes(),
		"64-bit end":               gen{Records: plain(), Wide: true}.Bytes(),
		"directory in other order": gen{Records: plain(), Order: []int{1, 0}}.Bytes(),
		"deflated":                 with(func(r *record) { r.Deflate = true }),
		"streamed":                 with(func(r *record) { r.Streamed = true }),
		"deflated and streamed":    with(func(r *record) { r.Deflate, r.Streamed = true, true }),
		"descriptor without mark":  with(func(r *record) { r.Streamed, r.Descriptor = true, sums(r.Content, false) }),
		"64-bit descriptor": with(func(r *record) {
			r.Streamed, r.Descriptor = true, append([]byte("PK\x07\x08"), sums(r.Content, true)...)
		}),
		"64-bit, without mark": with(func(r *record) { r.Streamed, r.Descriptor = true, sums(r.Content, true) }),
		"sizes before and behind": with(func(r *record) {
			r.Descriptor = append([]byte("PK\x07\x08"), sums(r.Content, false)...)
			r.Local = streamed
			r.Central = streamed
		}),
		"filler":       with(func(r *record) { r.Local = func(h *header) { h.Extra = archivegen.Extra(0x4246, make([]byte, 50)) } }),
		"64-bit sizes": with(wide),
		"64-bit end of large count": gen{Records: plain(), Wide: true, End: func(e *archivegen.End) {
			*e = archivegen.End{Here: 0xffff, Total: 0xffff, Size: 0xffffffff, Offset: 0xffffffff}
		}}.Bytes(),
		"a folder":         gen{Records: append(plain(), record{Name: "m/"})}.Bytes(),
		"Go's archive/zip": python.Bytes(),
	}
	for name, raw := range tests {
		opened, err := archive.Open(context.Background(), raw)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, content(t, opened)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		// Another program must see the same records.
		if diff := cmp.Diff(want, byGo(t, raw)); diff != "" {
			t.Errorf("%s: archive/zip disagrees (-want +got):\n%s", name, diff)
		}
	}
}

func streamed(h *header) { h.Flags |= 1 << 3 }

func wide(r *record) {
	size := uint64(len(r.Content))
	r.Local = func(h *header) { h.Size, h.Compressed, h.Extra = 0xffffffff, 0xffffffff, archivegen.Wide64(size, size) }
	r.Central = func(h *header) {
		h.Extra = archivegen.Wide64(size, size, uint64(h.Offset))
		h.Size, h.Compressed, h.Offset = 0xffffffff, 0xffffffff, 0xffffffff
	}
}

// byGo reads an archive with Go's own package.
func byGo(t *testing.T, raw []byte) map[string]string {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range r.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		opened, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(opened)
		if err != nil {
			t.Fatal(err)
		}
		all[f.Name] = string(raw)
	}
	return all
}

func TestStoredRecordsAreWindows(t *testing.T) {
	t.Parallel()
	raw := gen{Records: []record{{Name: "m/a", Content: noise(100)}}}.Bytes()
	opened, err := archive.Open(context.Background(), raw)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := opened.Get("m/a")
	window, err := r.Bytes()
	if err != nil || &window[0] != &raw[r.Start()] || cap(window) != 100 || !r.Stored() {
		t.Errorf("a copy, or %v", err)
	}
}

func TestChecksum(t *testing.T) {
	t.Parallel()
	flip := func(raw []byte) []byte { raw[len(raw)-1] ^= 1; return raw }
	for name, test := range map[string]struct {
		record record
		fails  bool
	}{
		"stored":                   {record{Content: noise(100), Packed: flip(noise(100))}, true},
		"deflated":                 {record{Content: noise(100), Deflate: true, Packed: archivegen.Deflate(flip(noise(100)))}, true},
		"no checksum":              {record{Content: noise(100), Packed: flip(noise(100)), Local: noSum, Central: noSum}, false},
		"no checksum and deflated": {record{Content: noise(100), Deflate: true, Local: noSum, Central: noSum}, false},
		"of nothing":               {record{Content: nil}, false},
	} {
		test.record.Name = "m/a"
		opened, err := archive.Open(context.Background(), gen{Records: []record{test.record}}.Bytes())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for range 2 { // also the second time
			_, err := opened.Records[0].Bytes()
			n, errWrite := opened.Records[0].WriteTo(io.Discard)
			if errors.Is(err, checkpoint.ErrMalformed) != test.fails || errors.Is(errWrite, checkpoint.ErrMalformed) != test.fails {
				t.Errorf("%s: %v, %v after %d bytes", name, err, errWrite, n)
			}
			if test.fails && !strings.Contains(err.Error(), `record "m/a" is damaged`) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func noSum(h *header) { h.CRC = 0 }

// TestWriterErrors makes sure that an error of the writer is not taken for one of the archive.
func TestWriterErrors(t *testing.T) {
	t.Parallel()
	errOwn := errors.New("my own")
	for _, deflate := range []bool{false, true} {
		opened, err := archive.Open(context.Background(), gen{Records: []record{{Name: "m/a", Content: noise(10), Deflate: deflate}}}.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := opened.Records[0].WriteTo(failing{errOwn}); !errors.Is(err, errOwn) {
			t.Errorf("deflate %v: %v", deflate, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := archive.Open(ctx, gen{Records: []record{{Name: "m/a"}}}.Bytes()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
