package dataset_test

import (
	"context"
	"fmt"
	"log"

	"github.com/beitzoo/beitzoo/evaluate/dataset"
)

// Lists the images of tar files that WebDataset wrote, and the logits that stand for their classes.
func Example() {
	ctx := context.Background()
	found, err := dataset.Open(ctx, []string{"testdata/tars/val-{000..002}.tar"}, dataset.Options{})
	if err != nil {
		log.Fatal(err)
	}
	digits := []string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}
	set, err := found.Match(ctx, dataset.Model{Classes: 10, Labels: digits}, dataset.Matching{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found.Kind(), "matched by", set.Classes().Way)
	for e, err := range set.Shard(0, 2).Examples(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.Tar, e.Name, digits[e.Class])
	}
	// Output:
	// tar files matched by number
	// val-000.tar 000000.png three
	// val-000.tar 000001.png one
	// val-002.tar 000004.png five
}
