package zoo_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

func tinyFile(name string) string { return filepath.Join("..", "testdata", "tiny", name) }

// TestDescribe_Base makes sure that weights are not described by the manifest of other weights that have the same name.
func TestDescribe_Base(t *testing.T) {
	t.Parallel()
	z := open(t, folders(t))
	described, err := z.Describe(t.Context(), zoo.Publication{Checkpoint: tinyFile("tiny_p16_64.unilm.pth"), Name: "digits_p16_64", Version: "2.0.0"})
	if err != nil {
		t.Fatal(err)
	}
	m := described.Manifest
	if len(m.Sources) > 0 || len(m.Accuracy) > 0 || m.Origin.Licence.Expression != manifest.NoLicence || m.Categories.Labels != nil {
		t.Errorf("weights of another architecture are described as the digits: %+v", m)
	}
	if notes := strings.Join(described.Notes, "\n"); !strings.Contains(notes, "describes weights of another architecture, and is not used") {
		t.Errorf("notes are %q", notes)
	}

	// The same architecture with other weights: those of bfloat16 have other digests.
	p := newPublisher(t)
	target, _ := folderPlace(t)
	publication := p.publication("3.0.0")
	publication.Checkpoint, publication.Recordings = filepath.Join("..", "testdata", "digits", "digits_p16_64.bf16.pth"), nil
	published := publish(t, target, publication)
	found := resolve(t, open(t, reader(t, p, target)), "digits_p16_64")
	if len(found.Sources) > 0 || found.Accuracy != nil || found.Origin.Licence.Expression != "CC-BY-4.0" {
		t.Errorf("published with sources %v, accuracy %v, licence %s", found.Sources, found.Accuracy, found.Origin.Licence.Expression)
	}
	if notes := strings.Join(published.Notes, "\n"); !strings.Contains(notes, "its sources and accuracies are left out") {
		t.Errorf("notes are %q", notes)
	}
}

// TestDescribe_Guess makes sure that a guess is published as one, and is one for readers.
func TestDescribe_Guess(t *testing.T) {
	t.Parallel()
	z := open(t, folders(t))
	publication := zoo.Publication{Checkpoint: tinyFile("tiny_p16_32.unilm.pth"), Name: "guessed", Version: "1.0.0"}
	described, err := z.Describe(t.Context(), publication)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]card.Item{card.Epsilon, card.Preparing}, described.Manifest.Assumed); diff != "" {
		t.Error(diff)
	}
	known, err := zoo.Card(&described.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	if known.RecipeName != "unilm" || known.From[card.Preparing] != card.ManifestGuess || described.Manifest.Preprocessing[0].Note == "" {
		t.Errorf("a reader finds %q, from %q", known.RecipeName, known.From[card.Preparing])
	}
	publication.Open.RecipeName, publication.Open.Epsilon = "unilm", 1e-6
	if described, err = z.Describe(t.Context(), publication); err != nil {
		t.Fatal(err)
	}
	if described.Manifest.Assumed != nil || described.Manifest.Preprocessing[0].Note != "" {
		t.Errorf("confirmed, and yet a guess: %+v", described.Manifest.Preprocessing)
	}
}

// TestDescribe_TooLarge refuses names that don't fit into a manifest before anything is converted, and says what helps.
func TestDescribe_TooLarge(t *testing.T) {
	t.Parallel()
	z := open(t, folders(t))
	publication := zoo.Publication{Checkpoint: tinyFile("tiny_p16_32.unilm.pth"), Name: "large", Version: "1.0.0"}
	for i := range 10 {
		publication.Open.Labels = append(publication.Open.Labels, fmt.Sprint(i, strings.Repeat(" word", 25_000)))
	}
	_, err := z.Describe(t.Context(), publication)
	var tooLarge *zoo.ManifestSizeError
	if !errors.As(err, &tooLarge) || tooLarge.Labels != 10 || tooLarge.Size < manifest.MaxSize {
		t.Errorf("error is %v", err)
	}
	publication.WithoutLabels = true
	described, err := z.Describe(t.Context(), publication)
	if err != nil || described.Manifest.Categories.Labels != nil {
		t.Errorf("without labels: error %v", err)
	}
}
