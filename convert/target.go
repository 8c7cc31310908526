package convert

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
)

// TargetError says that the output which was asked for is impossible. The mistake is in the request, not in a file.
type TargetError struct {
	Reason, Advice string
	// Endings are the usual endings of names, if the format follows neither from the options nor from the name of the output; else nil.
	Endings []string
	// MaskToken: the model fits without its head and its mask token.
	MaskToken bool
}

// Is reports that the request was wrong.
func (e *TargetError) Is(kind error) bool { return kind == errdef.ErrUsage }

func (e *TargetError) Error() string { return e.Reason }

// Hint returns what to ask for.
func (e *TargetError) Hint() string { return e.Advice }

// SameFileError says that the output would replace its own input.
type SameFileError struct {
	Source, Target string
	// Folder says that one of the two is a folder, whose other files belong to the weights.
	Folder bool
}

// Is reports that the request was wrong.
func (e *SameFileError) Is(kind error) bool { return kind == errdef.ErrUsage }

func (e *SameFileError) Error() string {
	return fmt.Sprintf("the output %s is the input %s itself", e.Target, e.Source)
}

// Hint returns what to do.
func (e *SameFileError) Hint() string {
	if e.Folder {
		return "write to another folder"
	}
	return "write to another name, and rename afterwards if you want"
}

// target is what will be written, and where.
type target struct {
	// path is the weight file; folder is the folder around it if that is written as a whole, or empty.
	path, folder string
	format       checkpoint.Format
	scheme       *naming.Scheme
	// usual says that nobody asked for the scheme, so that another one may suit the model better.
	usual bool
}

// newTarget decides on format and scheme. One that is empty follows from the name of the output, from the other, or from what is usual.
func newTarget(path string, options SaveOptions) (target, error) {
	t, err := targetOf(path, options)
	t.usual = options.To == "" && options.ToMap == nil
	return t, err
}

func targetOf(path string, options SaveOptions) (target, error) {
	format, scheme, named := options.Format, options.To, options.ToMap
	if named != nil {
		scheme = named.Name
	} else if scheme != "" {
		var err error
		if named, err = naming.ByName(scheme); err != nil {
			return target{}, err
		}
	}
	if format != "" && !slices.Contains(Formats(), format) {
		return target{}, &TargetError{Reason: fmt.Sprintf("unknown format %.60q", format), Advice: formatAdvice(format)}
	}
	if path == "" {
		return target{}, &TargetError{Reason: "no output is named", Advice: "name a file or folder"}
	}
	info, err := os.Stat(path)
	exists, folder := err == nil, err == nil && info.IsDir() || os.IsPathSeparator(path[len(path)-1])
	if exists && !folder && !info.Mode().IsRegular() {
		return target{}, &output.NotFileError{Path: path, Mode: info.Mode()}
	}
	endingFormat, endingScheme, known := formatEnding(path)
	given, _ := formatNamed(format)
	if folder || !exists && !known && filepath.Ext(path) == "" && (named == nil || named.ModelType != "") && (format == "" || named != nil && given.Transformers) {
		if options.ToMap != nil {
			return target{}, &TargetError{Reason: fmt.Sprintf("%s is a folder, and a model under the names of a map is written as a file", path), Advice: "give the name of a file"}
		}
		return folderTarget(path, cmp.Or(format, endingFormat), cmp.Or(scheme, endingScheme, naming.HF))
	}
	format = cmp.Or(format, endingFormat)
	if format == "" && named != nil {
		if format = named.Format; !slices.Contains(Formats(), format) {
			return target{}, &TargetError{Reason: fmt.Sprintf("unknown format %.60q, in the map %s", format, named.File()), Advice: formatAdvice(format)}
		}
	}
	record, ok := formatNamed(format)
	if !ok {
		return target{}, &TargetError{
			Reason:  fmt.Sprintf("the format does not follow from the name %q", path),
			Advice:  fmt.Sprintf("state the format or the scheme, or let the name end in %s, or in / for a Hugging Face folder", text.Or(usualEndings())),
			Endings: usualEndings(),
		}
	}
	if named == nil {
		var err error
		if named, err = naming.ByName(cmp.Or(endingScheme, record.Endings[0].Scheme)); err != nil {
			return target{}, err
		}
	}
	return target{path: path, format: record, scheme: named}, nil
}

// formatsOf has the formats that other words stand for.
var formatsOf = map[string]string{
	"pth": "pytorch", "pt": "pytorch", "bin": "pytorch", "ckpt": "pytorch", "torch": "pytorch", "pickle": "pytorch",
	"pdparams": "paddle", "paddlepaddle": "paddle", "safetensor": "safetensors", "st": "safetensors",
}

// formatAdvice says what to ask for in place of a format that there is not.
func formatAdvice(format string) string {
	if _, err := naming.ByName(format); err == nil {
		return fmt.Sprintf("%s is a naming scheme; file formats are %s", format, strings.Join(Formats(), ", "))
	}
	return suggest.Hint(cmp.Or(formatsOf[strings.ToLower(strings.TrimPrefix(format, "."))], suggest.Nearest(format, Formats())), Formats())
}

// folderTarget makes a folder of transformers' kind the target. An empty format takes the usual one of the scheme.
func folderTarget(path, format, scheme string) (target, error) {
	named, err := naming.ByName(scheme)
	if err != nil {
		return target{}, err
	}
	record, ok := formatNamed(cmp.Or(format, named.Format))
	if !named.Folder || !ok || !record.Transformers {
		return target{}, &TargetError{
			Reason: fmt.Sprintf("%s is a folder, and only a scheme whose program loads folders is written as one (%s), in %s format",
				path, text.Or(folderSchemes()), text.Or(transformersFormats())),
			Advice: "give the name of a file",
		}
	}
	folder := filepath.Clean(path)
	return target{path: filepath.Join(folder, record.FolderFile), folder: folder, format: record, scheme: named}, nil
}

// folderSchemes returns the names of the schemes whose programs load folders.
func folderSchemes() []string {
	return slices.DeleteFunc(naming.Names(), func(name string) bool {
		s, err := naming.ByName(name)
		return err != nil || !s.Folder
	})
}

// apart returns a *SameFileError if the target is the source or one of its files, under whatever name.
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
	several := folder == source || strings.HasSuffix(source, ".json")
	if several {
		entries, _ := os.ReadDir(folder)
		for _, entry := range entries {
			candidates = append(candidates, filepath.Join(folder, entry.Name()))
		}
	}
	for _, candidate := range candidates {
		if here, err := os.Stat(candidate); err == nil && os.SameFile(here, there) {
			return &SameFileError{Source: source, Target: t.path, Folder: several || t.folder != ""}
		}
	}
	return nil
}
