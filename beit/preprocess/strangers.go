package preprocess

import (
	"slices"

	"github.com/beitzoo/beitzoo/errdef"
)

// stranger is a kind of file that is not read, recognised by how it begins ('?' stands for any byte). advice says what to do about one that is no picture; it is empty of
// pictures.
type stranger struct{ magic, kind, advice string }

// strangers are the kinds that are most often given as pictures. The first that fits counts.
var strangers = []stranger{
	{"????ftypavi", "AVIF", ""}, // avif, avis
	{"????ftyphei", "HEIC", ""},
	{"????ftyphev", "HEIC", ""},
	{"????ftypmif1", "HEIF (HEIC or AVIF)", ""},
	{"????ftypmsf1", "HEIF (HEIC or AVIF)", ""},
	{"????ftypjxl ", "JPEG XL", ""},
	{"????ftyp", "a video, such as MP4", ofVideo},
	{"\x00\x00\x00\x0cjP  ", "JPEG 2000", ""},
	{"\xff\x4f\xff\x51", "JPEG 2000", ""},
	{"\x00\x00\x00\x0cJXL ", "JPEG XL", ""},
	{"\xff\x0a", "JPEG XL", ""},
	{"II\xbc\x01", "JPEG XR", ""},
	{"P7\n", "PAM", ""},
	{"PF\n", "PFM of three colours", ""},
	{"\x00\x00\x01\x00", "ICO", ""},
	{"8BPS", "PSD of Photoshop", ""},
	{"DDS ", "DDS", ""},
	{"\x01\xda\x00\x01", "SGI", ""},
	{"\x01\xda\x01\x01", "SGI", ""},
	{"qoif", "QOI", ""},
	{"\x0a\x05\x01", "PCX", ""},
	{"v/1\x01", "OpenEXR", ""},
	{"#?RADIANCE", "Radiance HDR", ""},
	{"#?RGBE", "Radiance HDR", ""},
	{"SIMPLE  =", "FITS", ""},
	{"\x8aMNG", "MNG", ""},
	{"IIRO", "the raw format of a camera", ""},
	{"IIU\x00", "the raw format of a camera", ""},
	{"FUJIFILM", "the raw format of a camera", ""},
	{"%PDF", "PDF", ""},
	{"%!PS", "PostScript", ""},
	{"\xc5\xd0\xd3\xc6", "PostScript", ""},
	{"<svg", "SVG", ""},
	{"<?xml", "SVG or other XML", ""},
	{"<!DOCTYPE", "a page of the web", ofPage},
	{"<!doctype", "a page of the web", ofPage},
	{"<html", "a page of the web", ofPage},
	{"<HTML", "a page of the web", ofPage},
	{"RIFF????AVI ", "a video", ofVideo},
	{"\x1aE\xdf\xa3", "a video", ofVideo},
	{"version https://", "a pointer of Git LFS", "fetch what it points to: git lfs pull"},
	{"\x1f\x8b", "a file compressed by gzip", ofArchive},
	{"PK\x03\x04", "a zip archive", ofArchive},
}

const (
	ofVideo   = "save single frames as PNG"
	ofPage    = "fetch the picture again: the server sent a page in its place"
	ofArchive = "unpack it"
)

// otherError says that a file is of a kind that is no picture. It is an [ErrFormat].
type otherError struct{ stranger }

func (e *otherError) Error() string { return e.kind + ", not a picture" }

// Is reports that the file is unusable.
func (e *otherError) Is(kind error) bool { return kind == ErrFormat || kind == errdef.ErrInput }

// Hint says what to do.
func (e *otherError) Hint() string { return e.advice }

// strangerOf returns the error about a file that begins with head and is in no format that is read.
func strangerOf(head []byte) error {
	if len(head) == 0 {
		return &otherError{stranger{kind: "an empty file", advice: "fetch it again"}}
	}
	i := slices.IndexFunc(strangers, func(s stranger) bool { return begins(head, s.magic) })
	if i < 0 {
		return ErrFormat
	}
	if s := strangers[i]; s.advice != "" {
		return &otherError{s}
	}
	return unsupported("%s", strangers[i].kind)
}
