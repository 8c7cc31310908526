package archive_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/beitzoo/beitzoo/convert/checkpoint/checkpointtest"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/archive"
	"github.com/beitzoo/beitzoo/convert/output"
)

func TestLayoutReadsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`m/[a-zé0-9.]{1,90}`)
		var files []archive.File
		want := map[string]string{}
		for _, name := range rapid.SliceOfNDistinct(name, 0, 6, strings.ToLower).Draw(t, "names") {
			content := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "content")
			if name == "m/." || name == "m/.." {
				continue
			}
			files = append(files, archive.Text(name, content))
			want[name] = string(content)
		}
		parts, err := archive.Layout(files)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := checkpointtest.Assemble(parts)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := archive.Open(context.Background(), raw)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for i, r := range opened.Records {
			content, err := r.Bytes()
			if err != nil || r.Name != files[i].Name || r.Start()%archive.Alignment != 0 || !r.Stored() {
				t.Fatalf("record %q at %d, %v; want %q", r.Name, r.Start(), err, files[i].Name)
			}
			got[r.Name] = string(content)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

func TestLayoutRefuses(t *testing.T) {
	t.Parallel()
	for _, file := range []archive.File{
		archive.Text("../a", nil), archive.Text("", nil), archive.Text("m/\xff", nil), archive.Text(strings.Repeat("n", 1<<16), nil),
		{Name: "m/a", Size: -1},
		{Name: "m/a", Size: 1<<63 - 1},
	} {
		if _, err := archive.Layout([]archive.File{archive.Text("m/first", nil), file}); err == nil {
			t.Errorf("a record named %.20q of %d bytes is planned", file.Name, file.Size)
		}
	}
}

// zeros is Data that is too large to be read; its value is its size in bytes. Reading it is an error.
type zeros int64

func (z zeros) Bytes() ([]byte, error) { return nil, fmt.Errorf("%d zeros are too many", z) }

func (z zeros) WriteTo(io.Writer) (int64, error) { return 0, fmt.Errorf("%d zeros are too many", z) }

// sparse shows the file that parts make, with zeros for the Data of records that are larger than memory.
type sparse struct {
	begin []int64
	text  [][]byte
	size  int64
}

func newSparse(parts []output.Part) *sparse {
	s := &sparse{}
	sums := make([]uint32, len(parts))
	for i, part := range parts {
		if part.Data != nil && part.Size < 1<<20 {
			raw, _ := part.Data.Bytes()
			sums[i] = crc32.ChecksumIEEE(raw)
		}
	}
	for _, part := range parts {
		if part.Fill != nil {
			s.begin, s.text = append(s.begin, s.size), append(s.text, part.Fill(sums))
		} else if part.Size < 1<<20 {
			raw, _ := part.Data.Bytes()
			s.begin, s.text = append(s.begin, s.size), append(s.text, raw)
		}
		s.size += part.Size
	}
	return s
}

func (s *sparse) ReadAt(p []byte, at int64) (int, error) {
	n := int(min(int64(len(p)), s.size-at))
	clear(p[:n])
	for i, begin := range s.begin {
		text := s.text[i]
		if from := at - begin; from < int64(len(text)) && -from < int64(n) {
			copy(p[max(0, -from):n], text[max(0, from):])
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// TestBeyond4GB has archives whose sizes, offsets and counts need 64 bits. Go's own package reads them.
func TestBeyond4GB(t *testing.T) {
	t.Parallel()
	const limit = 1<<32 - 1
	file := func(name string, size int64) archive.File {
		return archive.File{Name: name, Size: size, Data: zeros(size)}
	}
	tests := map[string][]archive.File{
		"a large record":           {archive.Text("m/a", []byte("first")), file("m/b", 6<<30), archive.Text("m/c", []byte("last"))},
		"just too large":           {file("m/a", limit), archive.Text("m/b", []byte("last"))},
		"just not too large":       {file("m/a", limit-1)},
		"many records":             {file("m/a", 3<<30), file("m/b", 3<<30), file("m/c", 3<<30), archive.Text("m/d", []byte("last"))},
		"the largest of all":       {file("m/a", 1<<60), archive.Text("m/b", []byte("last"))},
		"directory just too far":   {file("m/a", limit-63)},
		"directory just reachable": {file("m/a", limit-1000)},
		"directory at the limit":   {file("m/a", limit-64)},
		"record at the limit":      {file("m/a", limit-64), archive.Text("m/b", []byte("last"))},
	}
	var crowd []archive.File
	for i := range 70_000 {
		crowd = append(crowd, archive.Text(fmt.Sprintf("m/%d", i), []byte{byte(i)}))
	}
	tests["many entries"] = crowd
	tests["65,535 entries"] = crowd[:65535]
	tests["65,534 entries"] = crowd[:65534]
	for name, files := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parts, err := archive.Layout(files)
			if err != nil {
				t.Fatal(err)
			}
			if len(files) > 1000 {
				checkCrowd(t, parts, files)
				return
			}
			file := newSparse(parts)
			opened, err := zip.NewReader(file, file.size)
			if err != nil {
				t.Fatal(err)
			}
			tail := make([]byte, parts[len(parts)-1].Size)
			begin := file.size - int64(len(tail))
			if _, err := file.ReadAt(tail, begin); err != nil {
				t.Fatal(err)
			}
			if wide := bytes.Contains(tail, []byte("PK\x06\x06")); wide != (begin >= limit) {
				t.Errorf("a 64-bit end record for a directory at %d: %v", begin, wide)
			}
			if len(opened.File) != len(files) {
				t.Fatalf("%d records of %d", len(opened.File), len(files))
			}
			for i, f := range opened.File {
				start, err := f.DataOffset()
				if err != nil || f.Name != files[i].Name || int64(f.UncompressedSize64) != files[i].Size || start%archive.Alignment != 0 {
					t.Errorf("record %q of %d bytes at %d, %v; want %q of %d", f.Name, f.UncompressedSize64, start, err, files[i].Name, files[i].Size)
				}
				if needed := files[i].Size >= limit || start >= limit; needed != (f.ReaderVersion >= 45) {
					t.Errorf("record %q asks for a reader of version %d", f.Name, f.ReaderVersion)
				}
				if files[i].Size < 100 {
					checkSmall(t, f, files[i])
				}
			}
		})
	}
}

func checkSmall(t *testing.T, f *zip.File, file archive.File) {
	t.Helper()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if want, _ := file.Data.Bytes(); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: %q, %v; want %q", file.Name, got, err, want)
	}
}

func checkCrowd(t *testing.T, parts []output.Part, files []archive.File) {
	t.Helper()
	raw, err := checkpointtest.Assemble(parts)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := archive.Open(context.Background(), raw)
	if err != nil {
		t.Fatal(err)
	}
	other, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	if len(opened.Records) != len(files) || len(other.File) != len(files) {
		t.Errorf("%d and %d records of %d", len(opened.Records), len(other.File), len(files))
	}
	// 65,535 says that the number is elsewhere.
	if wide := bytes.Contains(raw[len(raw)-100:], []byte("PK\x06\x06")); wide != (len(files) >= 65535) {
		t.Errorf("a 64-bit end record for %d records: %v", len(files), wide)
	}
}

// TestLocalHeadersBeyond4GB looks at the local header of a large record, which most readers ignore: they read the directory.
func TestLocalHeadersBeyond4GB(t *testing.T) {
	t.Parallel()
	parts, err := archive.Layout([]archive.File{{Name: "m/a", Size: 5 << 30, Data: zeros(5 << 30)}})
	if err != nil {
		t.Fatal(err)
	}
	head := parts[0].Fill([]uint32{0, 0x11223344, 0})
	want := "PK\x03\x04\x2d\x00\x00\x08\x00\x00\x00\x00\x21\x00\x44\x33\x22\x11\xff\xff\xff\xff\xff\xff\xff\xff\x03\x00\x1f\x00m/a" +
		"\x01\x00\x10\x00\x00\x00\x00\x40\x01\x00\x00\x00\x00\x00\x00\x40\x01\x00\x00\x00FB\x07\x00"
	if diff := cmp.Diff(want, string(head[:len(want)])); diff != "" || len(head) != 64 {
		t.Errorf("%d bytes (-want +got):\n%s", len(head), diff)
	}
}

// BenchmarkOpen opens an archive with as many records as a BEiT large has, 415, which are more than a page apart.
func BenchmarkOpen(b *testing.B) {
	var files []archive.File
	for i := range 415 {
		files = append(files, archive.Text(fmt.Sprintf("archive/data/%d", i), make([]byte, 8192)))
	}
	parts, err := archive.Layout(files)
	if err != nil {
		b.Fatal(err)
	}
	raw, err := checkpointtest.Assemble(parts)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := archive.Open(context.Background(), raw); err != nil {
			b.Fatal(err)
		}
	}
}
