package dataset_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/vocabulary"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
)

// TestGrounds: of tar files, whose digest has no classes, the files that say the classes are identified; of a list, real labels alone.
func TestGrounds(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write := func(name, content string) (path, digest string) {
		path = filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(content))
		return path, "sha256:" + hex.EncodeToString(sum[:])
	}
	truthFile, truth := write("truth.csv", "ILSVRC2012_val_00000001.JPEG,tench\nILSVRC2012_val_00000002.JPEG,goldfish\n")
	mapFile, classMap := write("map.csv", "tench,1\ngoldfish,0\n")
	realFile, real := write("real.json", "[[0],[1]]")
	archive := pack(t, "ILSVRC2012_val_00000001.JPEG=x", "ILSVRC2012_val_00000002.JPEG=y")
	for _, path := range []string{"flat/ILSVRC2012_val_00000001.JPEG", "flat/ILSVRC2012_val_00000002.JPEG"} {
		if err := os.MkdirAll(filepath.Join(folder, "flat"), 0o700); err != nil {
			t.Fatal(err)
		}
		write(path, "x")
	}
	model := dataset.Model{Classes: 1000, Labels: vocabulary.ByName(vocabulary.ImageNet1k).Labels()}
	byMap, err := dataset.ReadClassMap(mapFile)
	if err != nil {
		t.Fatal(err)
	}
	collected, err := dataset.ReadRealLabels(realFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		source   string
		matching dataset.Matching
		want     dataset.Grounds
	}{
		{archive, dataset.Matching{}, dataset.Grounds{Truth: truth}},
		{archive, dataset.Matching{Map: byMap}, dataset.Grounds{Truth: truth, Map: classMap}},
		{archive, dataset.Matching{Real: collected}, dataset.Grounds{Truth: truth, Real: real}},
		{filepath.Join(folder, "flat"), dataset.Matching{Map: byMap, Real: collected}, dataset.Grounds{Real: real}},
		{filepath.Join(folder, "flat"), dataset.Matching{}, dataset.Grounds{}},
	} {
		found, err := dataset.Open(t.Context(), []string{c.source}, dataset.Options{Truth: truthFile})
		if err != nil {
			t.Fatal(err)
		}
		set, err := found.Match(t.Context(), model, c.matching)
		if err != nil {
			t.Fatal(err)
		}
		if got := set.Shard(0, 2).Grounds(); got != c.want {
			t.Errorf("%s, %s: %+v, want %+v", strings.TrimPrefix(c.source, folder), fmt.Sprint(c.matching.Map != nil), got, c.want)
		}
	}
}
