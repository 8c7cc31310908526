package manifest_test

import (
	"fmt"
	"os"

	"github.com/beitzoo/beitzoo/zoo/manifest"
)

func ExampleParse() {
	raw, err := os.ReadFile("testdata/tiny.yaml")
	if err != nil {
		fmt.Println(err)
		return
	}
	document, err := manifest.Parse("tiny.yaml", raw)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(document.Reference(), document.Parameters)
	// Output: tiny_example@1.2.3 50554
}
