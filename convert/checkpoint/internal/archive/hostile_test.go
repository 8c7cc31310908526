package archive_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/archive"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/archive/archivegen"
)

// refused is an archive that must not open, or whose first record must not be read.
type refused struct {
	content []byte
	kind    error
	says    string
}

// pair is an archive of two records, of which the first is changed.
func pair(change func(r *record)) []byte {
	first := record{Name: "m/a", Content: []byte("first content")}
	change(&first)
	return gen{Records: []record{first, {Name: "m/b", Content: []byte("second")}}}.Bytes()
}

func local(change func(h *header)) []byte {
	return pair(func(r *record) { r.Local = change })
}

func central(change func(h *header)) []byte {
	return pair(func(r *record) { r.Central = change })
}

func both(change func(h *header)) []byte {
	return pair(func(r *record) { r.Local, r.Central = change, change })
}

func named(names ...string) []byte {
	var records []record
	for i, name := range names {
		records = append(records, record{Name: name, Content: fmt.Append(nil, i)})
	}
	return gen{Records: records}.Bytes()
}

// ended is an archive whose end record is changed.
func ended(change func(e *archivegen.End)) []byte {
	return gen{Records: []record{{Name: "m/a"}, {Name: "m/b"}}, End: change}.Bytes()
}

// wider is an archive whose 64-bit end record is changed.
func wider(change func(end64, locator []byte)) []byte {
	return gen{Records: []record{{Name: "m/a"}, {Name: "m/b"}}, Wide: true, Wider: change}.Bytes()
}

// hostile has archives in which two programs could see different records, and archives that ask for too much memory.
func hostile() map[string]refused {
	malformed, unsafe, unsupported := checkpoint.ErrMalformed, checkpoint.ErrUnsafe, checkpoint.ErrUnsupported
	put := binary.LittleEndian.PutUint64
	tests := map[string]refused{
		"nothing":            {nil, malformed, "too few"},
		"only a local start": {[]byte("PK\x03\x04" + strings.Repeat("\x00", 100)), malformed, "does not end with its directory"},
		"bytes in front":     {gen{Records: []record{{Name: "m/a"}}, Prefix: []byte("#!/bin/sh\n")}.Bytes(), malformed, ""},
		"offsets fit to bytes in front": {
			gen{Records: []record{{Name: "m/a", Before: []byte("#!/bin/sh\n")}}}.Bytes(), malformed,
			`10 bytes before record "m/a" belong to no record`,
		},
		"bytes between":         {gen{Records: []record{{Name: "m/a"}, {Name: "m/b", Before: []byte("hidden")}}}.Bytes(), malformed, `6 bytes before record "m/b"`},
		"a record between":      {gen{Records: []record{{Name: "m/a"}, {Name: "m/evil"}, {Name: "m/b"}}, Order: []int{0, 2}}.Bytes(), malformed, `before record "m/b"`},
		"bytes before the end":  {gen{Records: []record{{Name: "m/a"}}, Gap: []byte("hidden")}.Bytes(), malformed, "6 bytes before the directory"},
		"bytes behind":          {gen{Records: []record{{Name: "m/a"}}, Tail: []byte("\n")}.Bytes(), malformed, "does not end with its directory"},
		"another end behind":    {append(named("m/a"), named("m/b")...), malformed, ""},
		"a comment":             {append(ended(func(e *archivegen.End) { e.Comment = 3 }), "abc"...), malformed, "does not end with its directory"},
		"a comment cut off":     {ended(func(e *archivegen.End) { e.Comment = 3 }), malformed, "comment of 3 bytes"},
		"several volumes":       {ended(func(e *archivegen.End) { e.Disk, e.FirstDisk = 1, 1 }), unsupported, "several volumes"},
		"fewer here than total": {ended(func(e *archivegen.End) { e.Here = 1 }), unsupported, "several volumes"},
		"one entry less":        {ended(func(e *archivegen.End) { e.Here, e.Total = 1, 1 }), malformed, "behind its 1 entries"},
		"one entry more":        {ended(func(e *archivegen.End) { e.Here, e.Total = 3, 3 }), malformed, "fewer entries"},
		"a million entries":     {wider(func(end64, _ []byte) { put(end64[24:], 1e6); put(end64[32:], 1e6) }), malformed, "disagree"},
		"truly 100,001 entries": {gen{
			Wide: true, Wider: func(end64, _ []byte) { put(end64[24:], 100_001); put(end64[32:], 100_001) },
			End: func(e *archivegen.End) { e.Here, e.Total = 0xffff, 0xffff },
		}.Bytes(), unsafe, "100001 records"},
		"directory too long":            {ended(func(e *archivegen.End) { e.Size++ }), malformed, "the directory of the zip archive should be"},
		"directory too short":           {ended(func(e *archivegen.End) { e.Size-- }), malformed, "the directory of the zip archive should be"},
		"directory elsewhere":           {ended(func(e *archivegen.End) { e.Offset = 0 }), malformed, "the directory of the zip archive should be"},
		"directory offset beyond":       {ended(func(e *archivegen.End) { e.Offset = 0xffffffff }), malformed, "the directory of the zip archive should be"},
		"64-bit end elsewhere":          {wider(func(_, locator []byte) { put(locator[8:], 0) }), malformed, "not where it should be"},
		"64-bit end far away":           {wider(func(_, locator []byte) { put(locator[8:], 1<<63) }), malformed, "not where it should be"},
		"64-bit end on two disks":       {wider(func(_, locator []byte) { locator[16] = 2 }), malformed, "not where it should be"},
		"64-bit end without mark":       {wider(func(end64, _ []byte) { end64[0] = 'Q' }), malformed, "64-bit end record of the zip archive is damaged"},
		"64-bit end longer":             {wider(func(end64, _ []byte) { put(end64[4:], 60) }), malformed, "64-bit end record of the zip archive is damaged"},
		"64-bit end with another count": {wider(func(end64, _ []byte) { put(end64[24:], 1); put(end64[32:], 1) }), malformed, "disagree"},
		"64-bit end with another start": {wider(func(end64, _ []byte) { put(end64[48:], 0) }), malformed, "disagree"},
		"64-bit end that overflows":     {wider(func(end64, _ []byte) { put(end64[40:], 1<<63); put(end64[48:], 1<<63) }), malformed, "damaged"},

		"local name differs":         {local(func(h *header) { h.Name = "m/x" }), unsafe, `"m/a" has another name`},
		"local name longer":          {local(func(h *header) { h.Name = "m/abc" }), unsafe, "another name"},
		"local method differs":       {local(func(h *header) { h.Method = 8 }), unsafe, "another method"},
		"local size differs":         {local(func(h *header) { h.Size++ }), unsafe, "another size"},
		"local packed size differs":  {local(func(h *header) { h.Compressed++ }), unsafe, "another size"},
		"local checksum differs":     {local(func(h *header) { h.CRC++ }), unsafe, "another checksum"},
		"local sizes absent":         {local(func(h *header) { h.CRC, h.Compressed, h.Size = 0, 0, 0 }), unsafe, "another checksum"},
		"local says encrypted":       {local(func(h *header) { h.Flags |= 1 }), unsafe, "another set of flags"},
		"local says patched":         {local(func(h *header) { h.Flags |= 1 << 5 }), unsafe, "another set of flags"},
		"local name not UTF-8":       {local(func(h *header) { h.Flags &^= 1 << 11 }), unsafe, "another set of flags"},
		"local 64-bit size differs":  {local(func(h *header) { h.Extra = archivegen.Wide64(99, 13); h.Size = 0xffffffff }), unsafe, "another size"},
		"local extra damaged":        {local(func(h *header) { h.Extra = []byte{1, 0, 99, 0} }), malformed, `"m/a": its extra field is damaged`},
		"local extra cut":            {local(func(h *header) { h.Extra = []byte{1, 0, 9} }), malformed, "extra field is damaged"},
		"local 64-bit block twice":   {local(func(h *header) { h.Extra = append(archivegen.Wide64(13, 13), archivegen.Wide64(99, 99)...) }), malformed, "two blocks"},
		"local 64-bit block short":   {local(func(h *header) { h.Size = 0xffffffff; h.Extra = archivegen.Extra(1, make([]byte, 7)) }), malformed, "64-bit size is missing"},
		"local 64-bit size negative": {local(func(h *header) { h.Size = 0xffffffff; h.Extra = archivegen.Wide64(1 << 63) }), malformed, "9223372036854775808 bytes"},
		"local without mark":         {central(func(h *header) { h.Offset++ }), malformed, ""},
		"first record elsewhere":     {central(func(h *header) { h.Offset = 50 }), malformed, ""},
		"offset beyond the end":      {central(func(h *header) { h.Offset = 1 << 30 }), malformed, ""},
		"two entries, one record":    {gen{Records: []record{{Name: "m/a"}, {Name: "m/b", Central: func(h *header) { h.Offset = 0 }}}}.Bytes(), malformed, ""},
		"record in another volume":   {central(func(h *header) { h.Disk = 1 }), unsupported, "another volume"},

		"descriptor missing": {pair(func(r *record) { r.Streamed, r.Descriptor = true, []byte{} }), malformed, "not followed by its own sizes"},
		"descriptor with other sum": {pair(func(r *record) {
			r.Streamed, r.Descriptor = true, []byte("PK\x07\x08\x00\x00\x00\x00\x0d\x00\x00\x00\x0d\x00\x00\x00")
		}), malformed, "not followed by its own sizes"},
		"descriptor too long":          {pair(func(r *record) { r.Streamed, r.Descriptor = true, make([]byte, 17) }), malformed, "not followed by its own sizes"},
		"descriptor that nobody spoke": {pair(func(r *record) { r.Descriptor = make([]byte, 16) }), malformed, "16 bytes before record"},
		"descriptor hides data":        {pair(func(r *record) { r.Streamed, r.Packed = true, []byte("first content and more") }), malformed, "is stored, but"},

		"size beyond the file": {both(func(h *header) { h.Size, h.Compressed = 1<<30, 1<<30 }), malformed, "longer than the file"},
		"size into the next":   {both(func(h *header) { h.Size, h.Compressed = 20, 20 }), malformed, "reaches into the record after it"},
		"stored, two sizes":    {both(func(h *header) { h.Size = 5 }), malformed, "is stored, but"},
		"64-bit size beyond": {both(func(h *header) {
			h.Extra = archivegen.Wide64(1<<62, 1<<62)
			h.Size, h.Compressed = 0xffffffff, 0xffffffff
		}), malformed, "longer than the file"},
		"encrypted":              {both(func(h *header) { h.Flags |= 1 }), unsupported, `"m/a" is encrypted`},
		"strongly encrypted":     {both(func(h *header) { h.Flags |= 1 << 6 }), unsupported, "encrypted"},
		"masked headers":         {both(func(h *header) { h.Flags |= 1 << 13 }), unsupported, "encrypted"},
		"patched":                {both(func(h *header) { h.Flags |= 1 << 5 }), unsupported, "method 0"},
		"packed with zstd":       {both(func(h *header) { h.Method = 93 }), unsupported, "method 93"},
		"packed with bzip2":      {both(func(h *header) { h.Method = 12 }), unsupported, "method 12"},
		"bomb by its size":       {both(func(h *header) { h.Method = 8; h.Size = 1 << 31 }), unsafe, "more than deflate can do"},
		"a folder with content":  {named("m/a/"), malformed, `folder "m/a/" has content`},
		"central extra damaged":  {central(func(h *header) { h.Extra = []byte{1, 0, 99, 0} }), malformed, "extra field is damaged"},
		"central 64-bit twice":   {central(func(h *header) { h.Extra = append(archivegen.Wide64(1), archivegen.Wide64(2)...) }), malformed, "two blocks"},
		"central 64-bit missing": {central(func(h *header) { h.Size, h.Compressed, h.Extra = 0xffffffff, 0xffffffff, archivegen.Wide64(13) }), malformed, "64-bit size is missing"},

		"the same name":          {named("m/a", "m/b", "m/a"), malformed, `two records named "m/a"`},
		"the same but for case":  {named("m/data.pkl", "m/DATA.pkl"), malformed, "two records named"},
		"a folder and a record":  {named("m/a", "m/a/b", "m/a"), malformed, "two records"},
		"name climbs":            {named("../a"), unsafe, `named "../a"`},
		"name climbs inside":     {named("m/../../a"), unsafe, "named"},
		"name with a dot folder": {named("m/./a"), unsafe, "named"},
		"name with two slashes":  {named("m//a"), unsafe, "named"},
		"absolute name":          {named("/etc/passwd"), unsafe, "named"},
		"name of a drive":        {named(`C:\a`), unsafe, "named"},
		"name with backslash":    {named(`m\a`), unsafe, "named"},
		"empty name":             {named(""), unsafe, `named ""`},
		"name with NUL":          {named("m/data.pkl\x00.txt"), unsafe, "named"},
		"name not UTF-8":         {named("m/\xff"), unsafe, `named "m/\xff"`},
		"name with escape":       {named("m/\x1b[2J", "m/\x1b[2J"), malformed, `"m/\x1b[2J"`},
		"name of dots":           {named(".."), unsafe, "named"},
		"name of 5,000 bytes":    {named(strings.Repeat("n", 5000)), unsafe, "named"},
	}
	return tests
}

func TestHostileArchives(t *testing.T) {
	t.Parallel()
	for name, test := range hostile() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := archive.Open(context.Background(), test.content)
			if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %v with %q", err, test.kind, test.says)
			}
		})
	}
}

// TestHostileDeflate has records whose damage shows only when they are unpacked.
func TestHostileDeflate(t *testing.T) {
	t.Parallel()
	malformed, unsafe := checkpoint.ErrMalformed, checkpoint.ErrUnsafe
	size := func(n int) func(h *header) { return func(h *header) { h.Size = uint32(n) } }
	packed := archivegen.Deflate(make([]byte, 1<<20))
	tests := map[string]refused{
		"grows more than stated": {pair(func(r *record) { r.Deflate, r.Packed, r.Local, r.Central = true, packed, size(1000), size(1000) }), unsafe, "more than the 1000 bytes"},
		"grows less than stated": {pair(func(r *record) { r.Deflate, r.Packed, r.Local, r.Central = true, packed, size(1<<20+1), size(1<<20+1) }), malformed, "1048576 of 1048577 bytes"},
		"bytes behind the end": {pair(func(r *record) {
			r.Deflate, r.Packed = true, append(archivegen.Deflate(r.Content), "more"...)
		}), unsafe, "more than"},
		"cut":        {pair(func(r *record) { r.Deflate, r.Packed = true, archivegen.Deflate(r.Content)[:5] }), malformed, "cannot be unpacked"},
		"not packed": {pair(func(r *record) { r.Deflate, r.Packed = true, []byte("\xff\xff\xff\xff") }), malformed, "cannot be unpacked"},
		"nothing":    {pair(func(r *record) { r.Deflate, r.Packed = true, []byte{}; r.Local, r.Central = size(0), size(0) }), unsafe, ""},
	}
	for name, test := range tests {
		opened, err := archive.Open(context.Background(), test.content)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_, err = opened.Records[0].Bytes()
		if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: Bytes: %v, want %v with %q", name, err, test.kind, test.says)
		}
		if _, err = opened.Records[0].WriteTo(io.Discard); !errors.Is(err, test.kind) {
			t.Errorf("%s: WriteTo: %v", name, err)
		}
	}
}

// byName reads with Go's own package, without its checks of content.
func byName(t *testing.T, raw []byte) map[string][]byte {
	r, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatalf("archive/zip refuses what is accepted here: %v", err)
	}
	all := map[string][]byte{}
	for _, f := range r.File {
		if opened, err := f.Open(); err == nil {
			all[f.Name], _ = io.ReadAll(opened)
		}
	}
	return all
}

// FuzzOpen makes sure that every byte of an accepted archive is accounted for, and that records are what archive/zip sees.
func FuzzOpen(f *testing.F) {
	for _, test := range hostile() {
		if len(test.content) < 1000 {
			f.Add(test.content)
		}
	}
	f.Add(gen{Records: []record{{Name: "m/a", Content: []byte("abc"), Streamed: true}, {Name: "m/b", Content: make([]byte, 99), Deflate: true}}, Wide: true}.Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		opened, err := archive.Open(context.Background(), raw)
		var problem *checkpoint.Error
		if err != nil {
			if !errors.As(err, &problem) {
				t.Fatalf("not a checkpoint.Error: %v", err)
			}
			return
		}
		covered := bytes.Clone(raw)
		for _, r := range opened.Records {
			window, err := r.Bytes()
			if err != nil {
				if !errors.As(err, &problem) {
					t.Fatalf("not a checkpoint.Error: %v", err)
				}
				continue
			}
			if int64(len(window)) != r.Size {
				t.Fatalf("%d bytes of %d", len(window), r.Size)
			}
			if other := byName(t, raw)[r.Name]; !bytes.Equal(window, other) {
				t.Fatalf("record %q has %d bytes here and %d in archive/zip", r.Name, len(window), len(other))
			}
			if !r.Stored() {
				continue
			}
			for i := range window { // no two records may share a byte
				if at := r.Start() + int64(i); covered[at] != raw[at] {
					t.Fatalf("byte %d belongs to two records", at)
				} else {
					covered[at] ^= 0xff
				}
			}
		}
	})
}
