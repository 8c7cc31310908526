package preprocess

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"io"
	"regexp"
	"strings"

	"github.com/klauspost/compress/zlib"
)

// exifData is what a file says about itself beside the picture: as EXIF, a TIFF file without a picture, and as XMP, an XML text.
type exifData struct {
	exif, xmp []byte
}

// orientation returns the orientation that is stated, from 1 to 8, or 0: that of the EXIF data, and if that has none, of the XMP data, as python-pillow/Pillow
// src/PIL/Image.py finds it.
func (e exifData) orientation() int {
	if v := exifOrientation(e.exif); v != 0 {
		return v
	}
	if m := xmpOrientation.FindSubmatch(e.xmp); m != nil {
		return known(uint64(m[1][0] - '0'))
	}
	return 0
}

var xmpOrientation = regexp.MustCompile(`tiff:Orientation(?:="|>)([0-9])`)

// known returns an orientation that there is, or 0.
func known(v uint64) int {
	if v < 1 || v > 8 {
		return 0
	}
	return int(v)
}

const exifPrefix = "Exif\x00\x00"

// exifOrientation returns the orientation in the first directory, or 0.
func exifOrientation(data []byte) int {
	for bytes.HasPrefix(data, []byte(exifPrefix)) {
		data = data[len(exifPrefix):]
	}
	t := &tiffFile{data: data}
	switch {
	case begins(data, "II\x2a\x00"):
		t.order = binary.LittleEndian
	case begins(data, "MM\x00\x2a"):
		t.order = binary.BigEndian
	default:
		return 0
	}
	at, ok := t.number(4, 4)
	count, ok2 := t.number(at, 2)
	if !ok || !ok2 {
		return 0
	}
	const entry, short, long = 12, 3, 4
	for i := range count {
		from := at + 2 + i*entry
		tag, ok := t.number(from, 2)
		if !ok {
			break
		}
		if kind, _ := t.number(from+2, 2); tag == tiffOrientation && (kind == short || kind == long) {
			if n, _ := t.number(from+4, 4); n != 1 {
				return 0
			}
			v, _ := t.number(from+8, int(2*(kind-short)+2))
			return known(v)
		}
	}
	return 0
}

// exifOfJPEG looks at the application segments before the first scan.
func exifOfJPEG(data []byte) exifData {
	const sos, eoi, app1, xmpPrefix = 0xda, 0xd9, 0xe1, "http://ns.adobe.com/xap/1.0/\x00"
	var found exifData
	rest := data[min(2, len(data)):]
	for {
		at := bytes.IndexByte(rest, 0xff)
		if at < 0 {
			return found
		}
		for rest = rest[at:]; len(rest) > 0 && rest[0] == 0xff; {
			rest = rest[1:]
		}
		if len(rest) < 3 || rest[0] == sos || rest[0] == eoi {
			return found
		}
		marker := rest[0]
		if marker == 0 || marker == 1 || marker >= 0xd0 && marker <= 0xd8 { // no length follows
			rest = rest[1:]
			continue
		}
		size := int(binary.BigEndian.Uint16(rest[1:]))
		if size < 2 || len(rest) < 1+size {
			return found
		}
		switch body := rest[3 : 1+size]; {
		case marker == app1 && begins(body, exifPrefix) && found.exif == nil:
			found.exif = body
		case marker == app1 && begins(body, exifPrefix): // the data goes on
			found.exif = append(found.exif[:len(found.exif):len(found.exif)], body[len(exifPrefix):]...)
		case marker == app1 && begins(body, xmpPrefix):
			found.xmp = body[len(xmpPrefix):]
		}
		rest = rest[1+size:]
	}
}

// exifOfPNG looks at all chunks.
func exifOfPNG(data []byte) exifData {
	var found exifData
	var raw []byte // EXIF data as ImageMagick writes it
	rest := data[min(len(pngMagic), len(data)):]
	for len(rest) >= 12 {
		size := int64(binary.BigEndian.Uint32(rest))
		if size > int64(len(rest)-12) {
			break
		}
		body := rest[8 : 8+size]
		switch kind := string(rest[4:8]); kind {
		case "eXIf":
			found.exif = body
		case "zTXt", "tEXt":
			if text, ok := bytes.CutPrefix(body, []byte("Raw profile type exif\x00")); ok {
				raw = profile(text, kind == "zTXt")
			}
		case "iTXt":
			if text, ok := bytes.CutPrefix(body, []byte("XML:com.adobe.xmp\x00")); ok && len(text) > 2 {
				compressed := text[0] == 1
				if parts := bytes.SplitN(text[2:], []byte{0}, 3); len(parts) == 3 {
					found.xmp = inflated(parts[2], compressed)
				}
			}
		}
		rest = rest[12+size:]
	}
	if found.exif == nil {
		found.exif = raw
	}
	return found
}

// inflated returns a text, of a compressed one no more than a reasonable part.
func inflated(data []byte, compressed bool) []byte {
	const most = 1 << 20
	if !compressed {
		return data
	}
	r, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(r, most))
	if err != nil {
		return nil
	}
	return text
}

// profile returns data that is written in hexadecimal digits after three lines.
func profile(data []byte, compressed bool) []byte {
	if compressed {
		data = inflated(data[min(1, len(data)):], true) // after the method
	}
	lines := strings.Split(string(data), "\n")
	decoded, err := hex.DecodeString(strings.Join(lines[min(3, len(lines)):], ""))
	if err != nil {
		return nil
	}
	return decoded
}

// exifOfWebP looks at the chunks of the file.
func exifOfWebP(data []byte) exifData {
	var found exifData
	rest := data[min(longestMagic, len(data)):]
	for len(rest) >= 8 {
		size := int64(binary.LittleEndian.Uint32(rest[4:]))
		body := rest[8:][:min(size, int64(len(rest)-8))]
		switch string(rest[:4]) {
		case "EXIF":
			found.exif = body
		case "XMP ":
			found.xmp = body
		}
		rest = rest[min(8+size+size&1, int64(len(rest))):]
	}
	return found
}
