package preprocess_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/jpeg"
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

// same fails the test if two images differ.
func same(t *testing.T, got, want *preprocess.RGB8) {
	t.Helper()
	if got.Width != want.Width || got.Height != want.Height {
		t.Fatalf("size is %d x %d, want %d x %d", got.Width, got.Height, want.Width, want.Height)
	}
	differing := 0
	for i := range want.Pix {
		if got.Pix[i] != want.Pix[i] {
			differing++
		}
	}
	if differing > 0 {
		t.Errorf("%d of %d samples differ", differing, len(want.Pix))
	}
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
			same(t, decodeFile(t, name), decodeFile(t, filepath.Base(path)))
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
			same(t, pixels, decodeFile(t, r.expected))
		})
	}
}

// TestFromImage_PlanesOfAnotherDecoder interpolates and converts planes that the standard library decoded, which are at most one level off.
func TestFromImage_PlanesOfAnotherDecoder(t *testing.T) {
	t.Parallel()
	const largest = 3
	for _, name := range []string{"made_411.jpg", "made_420.jpg", "made_420_6x9.jpg", "made_422.jpg", "made_422_4x3.jpg", "made_440.jpg", "made_444.jpg"} {
		data, err := os.ReadFile(filepath.Join(golden, name))
		if err != nil {
			t.Fatal(err)
		}
		planes, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if _, is := planes.(*image.YCbCr); !is {
			t.Fatalf("%s: %T", name, planes)
		}
		got, err := preprocess.FromImage(planes)
		if err != nil {
			t.Fatal(err)
		}
		want := decodeFile(t, name+".rgb.png")
		for i, v := range want.Pix {
			if d := int(got.Pix[i]) - int(v); d < -largest || d > largest {
				t.Errorf("%s: sample %d is %d, want %d", name, i, got.Pix[i], v)
				break
			}
		}
	}
}
