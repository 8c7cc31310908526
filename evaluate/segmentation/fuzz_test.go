package segmentation_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/segmentation"
)

// FuzzReadPredictions reads hostile files of predictions. What is wrong is an *[evaluate.FileError]; of what is read the areas are those of the pictures.
func FuzzReadPredictions(f *testing.F) {
	header := `{"format":"beitzoo.segmentation.v1","model":{"name":"m","digest":"","config":{"name":"tiny_seg_p16_48","kind":"upernet","image_height":48,"image_width":48,"patch_size":16,` +
		`"embed_dim":16,"hidden_dim":64,"depth":6,"heads":2,"classes":5,"pooling":"none","relative_position_bias":"block","absolute_position":false,"layer_scale":true,"mask_token":false,` +
		`"segmentation":{"taps":[1,2,3,4],"channels":16,"auxiliary_channels":8,"pool_scales":[1,2,3,6],"counters":true},"epsilon":0.000001}},"view":{"recipe":{"name":"unilm-48","mean":[0,0,0],"std":[1,1,1]}},` +
		`"data":{"digest":"","images":2,"reduce_zero_label":true,"ignore_index":255,"shard":{"index":1,"of":1}},"run":{"engine":"native","dtype":"F32","device":"cpu"},"version":""}` + "\n"
	records := `{"index":0,"image":"a","labels":"b","width":4,"height":3,"ignored":2,"pairs":[[0,1,3],[4,4,7]],"windows":1}` + "\n" + `{"index":1,"image":"c","labels":"d","error":"e"}` + "\n"
	path := filepath.Join(f.TempDir(), "seed")
	if err := os.WriteFile(path, []byte(header+records), 0o600); err != nil {
		f.Fatal(err)
	}
	if p, err := segmentation.ReadPredictions(path); err != nil || p.Tally.Done() != 2 {
		f.Fatal(err)
	}
	f.Add([]byte(header + records))
	f.Add([]byte(header + records + `{"end":{"images":2}}` + "\n"))
	f.Add([]byte(header[:100]))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "fuzzed")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := segmentation.ReadPredictions(path)
		if err != nil {
			if !errors.As(err, new(*evaluate.FileError)) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		var pixels int64
		for r, err := range p.Records() {
			if err != nil {
				t.Fatal(err)
			}
			pixels += int64(r.Width * r.Height)
		}
		if s := p.Summary(); s.Pixels+s.Ignored != pixels {
			t.Fatalf("%d pixels count and %d are ignored, of %d", s.Pixels, s.Ignored, pixels)
		}
	})
}
