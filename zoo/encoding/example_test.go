package encoding_test

import (
	"bytes"
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/zoo/encoding"
)

func ExampleEncode() {
	raw := elements(100_000, 4, putF32) // float32 normal weights
	regions := []encoding.Region{{Size: int64(len(raw)), Width: 4, Rotation: 1}}
	var coded buffer
	table, err := encoding.Encode(context.Background(), &coded, bytes.NewReader(raw), regions, encoding.Options{Workers: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f of the size\n", float64(table.CodedSize())/float64(table.DecodedSize()))
	reader, err := encoding.Open(bytes.NewReader(coded.b), int64(len(coded.b)))
	if err != nil {
		fmt.Println(err)
		return
	}
	part := make([]byte, 1000)
	_, err = reader.ReadAt(part, 12_345)
	fmt.Println(bytes.Equal(part, raw[12_345:13_345]), err)
	// Output:
	// 0.83 of the size
	// true <nil>
}
