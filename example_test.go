package beitzoo_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/recording"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
)

const (
	checkpoint = "manifests/embedded/digits_p16_64.pdparams"
	recorded   = "manifests/embedded/digits_p16_64.passl.float32.recording.safetensors"
)

var ctx = context.Background()

// Opens a checkpoint of any framework and lists its parameters under their canonical names.
func Example_open() {
	model, err := convert.Open(ctx, checkpoint, convert.OpenOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	fmt.Println(model.Config.Name, "with names of", model.Scheme)
	for _, t := range model.Tensors {
		if len(t.Shape) > 2 {
			fmt.Println(t.Name, t.DType, t.Shape)
		}
	}
	// Output:
	// digits_p16_64 with names of passl
	// cls_token F32 [1, 1, 48]
	// patch_embed.proj.weight F32 [48, 3, 16, 16]
}

// Converts a PaddlePaddle file to one for timm. Prove reads the new file back and compares every bit before the file gets its name.
func Example_convert() {
	folder, err := os.MkdirTemp("", "beitzoo")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	target := filepath.Join(folder, "digits.safetensors")
	options := convert.Options{SaveOptions: convert.SaveOptions{To: "timm", Prove: true}}
	report, err := convert.Convert(ctx, checkpoint, target, options)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Input.Scheme, "to", report.Saved.Scheme, "proved:", report.Saved.Proved)
	// Output: passl to timm proved: true
}

// Loads a model and classifies an image. A service loads it once and calls Predict for each request.
func ExampleOpen() {
	model, err := beitzoo.Open(ctx, checkpoint, beitzoo.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	predictions, err := model.Predict(ctx, []string{"manifests/embedded/images/7/005.png"}, 1)
	if err != nil {
		log.Fatal(err)
	}
	best := predictions[0].Top[0]
	fmt.Printf("%s, %.1f %%\n", best, 100*best.Probability)
	fmt.Println("epsilon:", model.Card.Config.Epsilon, "from", model.Card.From[card.Epsilon])
	fmt.Println("recipe:", model.Card.RecipeName, "from", model.Card.From[card.Preparing])
	// Output:
	// class 7, 99.4 %
	// epsilon: 1e-06 from the default of PASSL, unilm and timm
	// recipe: passl-digits from the architecture
}

// Runs a model in plain Go and compares each activation with what PASSL computed.
func Example_verify() {
	model, err := convert.Open(ctx, checkpoint, convert.OpenOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	reference, err := recording.Read(ctx, recorded)
	if err != nil {
		log.Fatal(err)
	}
	subject := verify.Subject{Name: "digits", Config: model.Config, Weights: model.Tensors, Engine: native.Engine{}}
	result, err := verify.Verify(ctx, subject, verify.Recorded("passl", reference), verify.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("verified:", result.OK, "on", result.Images, "images and", len(result.Taps), "activations")
	// Output: verified: true on 4 images and 6 activations
}

// Pulls weights by name. These ship with the program; others are downloaded and their digests checked. The example has a cache and a state folder of its
// own; without them, NewZoo takes those that the command line uses.
func Example_pull() {
	home, err := os.MkdirTemp("", "beitzoo")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(home)
	local, err := cache.New(filepath.Join(home, "cache"), cache.Options{})
	if err != nil {
		log.Fatal(err)
	}
	z, err := beitzoo.NewZoo(zoo.Options{Cache: local, State: home, Offline: true})
	if err != nil {
		log.Fatal(err)
	}
	found, err := z.Resolve(ctx, "digits_p16_64")
	if err != nil {
		log.Fatal(err)
	}
	pulled, err := z.Pull(ctx, found, zoo.PullOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found.Reference(), "from", pulled.From, pulled.Weights.Size, "bytes")
	// Output: digits_p16_64@1.0.0 from embedded 496632 bytes
}
