package vocabulary_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/vocabulary"
)

func linesOf(t *testing.T, path string) []string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")
}

// TestImageNet1k_OrderOfOthers compares names with torchvision's and ids with EVA's. Two classes share the names crane and maillot with another;
// torchvision tells them apart.
func TestImageNet1k_OrderOfOthers(t *testing.T) {
	t.Parallel()
	v := vocabulary.ByName("imagenet_1K")
	if v.Name() != vocabulary.ImageNet1k || v.Len() != 1000 {
		t.Fatalf("%s, %d", v.Name(), v.Len())
	}
	if !slices.Equal(v.IDs(), linesOf(t, "testdata/eva.txt")) {
		t.Error("the ids are not those of EVA")
	}
	own := map[string]string{"crane bird": "crane", "maillot tank suit": "maillot, tank suit"}
	for i, name := range linesOf(t, "testdata/torchvision.txt") {
		if label := v.Labels()[i]; !slices.Contains(strings.Split(label, ", "), name) && own[name] != label {
			t.Errorf("class %d is %q, of torchvision %q", i, label, name)
		}
	}
}

// The first ten pictures of ImageNet's validation set are of classes 65, 970, 230, 809, 516, 57, 334, 415, 674 and 332 (Caffe's val.txt), and of the numbers
// 490, 361, 171, 822, 297, 482, 13, 704, 599 and 164 (the ground truth of the development kit).
func TestImageNet1k_NumbersOfTheKit(t *testing.T) {
	t.Parallel()
	numbers := vocabulary.ByName(vocabulary.ImageNet1k).Numbers()
	kit := []int{490, 361, 171, 822, 297, 482, 13, 704, 599, 164}
	for i, logit := range []int{65, 970, 230, 809, 516, 57, 334, 415, 674, 332} {
		if numbers[logit] != kit[i] {
			t.Errorf("class %d has number %d, not %d", logit, numbers[logit], kit[i])
		}
	}
	slices.Sort(numbers)
	for i, number := range numbers {
		if number != i+1 {
			t.Fatalf("the numbers are not those from 1 to 1000: %d", number)
		}
	}
}

// The models of microsoft/unilm have the 21,841 classes of ImageNet-22k in the order of their ids. All of ImageNet-1k but the teddy are among them.
func TestImageNet22k(t *testing.T) {
	t.Parallel()
	v := vocabulary.ByName(vocabulary.ImageNet22k)
	ids := v.IDs()
	if len(ids) != 21841 || len(v.Labels()) != 21841 || !slices.IsSorted(ids) || len(slices.Compact(ids)) != 21841 || v.Numbers() != nil {
		t.Errorf("%d ids", len(ids))
	}
	file := strings.Join(v.IDs(), "\n") + "\n"
	if got := fmt.Sprintf("%x", sha256.Sum256([]byte(file))); got != "0ae24538751973797b29d8dec412b2bdc61bc4ec3ecd081eba0735804236bbd2" {
		t.Errorf("the ids are not those of timm's imagenet22k_synsets.txt: %s", got)
	}
	small := vocabulary.ByName(vocabulary.ImageNet1k)
	for i, id := range small.IDs() {
		at, there := slices.BinarySearch(ids, id)
		if there == (id == "n04399382") || there && v.Labels()[at] != small.Labels()[i] {
			t.Errorf("%s", id)
		}
	}
}

func TestOf(t *testing.T) {
	t.Parallel()
	v := vocabulary.ByName(vocabulary.ImageNet1k)
	other := v.Labels()
	slices.Reverse(other)
	spelt := linesOf(t, "testdata/torchvision.txt")
	for i := range 90 {
		spelt[10*i] = "something else"
	}
	for _, c := range []struct {
		name   string
		labels []string
		want   string
	}{
		{"its own", v.Labels(), vocabulary.ImageNet1k},
		{"ids", v.IDs(), vocabulary.ImageNet1k},
		{"torchvision's, some spelt otherwise", spelt, vocabulary.ImageNet1k},
		{"of another order", other, ""},
		{"one too few", v.Labels()[1:], ""},
		{"ImageNet-22k", vocabulary.ByName(vocabulary.ImageNet22k).Labels(), vocabulary.ImageNet22k},
		{"none", nil, ""},
	} {
		got := ""
		if found := vocabulary.Of(c.labels); found != nil {
			got = found.Name()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if vocabulary.ByName("ImageNet-21k") != nil {
		t.Error("ImageNet-21k is not known")
	}
}
