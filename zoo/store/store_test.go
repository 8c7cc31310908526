package store_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/storetest"
)

func TestParseDigest(t *testing.T) {
	digits := strings.Repeat("0123456789abcdef", 4)
	tests := []struct {
		text string
		want digest.Digest
	}{
		{"sha256:" + digits, digest.Digest("sha256:" + digits)},
		{digits, digest.Digest("sha256:" + digits)},
		{"", ""},
		{"sha256:", ""},
		{"sha256:" + digits[1:], ""},
		{"sha256:" + digits + "0", ""},
		{"SHA256:" + digits, ""},
		{strings.ToUpper(digits), ""},
		{"sha512:" + digits, ""},
		{"sha256:" + digits[:63] + "/", ""},
		{"sha256:" + strings.Repeat("a", 1<<20), ""},
	}
	for _, test := range tests {
		got, err := store.ParseDigest(test.text)
		if test.want == "" {
			if !errors.Is(err, store.ErrInvalid) || len(err.Error()) > 300 {
				t.Errorf("%.20q: got %v", test.text, err)
			}
			continue
		}
		if err != nil || got != test.want || got.Encoded() != digits {
			t.Errorf("%.20q: got %v and %v", test.text, got, err)
		}
	}
}

func TestBlobValidate(t *testing.T) {
	empty := digest.FromBytes(nil)
	chunk := func(size int64) store.Chunk { return store.Chunk{Digest: empty, Size: size} }
	tests := []struct {
		name string
		blob store.Blob
		ok   bool
	}{
		{"zero", store.Blob{}, false},
		{"digest", store.Blob{Digest: empty}, true},
		{"name and no size", store.Blob{Name: "a", Size: store.UnknownSize}, true},
		{"bad digest", store.Blob{Name: "a", Digest: "sha256:../x"}, false},
		{"negative size", store.Blob{Digest: empty, Size: -2}, false},
		{"chunks", store.Blob{Digest: empty, Size: 5, Chunks: []store.Chunk{chunk(3), chunk(2)}}, true},
		{"chunks too short", store.Blob{Digest: empty, Size: 6, Chunks: []store.Chunk{chunk(3), chunk(2)}}, false},
		{"chunks too long", store.Blob{Digest: empty, Size: 4, Chunks: []store.Chunk{chunk(3), chunk(2)}}, false},
		{"chunks of an unknown size", store.Blob{Digest: empty, Size: -1, Chunks: []store.Chunk{chunk(3)}}, false},
		{"empty chunk", store.Blob{Digest: empty, Size: 3, Chunks: []store.Chunk{chunk(3), chunk(0)}}, false},
		{"negative chunk", store.Blob{Digest: empty, Size: 3, Chunks: []store.Chunk{chunk(4), chunk(-1)}}, false},
		{"chunks that overflow", store.Blob{Digest: empty, Size: 3, Chunks: []store.Chunk{chunk(1 << 62), chunk(1 << 62), chunk(1 << 62), chunk(1<<62 + 3)}}, false},
		{"chunk with a bad digest", store.Blob{Digest: empty, Size: 3, Chunks: []store.Chunk{{Digest: "x", Size: 3}}}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := test.blob.Validate(); (err == nil) != test.ok || err != nil && !errors.Is(err, store.ErrInvalid) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestVerifier(t *testing.T) {
	content := storetest.Random(1000, 1)
	plain, chunked := storetest.Describe(content, 0), storetest.Describe(content, 300)
	flipped := bytes.Clone(content)
	flipped[650] ^= 1
	long := append(bytes.Clone(content), 1, 2, 3)
	unsized := store.Blob{Digest: plain.Digest, Size: store.UnknownSize}
	tests := []struct {
		name    string
		blob    store.Blob
		content []byte
		// delivered is how many bytes may come before the error. If want is nil, there is no error, and all come.
		delivered int
		want      any
	}{
		{"right", plain, content, 1000, nil},
		{"right with chunks", chunked, content, 1000, nil},
		{"unsized", unsized, content, 1000, nil},
		{"unknown", store.Blob{Name: "a", Size: -1}, content, 1000, nil},
		{"flipped", plain, flipped, 1000, &store.DigestError{}},
		{"flipped, unsized", unsized, flipped, 1000, &store.DigestError{}},
		{"flipped, with chunks", chunked, flipped, 899, &store.DigestError{}},
		{"short", plain, content[:999], 999, &store.SizeError{}},
		{"short with chunks", chunked, content[:999], 999, &store.SizeError{}},
		{"empty", plain, nil, 0, &store.SizeError{}},
		{"long", plain, long, 1000, &store.SizeError{}},
		{"long with chunks", chunked, long, 1000, &store.SizeError{}},
		{"should be empty", storetest.Describe(nil, 0), content, 0, &store.SizeError{}},
		{"is empty", storetest.Describe(nil, 0), nil, 0, nil},
	}
	for _, test := range tests {
		for name, wrap := range map[string]func(io.Reader) io.Reader{
			"at once": func(r io.Reader) io.Reader { return r }, "by bytes": iotest.OneByteReader, "with EOF": iotest.DataErrReader,
		} {
			t.Run(test.name+" "+name, func(t *testing.T) {
				verifier := store.NewVerifier(wrap(bytes.NewReader(test.content)), test.blob, "there")
				got, err := io.ReadAll(verifier)
				if test.want == nil {
					if err != nil || !bytes.Equal(got, test.content) || verifier.Blob().Digest != digest.FromBytes(test.content) {
						t.Errorf("got %d bytes and %v", len(got), err)
					}
					return
				}
				if !errors.Is(err, store.ErrDigestMismatch) || !sameType(err, test.want) {
					t.Errorf("got %v", err)
				}
				if len(got) > test.delivered {
					t.Errorf("%d bytes were delivered, at most %d may be", len(got), test.delivered)
				}
			})
		}
	}
}

func sameType(err error, want any) bool {
	switch want.(type) {
	case *store.DigestError:
		var e *store.DigestError
		return errors.As(err, &e)
	default:
		var e *store.SizeError
		return errors.As(err, &e)
	}
}

// TestVerifierSaysWhere compares the fields of the error.
func TestVerifierSaysWhere(t *testing.T) {
	content := storetest.Random(1000, 1)
	blob := storetest.Describe(content, 300)
	blob.Name = "weights"
	flipped := bytes.Clone(content)
	flipped[650] ^= 1
	_, err := io.ReadAll(store.NewVerifier(bytes.NewReader(flipped), blob, "there"))
	want := &store.DigestError{
		Name: `"weights"`, Want: digest.FromBytes(content[600:900]), Got: digest.FromBytes(flipped[600:900]),
		Span: store.Span{Offset: 600, Size: 300}, Chunk: 2, Source: "there",
	}
	var got *store.DigestError
	if !errors.As(err, &got) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

// TestVerifierReadsOneByteTooMany wants a Verifier to read at most one byte too many of endless content.
func TestVerifierReadsOneByteTooMany(t *testing.T) {
	endless := &countingReader{}
	_, err := io.ReadAll(store.NewVerifier(endless, storetest.Describe(make([]byte, 1000), 0), ""))
	if !errors.Is(err, store.ErrDigestMismatch) || endless.read > 1001 {
		t.Errorf("read %d bytes, and got %v", endless.read, err)
	}
}

type countingReader struct{ read int }

func (c *countingReader) Read(p []byte) (int, error) {
	clear(p)
	c.read += len(p)
	return len(p), nil
}

func TestDescribeAndVerify(t *testing.T) {
	for _, size := range []int{0, 1, 999, 1000, 1001, 5000} {
		content := storetest.Random(size, 1)
		got, err := store.Describe(t.Context(), bytes.NewReader(content), int64(size), 1000)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(storetest.Describe(content, 1000), got); diff != "" {
			t.Errorf("%d bytes (-want +got):\n%s", size, diff)
		}
		if err := store.Verify(t.Context(), bytes.NewReader(content), int64(size), got); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// TestVerifyFindsAll damages two chunks.
func TestVerifyFindsAll(t *testing.T) {
	content := storetest.Random(5000, 1)
	blob := storetest.Describe(content, 1000)
	content[0] ^= 1
	content[4999] ^= 1
	err := store.Verify(t.Context(), bytes.NewReader(content), 5000, blob)
	for _, want := range []string{"chunk 0 (bytes 0 to 999)", "chunk 4 (bytes 4000 to 4999)"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	blob.Chunks = nil
	if err := store.Verify(t.Context(), bytes.NewReader(content), 5000, blob); !errors.Is(err, store.ErrDigestMismatch) {
		t.Errorf("without chunks: got %v", err)
	}
	if err := store.Verify(t.Context(), bytes.NewReader(content), 4999, blob); !errors.Is(err, store.ErrDigestMismatch) {
		t.Errorf("of another size: got %v", err)
	}
}
