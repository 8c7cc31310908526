package jpeg

import (
	"archive/zip"
	"bytes"
	"io"
	"testing"
)

// TestDecode_VectorsEqualPlain compares what vector code makes of drawn files with plain Go. It is not parallel, since it changes what all decoding uses.
func TestDecode_VectorsEqualPlain(t *testing.T) {
	if !fast {
		t.Log("this processor has no AVX2, so all other tests are about plain Go")
		return
	}
	defer func() { fast = true }()
	archive, err := zip.OpenReader("../../../testdata/preprocess/jpegs.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	compared := 0
	for _, entry := range archive.File {
		r, err := entry.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		fast = true
		vector, err1 := Decode(data)
		fast = false
		plain, err2 := Decode(data)
		if (err1 == nil) != (err2 == nil) {
			t.Fatalf("%s: %v, %v", entry.Name, err1, err2)
		}
		if err1 != nil {
			continue
		}
		if !bytes.Equal(vector.Pix, plain.Pix) {
			t.Errorf("%s: other samples", entry.Name)
		}
		compared++
	}
	if compared < 150 {
		t.Errorf("only %d files were read", compared)
	}
}
