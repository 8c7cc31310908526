package convert_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert"
)

// Convert takes the format from the ending of the output, and with Prove it reads back what was written.
func Example() {
	folder, err := os.MkdirTemp("", "convert")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	report, err := convert.Convert(context.Background(), "../manifests/embedded/digits_p16_64.pdparams", filepath.Join(folder, "digits.pth"),
		convert.Options{SaveOptions: convert.SaveOptions{To: "timm", Prove: true}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Input.Scheme, "to", report.Saved.Scheme, "proved:", report.Saved.Proved)
	fmt.Println(report.Architecture.Name, len(report.Parameters), "parameters,", len(report.Dropped), "dropped")
	// Output:
	// passl to timm proved: true
	// digits_p16_64 55 parameters, 3 dropped
}

// Open finds out the naming scheme and the architecture.
func ExampleOpen() {
	model, err := convert.Open(context.Background(), "../testdata/digits/hf", convert.OpenOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	fmt.Println(model.Scheme, model.Config.Depth, "blocks")
	fmt.Println("epsilon", model.Config.Epsilon, "from", model.From[card.Epsilon])
	// Output:
	// hf 3 blocks
	// epsilon 1e-12 from config.json
}

// Inspect describes a file, whatever it holds.
func ExampleInspect() {
	file, err := convert.Inspect(context.Background(), "../testdata/digits/digits_p16_64.timm.safetensors", convert.InspectOptions{Digests: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(file.Format, "of", file.Scheme, "with", file.Parameters, "parameters")
	fmt.Println(file.SHA256[:16])
	// Output:
	// safetensors of timm with 122974 parameters
	// 92c4aeb16e92c685
}
