package output_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/tensor"
)

// A file of a title, some data, and the checksum of the data before it.
func Example() {
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "letters.bin")

	data := tensor.Memory("abcdef")
	parts := []output.Part{
		output.Literal([]byte("title ")),
		{Size: 4, Fill: func(sums []uint32) []byte { return binary.BigEndian.AppendUint32(nil, sums[2]) }},
		output.Data(int64(len(data)), data),
	}
	if err := output.Write(context.Background(), path, parts, output.Options{}); err != nil {
		log.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q\n", content)
	// Output:
	// "title K\x8e9\xefabcdef"
}
