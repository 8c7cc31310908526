package preprocess_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/preprocess"
)

// golden is the folder with images, and with what the sources' own code makes of them; see its README.
const golden = "../../testdata/preprocess"

// table reads the rows of one of the golden folder's JSON tables into T, column by column.
func table[T any](t *testing.T, name string, scan func(row []json.RawMessage) (T, error)) []T {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(golden, name))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Rows [][]json.RawMessage }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Rows) == 0 {
		t.Fatalf("%s has no rows", name)
	}
	rows := make([]T, len(file.Rows))
	for i, row := range file.Rows {
		if rows[i], err = scan(row); err != nil {
			t.Fatalf("%s row %d: %v", name, i, err)
		}
	}
	return rows
}

// columns decodes the cells of a row into the pointers.
func columns(row []json.RawMessage, into ...any) error {
	for i, p := range into {
		if err := json.Unmarshal(row[i], p); err != nil {
			return err
		}
	}
	return nil
}

func decodeFile(t *testing.T, name string) *preprocess.RGB8 {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(golden, name))
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := preprocess.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}

// difference says how far two images are apart: the largest difference of a sample in grey levels, and
// how many samples differ, in thousandths of all.
type difference struct{ Max, PerMille int }

func (d difference) exceeds(bound difference) bool {
	return d.Max > bound.Max || d.PerMille > bound.PerMille
}

func compare(t *testing.T, got, want *preprocess.RGB8) difference {
	t.Helper()
	if got.Width != want.Width || got.Height != want.Height {
		t.Fatalf("size is %d x %d, want %d x %d", got.Width, got.Height, want.Width, want.Height)
	}
	worst, differing := 0, 0
	for i := range want.Pix {
		if d := max(int(got.Pix[i])-int(want.Pix[i]), int(want.Pix[i])-int(got.Pix[i])); d > 0 {
			worst = max(worst, d)
			differing++
		}
	}
	return difference{worst, (1000*differing + len(want.Pix) - 1) / len(want.Pix)}
}

// measuredJPEG has the measured difference of each JPEG file from libjpeg-turbo 3.2. The inverse DCT of the standard library
// of Go 1.26 rounds differently: samples of a decoded plane differ by at most one grey level. Files that are not listed
// must be equal.
var measuredJPEG = map[string]difference{
	"made_411.jpg":                {2, 31},
	"made_420.jpg":                {2, 30},
	"made_420_6x9.jpg":            {2, 19},
	"made_422.jpg":                {2, 31},
	"made_422_4x3.jpg":            {1, 84},
	"made_422_5x3.jpg":            {1, 45},
	"made_440.jpg":                {3, 30},
	"made_444.jpg":                {2, 33},
	"made_cmyk.jpg":               {1, 24},
	"made_low_quality.jpg":        {2, 16},
	"made_noise.jpg":              {2, 40},
	"made_progressive.jpg":        {2, 31},
	"made_restart.jpg":            {2, 30},
	"made_rgb.jpg":                {1, 21},
	"made_ycck.jpg":               {3, 131},
	"odd_444.timm224.png":         {3, 53},
	"odd_cmyk.timm224.png":        {2, 27},
	"odd_exif6.timm224.png":       {3, 46},
	"odd_grayjpg.timm224.png":     {2, 27},
	"odd_progressive.timm224.png": {3, 46},
	"rocket.hf224.png":            {1, 28},
	"rocket.timm224.png":          {2, 33},
	"rocket.timm384.png":          {3, 31},
	"rocket.unilm224.png":         {2, 33},
}

func TestDecode_MatchesPillow(t *testing.T) {
	t.Parallel()
	expected, err := filepath.Glob(filepath.Join(golden, "*.rgb.png"))
	if err != nil || len(expected) == 0 {
		t.Fatalf("no expectations: %v", err)
	}
	for _, path := range expected {
		name := filepath.Base(path[:len(path)-len(".rgb.png")])
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := compare(t, decodeFile(t, name), decodeFile(t, filepath.Base(path)))
			if bound := measuredJPEG[name]; got.exceeds(bound) {
				t.Errorf("differs by %+v, want at most %+v", got, bound)
			}
		})
	}
}

func TestPixels_MatchSources(t *testing.T) {
	t.Parallel()
	type row struct {
		file, source string
		size         int
		expected     string
	}
	for _, r := range table(t, "expected.json", func(cells []json.RawMessage) (r row, err error) {
		return r, columns(cells, &r.file, &r.source, &r.size, &r.expected)
	}) {
		t.Run(r.expected, func(t *testing.T) {
			t.Parallel()
			recipe, err := card.RecipeFor(r.source, r.size)
			if err != nil {
				t.Fatal(err)
			}
			pixels, err := preprocess.Pixels(recipe, decodeFile(t, r.file))
			if err != nil {
				t.Fatal(err)
			}
			got := compare(t, pixels, decodeFile(t, r.expected))
			if bound := measuredJPEG[r.expected]; got.exceeds(bound) {
				t.Errorf("differs by %+v, want at most %+v", got, bound)
			}
		})
	}
}
