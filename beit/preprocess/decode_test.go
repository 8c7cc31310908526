package preprocess

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/draw"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/beitzoo/beitzoo/beit/preprocess/jpeg"
	"github.com/beitzoo/beitzoo/errdef"
)

const testdata = "../../testdata/preprocess"

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(testdata, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// pngOfSize returns a PNG file that claims a size and has no pixels.
func pngOfSize(width, height uint32) []byte {
	head := binary.BigEndian.AppendUint32([]byte("IHDR"), width)
	head = binary.BigEndian.AppendUint32(head, height)
	head = append(head, 8, 2, 0, 0, 0)
	data := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), head...)
	return binary.BigEndian.AppendUint32(data, crc32.ChecksumIEEE(head))
}

func TestDecode_Errors(t *testing.T) {
	t.Parallel()
	gif, photo := read(t, "made_whole.gif"), read(t, "made_420.jpg")
	animated := append([]byte("RIFF\x1a\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00"), 2, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	animated = append(animated, "ANMF\x00\x00\x00\x00"...)
	for _, test := range []struct {
		name string
		data []byte
		want string
	}{
		{"nothing", nil, "an empty file, not a picture"},
		{"text", []byte("GIF of a cat"), ErrFormat.Error()},
		{"pickle", []byte("\x80\x02}q\x00."), ErrFormat.Error()},
		{"truncated JPEG", photo[:len(photo)/2], "decode JPEG: the file ends early"},
		{"truncated GIF", gif[:len(gif)*9/10], "decode GIF: the file ends early"},
		{"GIF without a frame", gif[:13+768], "decode GIF: the file ends early"},
		{"PNG without pixels", pngOfSize(3, 3), "decode PNG: the file ends early"},
		{"PNG of no width", pngOfSize(0, 3), "decode PNG: malformed header: 0 x 3 pixels"},
		{"bomb", pngOfSize(20_000, 20_000), "decode PNG: image of 20000 x 20000 pixels exceeds the limit of 89478485 pixels"},
		{"animated WebP without a frame", animated, "decode WebP: the file ends early"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			decoded, err := Decode(bytes.NewReader(test.data))
			if decoded != nil || fmt.Sprint(err) != test.want {
				t.Errorf("error is %v, want %s", err, test.want)
			}
		})
	}
}

// TestDecode_OtherKinds makes sure that files of kinds that are not read are called by their kind, and not taken for what is no picture.
func TestDecode_OtherKinds(t *testing.T) {
	t.Parallel()
	tiff := func(fields ...uint16) []byte { // 8 x 1 pixels of one byte, and these fields of 16 bits: tag, value
		data := []byte("II\x2a\x00\x08\x00\x00\x00")
		fields = append([]uint16{256, 8, 257, 1, 258, 8, 273, 0, 279, 8}, fields...)
		data = binary.LittleEndian.AppendUint16(data, uint16(len(fields)/2))
		for ; len(fields) > 0; fields = fields[2:] {
			data = binary.LittleEndian.AppendUint32(data, uint32(fields[0])|3<<16)
			data = binary.LittleEndian.AppendUint32(data, 1)
			data = binary.LittleEndian.AppendUint32(data, uint32(fields[1]))
		}
		return append(data, 0, 0, 0, 0)
	}
	for _, c := range []struct {
		data []byte
		kind string
	}{
		{[]byte("\x00\x00\x00\x20ftypavif\x00\x00\x00\x00"), "AVIF"},
		{[]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00"), "HEIC"},
		{[]byte("\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00"), "HEIF (HEIC or AVIF)"},
		{[]byte("\x00\x00\x00\x0cjP  \r\n\x87\n"), "JPEG 2000"},
		{[]byte("\xff\x4f\xff\x51\x00\x2f"), "JPEG 2000"},
		{[]byte("\xff\x0a\x00"), "JPEG XL"},
		{[]byte("P7\nWIDTH 2\nHEIGHT 2\n"), "PAM"},
		{[]byte("PF\n2 2\n-1.0\n"), "PFM of three colours"},
		{tiff(259, 3, 292, 1), "TIFF with fax of group 3 that is coded in two dimensions"},
		{tiff(259, 2), "TIFF compressed by run lengths of fax (CCITT RLE)"},
		{tiff(259, 34712), "TIFF compressed by JPEG 2000"},
		{tiff(259, 50000), "TIFF compressed by Zstandard"},
		{tiff(262, 8, 277, 3), "TIFF with colours of CIE LAB"},
		{tiff(262, 6, 277, 3), "TIFF with luma and colour differences that are not compressed by JPEG"},
	} {
		_, err := Decode(bytes.NewReader(c.data))
		if wrong := (*jpeg.UnsupportedError)(nil); !errors.As(err, &wrong) || wrong.Kind != c.kind || !strings.HasSuffix(err.Error(), c.kind+" is not supported") || !errors.Is(err, errdef.ErrInput) {
			t.Errorf("%q: %v", c.data, err)
		}
	}
	for data, want := range map[string]string{
		"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00":     "a video, such as MP4, not a picture",
		"<!DOCTYPE html>":                              "a page of the web, not a picture",
		"version https://git-lfs.github.com/spec/v1\n": "a pointer of Git LFS, not a picture",
	} {
		_, err := Decode(strings.NewReader(data))
		if fmt.Sprint(err) != want || !errors.Is(err, ErrFormat) || !errors.Is(err, errdef.ErrInput) || errdef.Hint(err) == "" {
			t.Errorf("%q: %v", data, err)
		}
	}
}

func TestDecode_TooLarge(t *testing.T) {
	t.Parallel()
	_, err := Decode(bytes.NewReader(pngOfSize(1<<20, 1<<8)))
	var large *TooLargeError
	if !errors.As(err, &large) || large.Width != 1<<20 || large.Limit != MaxPixels || large.Hint() == "" {
		t.Errorf("error is %v", err)
	}
}

func TestDecode_ReadErrors(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk on fire")
	for _, head := range []string{"", "BM", "BM and more than the beginning"} {
		if _, err := Decode(io.MultiReader(strings.NewReader(head), iotest.ErrReader(cause))); !errors.Is(err, cause) {
			t.Errorf("after %q: error is %v, want %v", head, err, cause)
		}
	}
}

// TestDecode_FileSizeLimit makes sure that a long file is read only to the limit, and a file of an unknown format only at its beginning.
func TestDecode_FileSizeLimit(t *testing.T) {
	t.Parallel()
	endless := iotest.DataErrReader(strings.NewReader(strings.Repeat("x", 1<<20)))
	small := limits{bytes: 1000, pixels: 1000}
	_, err := small.decode(io.MultiReader(strings.NewReader("BM"), endless))
	if want := "BMP file exceeds the limit of 1000 bytes"; fmt.Sprint(err) != want {
		t.Errorf("error is %v, want %s", err, want)
	}
	text := strings.NewReader(strings.Repeat("x", 1<<20))
	if _, err := Decode(text); !errors.Is(err, ErrFormat) {
		t.Errorf("error is %v, want %v", err, ErrFormat)
	}
	if read := 1<<20 - text.Len(); read > 1<<16 {
		t.Errorf("read %d bytes of a text", read)
	}
}

// TestFromImage makes sure that alpha is dropped for every type of image, and that an image need not begin at (0, 0).
func TestFromImage(t *testing.T) {
	t.Parallel()
	source, err := png.Decode(bytes.NewReader(read(t, "made_rgba.png")))
	if err != nil {
		t.Fatal(err)
	}
	straight := source.(*image.NRGBA)
	window := image.Rect(11, 7, 40, 30)
	part := straight.SubImage(window)
	want, err := FromImage(part)
	if err != nil {
		t.Fatal(err)
	}
	for name, img := range map[string]image.Image{"unknown type": struct{ image.Image }{part}, "again": want} {
		got, err := FromImage(img)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("%s: other pixels", name)
		}
	}
	for y := range want.Height {
		for x := range want.Width {
			c, p := straight.NRGBAAt(window.Min.X+x, window.Min.Y+y), want.row(y)[3*x:]
			if p[0] != c.R || p[1] != c.G || p[2] != c.B {
				t.Fatalf("pixel (%d, %d) is %v, want %v", x, y, p[:3], c)
			}
		}
	}
	multiplied := image.NewRGBA(straight.Rect)
	draw.Draw(multiplied, multiplied.Rect, straight, image.Point{}, draw.Src)
	known, err := FromImage(multiplied)
	if err != nil {
		t.Fatal(err)
	}
	unknown, err := FromImage(struct{ image.Image }{multiplied})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(known.Pix, unknown.Pix) {
		t.Error("colours stay multiplied by alpha")
	}
	if _, err := FromImage(image.NewGray(image.Rectangle{})); err == nil {
		t.Error("an empty image was converted")
	}
}

// FuzzDecode makes sure that data is either rejected or decoded to an image of the size that it states, with memory in
// proportion to the limit and to the data.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(testdata, "made_*"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, ".rgb.png") {
			continue
		}
		f.Add(read(f, filepath.Base(file)))
	}
	const limit = 1 << 18
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		decoded, err := limits{1 << 30, limit}.decode(bytes.NewReader(data))
		runtime.ReadMemStats(&after)
		// Progressive JPEG needs the most memory: four components of 4-byte coefficients, and the planes.
		allowed := uint64(64*limit + 64*len(data) + 1<<22)
		if used := after.TotalAlloc - before.TotalAlloc; used > allowed {
			t.Errorf("allocated %d bytes, want at most %d", used, allowed)
		}
		if err != nil {
			if decoded != nil {
				t.Errorf("an image and the error %v", err)
			}
			return
		}
		// Package image does not recognise a BMP file whose reserved bytes are in use, although package bmp and Pillow read it.
		at := slices.IndexFunc(formats, func(f format) bool { return begins(data, f.magic) })
		config, err := formats[at].config(data)
		if err != nil {
			t.Fatalf("decoded although the size cannot be read: %v", err)
		}
		if decoded.Width != config.Width || decoded.Height != config.Height {
			t.Errorf("size is %d x %d, want %d x %d", decoded.Width, decoded.Height, config.Width, config.Height)
		}
		if pixels := decoded.Width * decoded.Height; pixels > limit || len(decoded.Pix) != 3*pixels {
			t.Errorf("%d samples for %d pixels, limit %d", len(decoded.Pix), pixels, limit)
		}
	})
}
