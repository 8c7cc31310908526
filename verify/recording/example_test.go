package recording_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/recording"
)

// Reads a recording of PASSL and lists its activations.
func ExampleRead() {
	recorded, err := recording.Read(context.Background(), "../../manifests/embedded/digits_p16_64.passl.float32.recording.safetensors")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(recorded.Architecture, "by", recorded.Origin())
	for _, a := range recorded.Activations {
		fmt.Println(a.Name, a.Shape)
	}
	// Output:
	// digits_p16_64 by PASSL Beit + BEiTClsHead (5c7359b), float32
	// embed [4, 17, 48]
	// blocks.0 [4, 17, 48]
	// blocks.1 [4, 17, 48]
	// blocks.2 [4, 17, 48]
	// pool [4, 48]
	// logits [4, 10]
}

// Writes a recording of a Go program, with which other programs can be compared. Its inputs are the first two probe images, so they are not stored.
func ExampleWrite() {
	folder, err := os.MkdirTemp("", "recording")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "mine.recording.safetensors")
	made := &recording.Recording{
		Implementation: "my program", DType: tensor.F32, Epsilon: 1e-6, Images: 2, Probes: &recording.Probes{First: 0, Last: 1},
		Activations: []engine.Activation{{Name: "logits", Shape: tensor.Shape{2, 3}, Values: []float64{0.5, 2, -1, 0, 0.25, 1}}},
	}
	if err := recording.Write(context.Background(), path, made); err != nil {
		log.Fatal(err)
	}
	read, err := recording.Read(context.Background(), path)
	if err != nil {
		log.Fatal(err)
	}
	logits, _ := read.Activation("logits")
	fmt.Println(read.Origin(), logits.Values[:3])
	// Output: my program, float32 [0.5 2 -1]
}
