package convert

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/convert/naming"
)

// Format names.
const (
	Paddle      = "paddle"
	PyTorch     = "pytorch"
	Safetensors = "safetensors"
)

// Formats lists the file formats that Convert writes.
func Formats() []string { return []string{Paddle, PyTorch, Safetensors} }

// endings tell the format, and the scheme that files with such a name usually have.
var endings = []struct{ ending, format, scheme string }{
	{".pdparams", Paddle, naming.PASSL},
	{".pth", PyTorch, naming.Unilm},
	{".pt", PyTorch, naming.Unilm},
	{".bin", PyTorch, naming.HF},
	{".safetensors", Safetensors, naming.Canonical},
}

// usual are the format of each scheme's own files, and the scheme of each format's.
var (
	usualFormat = map[string]string{
		naming.PASSL: Paddle, naming.PaddleViT: Paddle, naming.Unilm: PyTorch, naming.Timm: Safetensors, naming.HF: Safetensors, naming.Canonical: Safetensors,
	}
	usualScheme = map[string]string{Paddle: naming.PASSL, PyTorch: naming.Unilm, Safetensors: naming.Canonical}
	// folderNames are the names under which transformers looks for weights in a folder.
	folderNames = map[string]string{Safetensors: "model.safetensors", PyTorch: "pytorch_model.bin"}
)

// TargetError says that the wanted output makes no sense. It is a mistake in what was asked, not in a file.
type TargetError struct{ Reason, Advice string }

func (e *TargetError) Error() string { return e.Reason }

// Hint says what to ask for.
func (e *TargetError) Hint() string { return e.Advice }

// SameFileError says that the output would replace its own input.
type SameFileError struct{ Source, Target string }

func (e *SameFileError) Error() string {
	return fmt.Sprintf("the output %s is the input %s itself", e.Target, e.Source)
}

// Hint says what to do.
func (e *SameFileError) Hint() string {
	return "write to another name, and rename afterwards if you want"
}

// target is what will be written, and where.
type target struct {
	// path is the weight file; folder is the folder around it where that is written as a whole, or empty.
	path, folder   string
	format, scheme string
}

// newTarget decides about format and scheme. Empty ones are taken from the name, from each other, and from what is usual.
func newTarget(path, format, scheme string) (target, error) {
	if scheme != "" {
		if err := naming.ByName(scheme); err != nil {
			return target{}, err
		}
	}
	if format != "" && !slices.Contains(Formats(), format) {
		return target{}, &TargetError{fmt.Sprintf("unknown format %.60q", format), "formats: " + strings.Join(Formats(), ", ")}
	}
	if path == "" {
		return target{}, &TargetError{"no output is named", "name a file or folder"}
	}
	t := target{path: path, format: format, scheme: scheme}
	lower := strings.ToLower(path)
	known := false
	for _, e := range endings {
		if strings.HasSuffix(lower, e.ending) {
			t.format, t.scheme, known = either(t.format, e.format), either(t.scheme, e.scheme), true
		}
	}
	if isFolder(path) || !known && filepath.Ext(path) == "" && t.format != Paddle && (t.scheme == naming.HF || t.scheme == "" && t.format == "") {
		return t.inFolder()
	}
	if t.scheme == "" && t.format == "" {
		return target{}, &TargetError{fmt.Sprintf("the name %q does not tell the format", path), "add --to SCHEME or --format FORMAT, or an ending: .safetensors, .pth, .pdparams"}
	}
	if t.format == "" {
		t.format = usualFormat[t.scheme]
	}
	if t.scheme == "" {
		t.scheme = usualScheme[t.format]
	}
	return t, nil
}

func either(first, second string) string {
	if first != "" {
		return first
	}
	return second
}

// isFolder tells whether path is, or is written as, a folder.
func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir() || os.IsPathSeparator(path[len(path)-1])
}

// inFolder makes a folder of transformers' kind the target.
func (t target) inFolder() (target, error) {
	t.scheme, t.format = either(t.scheme, naming.HF), either(t.format, Safetensors)
	name, ok := folderNames[t.format]
	if t.scheme != naming.HF || !ok {
		return target{}, &TargetError{
			fmt.Sprintf("%s is a folder, and only the scheme %s is written as one, in safetensors or pytorch format", t.path, naming.HF),
			"give the name of a file",
		}
	}
	t.folder = filepath.Clean(t.path)
	t.path = filepath.Join(t.folder, name)
	return t, nil
}

// apart reports *SameFileError where the target is the source or one of its files, under whatever name.
func (t target) apart(source string) error {
	there, err := os.Stat(t.path)
	if err != nil {
		return nil // what isn't there can't be the source
	}
	candidates := []string{source}
	folder := source
	if info, err := os.Stat(source); err == nil && !info.IsDir() {
		folder = filepath.Dir(source)
	}
	if folder == source || strings.HasSuffix(source, ".json") {
		entries, _ := os.ReadDir(folder)
		for _, entry := range entries {
			candidates = append(candidates, filepath.Join(folder, entry.Name()))
		}
	}
	for _, candidate := range candidates {
		if here, err := os.Stat(candidate); err == nil && os.SameFile(here, there) {
			return &SameFileError{Source: source, Target: t.path}
		}
	}
	return nil
}
