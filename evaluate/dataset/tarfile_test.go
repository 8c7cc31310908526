package dataset_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
)

// sums returns the names and the beginnings of the SHA-256 of all images of a tar, or why they can't be read.
func sums(t *testing.T, path string) []string {
	t.Helper()
	set, err := openTars(t, []string{path}, dataset.Options{}, ten, dataset.Matching{})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for e, err := range set.Examples(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		file, err := e.Open()
		if err != nil {
			all = append(all, e.Name+": "+err.Error())
			continue
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, file); err != nil {
			t.Error(err)
		}
		file.Close()
		all = append(all, e.Name+" "+hex.EncodeToString(sum.Sum(nil))[:16])
	}
	return all
}

// What GNU tar packs is read as GNU tar unpacks it: hard links, and files with holes (tar --sparse). Sums are those of sha256sum after tar -x (1.34). Links by
// name are not followed, and count as images that can't be read.
func TestTars_OfGNUTar(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"links.tar":  {"0/a.png ad213b59a1e36285", `0/c.png: it is a link to "a.png", and links are not followed in a tar`, "0/b.png ad213b59a1e36285"},
		"sparse.tar": {"0/a.png ad213b59a1e36285", "0/b.png d1f7e8425366f8da"},
	} {
		if diff := cmp.Diff(want, sums(t, tars+name)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for name, want := range map[string]string{"links.tar": "ad213b59a1e36285", "sparse.tar": "d1f7e8425366f8da"} {
		file, err := dataset.OpenMember(tars+name, "0/b.png")
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(file)
		if sum := sha256.Sum256(raw); !strings.HasPrefix(hex.EncodeToString(sum[:]), want) || errors.Join(err, file.Close()) != nil {
			t.Errorf("%s: %x, %v", name, sum, err)
		}
	}
}

// packHeaders returns a tar file with these members; those without a content of their own have an empty one.
func packHeaders(t *testing.T, members ...tar.Header) string {
	t.Helper()
	var raw bytes.Buffer
	w := tar.NewWriter(&raw)
	for _, m := range members {
		content := m.Uname // stands in for the content
		m.Uname, m.Mode, m.Size = "", 0o600, int64(len(content))
		if err := w.WriteHeader(&m); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return write(t, "made.tar", raw.String())
}

// A hard link is the last member of that name before it; it may also say the class.
func TestTars_HardLinks(t *testing.T) {
	t.Parallel()
	path := packHeaders(
		t, tar.Header{Name: "./x.bin", Uname: "3"}, tar.Header{Name: "x.bin", Uname: "4"}, tar.Header{Name: "a.png", Uname: png},
		tar.Header{Name: "a.cls", Typeflag: tar.TypeLink, Linkname: "x.bin"}, tar.Header{Name: "x.bin", Uname: "5"},
		tar.Header{Name: "7/b", Typeflag: tar.TypeLink, Linkname: "./a.png"}, tar.Header{Name: "7/none.png", Typeflag: tar.TypeLink, Linkname: "none"},
		tar.Header{Name: "7/later.png", Typeflag: tar.TypeLink, Linkname: "7/z.png"}, tar.Header{Name: "7/none", Typeflag: tar.TypeLink, Linkname: "none"},
		tar.Header{Name: "7/pipe.png", Typeflag: tar.TypeFifo}, tar.Header{Name: "7/z.png", Uname: png},
	)
	set, err := openTars(t, []string{path}, dataset.Options{}, ten, dataset.Matching{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a.png 4", "7/b 7", "7/none.png 7", "7/later.png 7", "7/pipe.png 7", "7/z.png 7"}, list(t, set)); diff != "" {
		t.Error(diff)
	}
	for e := range set.Examples(t.Context()) {
		file, err := e.Open()
		switch e.Name {
		case "7/none.png", "7/later.png":
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v", e.Name, err)
			}
		case "7/pipe.png":
			if err == nil {
				t.Error("a pipe is read")
			}
		default:
			if raw, readErr := io.ReadAll(file); errors.Join(err, readErr, file.Close()) != nil || string(raw) != png {
				t.Errorf("%s: %q", e.Name, raw)
			}
		}
	}
	linked := packHeaders(t, tar.Header{Name: "7/a.png", Uname: png}, tar.Header{Name: "7/a.cls", Typeflag: tar.TypeSymlink, Linkname: "x"})
	if _, err := openTars(t, []string{linked}, dataset.Options{}, ten, dataset.Matching{}); !errors.As(err, new(*dataset.TarError)) {
		t.Errorf("a class behind a link: %v", err)
	}
}

// A hard link may lead to another one, as GNU tar 1.34 unpacks it; one that leads to nothing says why. What is read has the checksum of its contents, also by a link.
func TestTars_ChainsOfLinks(t *testing.T) {
	t.Parallel()
	link := func(name, target string) tar.Header {
		return tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: target}
	}
	members := []tar.Header{
		{Name: "0/a.png", Uname: png},
		link("0/b.png", "0/a.png"), link("0/c.png", "./0/b.png"), link("0/d.png", "0/none.png"), link("0/e.png", "0/e.png"),
		link("0/f.png", "0/g.png"),
		{Name: "0/g.png", Uname: png + "x"},
		link("0/h.png", "0/d.png"),
		{Name: "0/s.png", Typeflag: tar.TypeSymlink, Linkname: "a.png"},
		link("0/t.png", "0/s.png"), link("1/0.png", "0/c.png"),
	}
	for i := range 9 {
		members = append(members, link(fmt.Sprintf("1/%d.png", i+1), fmt.Sprintf("1/%d.png", i)))
	}
	path := packHeaders(t, members...)
	sum := func(content string) string {
		return fmt.Sprintf("%08x", crc32.Checksum([]byte(content), crc32.MakeTable(crc32.Castagnoli)))
	}
	want := map[string]string{
		"0/a.png": sum(png), "0/b.png": sum(png), "0/c.png": sum(png), "0/g.png": sum(png + "x"), "1/0.png": sum(png),
		"0/d.png": `it is a link to "0/none.png", which is no file in the tar`, "0/e.png": `it is a link to "0/e.png", which is that link itself`,
		"0/f.png": `it is a link to "0/g.png", which comes only after it in the tar`,
		"0/h.png": `it is a link to "0/d.png", which leads to "0/none.png", which is no file in the tar`,
		"0/s.png": `it is a link to "a.png", and links are not followed in a tar`, "0/t.png": `it is a link to "0/s.png", which is no file in the tar`,
	}
	for i := 1; i <= 5; i++ {
		want[fmt.Sprintf("1/%d.png", i)] = sum(png)
	}
	for i := 6; i <= 9; i++ {
		want[fmt.Sprintf("1/%d.png", i)] = fmt.Sprintf(`it is a link to "1/%d.png", from which more than 8 links follow one another`, i-1)
	}
	for _, packed := range []string{path, gzipped(t, path)} { // in the latter no place can be gone to
		set, err := openTars(t, []string{packed}, dataset.Options{}, ten, dataset.Matching{})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for e := range set.Examples(t.Context()) {
			got[e.Name] = e.Content
			file, err := e.Open()
			if err != nil {
				got[e.Name] += err.Error()
				continue
			}
			if raw, err := io.ReadAll(file); err != nil || sum(string(raw)) != e.Content {
				t.Errorf("%s: %q, %v", e.Name, raw, err)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", packed, diff)
		}
	}
	if file, err := dataset.OpenMember(path, "0/c.png"); err != nil {
		t.Error(err)
	} else if raw, err := io.ReadAll(file); string(raw) != png || errors.Join(err, file.Close()) != nil {
		t.Errorf("%q, %v", raw, err)
	}
}

// gzipped returns a compressed copy of a file.
func gzipped(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(raw); errors.Join(err, w.Close()) != nil {
		t.Fatal(err)
	}
	return write(t, filepath.Base(path)+".gz", packed.String())
}

// Hard links are read where their content is, however many there are: the tar is not read again for each, which would take the square of their number.
func TestTars_ManyLinks(t *testing.T) {
	t.Parallel()
	const many = 5000
	members := make([]tar.Header, 0, many+1)
	members = append(members, tar.Header{Name: "0/first.png", Uname: png})
	for i := range many {
		members = append(members, tar.Header{Name: fmt.Sprintf("1/%d.png", i), Typeflag: tar.TypeLink, Linkname: "0/first.png"})
	}
	set, err := openTars(t, []string{packHeaders(t, members...)}, dataset.Options{}, ten, dataset.Matching{})
	if err != nil {
		t.Fatal(err)
	}
	start, read := time.Now(), 0
	for e, err := range set.Examples(t.Context()) {
		file, openErr := e.Open()
		if errors.Join(err, openErr) != nil {
			t.Fatal(err, openErr)
		}
		if raw, err := io.ReadAll(file); err != nil || string(raw) != png {
			t.Fatalf("%s: %q, %v", e.Name, raw, err)
		}
		if read++; time.Since(start) > 30*time.Second {
			t.Fatalf("half a minute for %d links", read)
		}
	}
	if read != many+1 {
		t.Errorf("%d images", read)
	}
}

// A tar that has an image twice is refused, since what unpacks is the last one; so is a link of that name. The same name in another tar is another image.
func TestTars_SameNameTwice(t *testing.T) {
	t.Parallel()
	again := map[string]tar.Header{
		"the same": {Name: "0/a.png", Uname: png}, "written otherwise": {Name: "./1/../0//a.png", Uname: png}, "from the root": {Name: "/0/a.png", Uname: png},
		"a hard link": {Name: "0/a.png", Typeflag: tar.TypeLink, Linkname: "1/b.png"}, "a link": {Name: "0/a.png", Typeflag: tar.TypeSymlink, Linkname: "../1/b.png"},
	}
	for name, header := range again {
		path := packHeaders(t, tar.Header{Name: "0/a.png", Uname: png}, tar.Header{Name: "1/b.png", Uname: png}, header)
		for _, packed := range []string{path, gzipped(t, path)} {
			_, err := openTars(t, []string{packed}, dataset.Options{}, ten, dataset.Matching{})
			if bad := (*dataset.TarError)(nil); !errors.As(err, &bad) || bad.Member != header.Name || !strings.Contains(err.Error(), "before it") || !strings.Contains(bad.Hint(), "once") {
				t.Errorf("%s: %v", name, err)
			}
			pictures, err := dataset.OpenTarPictures([]string{packed})
			if err != nil {
				t.Fatal(err)
			}
			var last error
			for _, last = range pictures.Images(t.Context(), func(int) bool { return false }) {
			}
			if !errors.As(last, new(*dataset.TarError)) {
				t.Errorf("%s, as pictures: %v", name, last)
			}
		}
	}
	one := packHeaders(t, tar.Header{Name: "0/a.png", Uname: png}, tar.Header{Name: "0/a.txt"}, tar.Header{Name: "0/b.png", Uname: png}, tar.Header{Name: "0/a.txt"})
	raw, err := os.ReadFile(one)
	if err != nil {
		t.Fatal(err)
	}
	other := write(t, "other.tar", string(raw))
	set, err := openTars(t, []string{one, other}, dataset.Options{}, ten, dataset.Matching{})
	if err != nil {
		t.Fatal(err)
	}
	if got := list(t, set); len(got) != 4 {
		t.Error(got)
	}
}

// A tar that is damaged, or cut where a member ends, is refused, and so are several in one file, of which only the first was read.
func TestTars_Ends(t *testing.T) {
	t.Parallel()
	first, err := os.ReadFile(tars + "val-000.tar")
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(tars + "val-001.tar")
	if err != nil {
		t.Fatal(err)
	}
	packed, err := os.ReadFile(tars + "one.tar.zst")
	if err != nil {
		t.Fatal(err)
	}
	zip := func(raw []byte) []byte {
		var zipped bytes.Buffer
		w := gzip.NewWriter(&zipped)
		_, err := w.Write(raw)
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		return zipped.Bytes()
	}
	flip := func(raw []byte, at int) []byte {
		raw = bytes.Clone(raw)
		raw[len(raw)-at] ^= 1
		return raw
	}
	const member = 1024 // a header and a small content
	hole := bytes.Clone(first)
	copy(hole[2*member:], make([]byte, member))
	content := bytes.TrimRight(first, "\x00")
	border := (len(content) + 511) / 512 * 512
	for name, c := range map[string]struct {
		raw     []byte
		message string
	}{
		"whole": {first, ""}, "padded": {append(bytes.Clone(first), make([]byte, 10240)...), ""}, "cut after the end": {first[:border+1024], ""},
		"cut at a border": {first[:2*member], "ends without"}, "cut before the end": {first[:border], "ends without"}, "half of the end": {first[:border+512], "ends without"},
		"empty": {nil, "ends without"}, "two in one": {append(bytes.Clone(first), second...), "data follows"}, "a hole": {hole, "data follows"},
		"gzip": {zip(first), ""}, "gzip of two": {append(zip(first), zip(second)...), "data follows"}, "gzip that ends early": {zip(first[:border]), "ends without"},
		"gzip with another checksum": {flip(zip(first), 6), "checksum"}, "gzip without checksum": {zip(first)[:len(zip(first))-8], "unexpected EOF"},
		"gzip padded as on a tape": {append(zip(first), make([]byte, 10240)...), ""}, "gzip in two parts": {append(zip(first[:700]), zip(first[700:])...), ""},
		"gzip and something else":    {append(zip(first), "more"...), "after the compressed data"},
		"gzip, padding and more":     {append(zip(first), "\x00\x00more"...), "after the compressed data"},
		"cut in a member":            {first[:520], "unexpected EOF"},
		"zstd with another checksum": {flip(packed, 1), "CRC"},
	} {
		path := filepath.Join(t.TempDir(), "made.tar")
		if err := os.WriteFile(path, c.raw, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := openTars(t, []string{path}, dataset.Options{}, ten, dataset.Matching{})
		if c.message == "" && err != nil || c.message != "" && (!errors.As(err, new(*dataset.TarError)) || !strings.Contains(err.Error(), c.message) || !strings.Contains(errdef.Hint(err), "fetch it again")) {
			t.Errorf("%s: %v; %s", name, err, errdef.Hint(err))
		}
	}
	// Of a later tar, the run says it.
	late := write(t, "late.tar", string(second[:2*member]))
	set, err := openTars(t, []string{tars + "val-000.tar", late}, dataset.Options{}, ten, dataset.Matching{})
	if err != nil {
		t.Fatal(err)
	}
	var last error
	for _, err := range set.Examples(t.Context()) {
		last = err
	}
	if !errors.As(last, new(*dataset.TarError)) {
		t.Errorf("a later tar: %v", last)
	}
}
