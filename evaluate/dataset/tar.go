package dataset

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
)

// archives are tar files of which the images are read one after the other.
type archives struct {
	files []archive
	// truth says the classes if the tar files don't.
	truth *truth
	// classless says that classes are not asked for.
	classless bool
	// wanted, if not nil, says of which images the content is wanted, by their number in the tar.
	wanted func(number int) bool
	// out counts what is left out.
	out *omitted
}

type archive struct {
	path string
	// name is that of the file, without folder.
	name string
	size int64
}

// openTars looks for tar files. All that are missing are one error.
func openTars(sources, files []string, o Options) (*Collection, error) {
	c := &Collection{source: strings.Join(sources, " "), kind: Tars, tars: &archives{out: &omitted{}}}
	if len(sources) > 1 {
		c.source = fmt.Sprintf("%s and %d more", sources[0], len(sources)-1)
	}
	var missing []string
	names := map[string]bool{}
	for _, file := range files {
		info, err := os.Stat(file)
		if errors.Is(err, os.ErrNotExist) {
			missing = append(missing, text.Name(file))
			continue
		}
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, &disk.NotRegularError{Path: file, Mode: info.Mode()}
		}
		name := filepath.Base(file)
		if names[name] {
			return nil, &SourceError{c.source, fmt.Sprintf("two tar files are called %s", text.Name(name)), "give them different names: the records of images name their tar"}
		}
		names[name] = true
		c.tars.files = append(c.tars.files, archive{file, name, info.Size()})
	}
	if len(missing) > 0 {
		verb, advice := "are", "check the paths"
		if len(missing) == 1 {
			verb = "is"
		}
		if slices.ContainsFunc(missing, func(name string) bool { return strings.ContainsRune(name, '{') }) {
			advice += "; in braces, patterns have a span of numbers, as in val-{000..146}.tar, and beside them * and ?"
		}
		return nil, &SourceError{
			c.source, fmt.Sprintf("%d of %s %s not there: %s", len(missing), text.Count(len(files), "tar file", "tar files"), verb, text.List(missing, mostNamed, "")), advice,
		}
	}
	if o.Truth != "" {
		right, err := readTruth(o.Truth)
		if err != nil {
			return nil, err
		}
		if right.numbered = right.named == nil; right.numbered {
			right.unusable = right.prepare() // said of the first image that it is about
		}
		c.tars.truth, c.notes = right, append(c.notes, right.notes...)
	}
	return c, nil
}

// matchTars matches the classes that the first tar file has or, if the answers are sought among those of the data, all of them.
func (c *Collection) matchTars(ctx context.Context, m *matcher, o Matching) (Set, error) {
	scanned := c.tars.files
	if !o.OwnClasses {
		scanned = scanned[:1]
	}
	names, images, err := c.tars.classes(ctx, scanned)
	if err != nil {
		return nil, err
	}
	if images == 0 {
		return nil, &NoImagesError{Source: scanned[0].path}
	}
	if o.Way == ByOrder {
		return nil, &SourceError{
			c.source, "the classes of tar files are not matched by order, since only the end tells how many there are", "state which logit each class is, with a class map",
		}
	}
	mapping, _, err := c.mapping(m, names, o)
	if mapping.Way == ByOrder || err == nil && mapping.Way == "" {
		fail := &MismatchError{Source: c.source, Names: len(names), Classes: m.model.Classes}
		return nil, m.explain(fail, names)
	}
	if err != nil {
		return nil, err
	}
	notes := slices.Clone(c.notes)
	if c.tars.truth != nil {
		notes = append(notes, c.tars.truth.named.notes()...)
	}
	if len(scanned) < len(c.tars.files) {
		notes = append(notes, fmt.Sprintf("the classes of the first of %d tar files were matched before the run; those of the others are while it runs", len(c.tars.files)))
	} else {
		notes = append(notes, mapping.notes(false)...)
	}
	return &tarSet{tars: c.tars, matcher: m, matching: o, source: c.source, digest: c.tars.digest(), files: c.tars.files, classes: mapping, notes: notes}, nil
}

// classes returns the classes of the images in some files, in the order of their bytes, and the number of images.
func (a *archives) classes(ctx context.Context, files []archive) (names []string, images int, err error) {
	seen := map[string]bool{}
	for _, file := range files {
		for e, err := range a.read(ctx, file, false) {
			if err != nil {
				return nil, 0, err
			}
			seen[e.class] = true
			images++
		}
	}
	return slices.Sorted(maps.Keys(seen)), images, nil
}

// digest returns that of the names and sizes of all files.
func (a *archives) digest() string {
	hash := sha256.New()
	for _, file := range a.files {
		fmt.Fprintf(hash, "%q %d\n", file.name, file.size) // never fails
	}
	return digestText(hash.Sum(nil))
}

// tarSet is a [Set] of the images in tar files.
type tarSet struct {
	tars     *archives
	matcher  *matcher
	matching Matching
	source   string
	digest   string
	files    []archive
	classes  Mapping
	notes    []string
}

// Examples implements [Set]. The bytes of one image after the other are read into memory.
func (s *tarSet) Examples(ctx context.Context) iter.Seq2[Example, error] {
	return func(yield func(Example, error) bool) {
		known := map[string]int{}
		for _, file := range s.files {
			index := 0
			for member, err := range s.tars.read(ctx, file, true) {
				if err != nil {
					yield(Example{}, err)
					return
				}
				e, err := s.example(file, member, known)
				if e.Class < 0 && err == nil {
					continue // left out by the class map
				}
				e.Index = index
				index++
				if !yield(e, err) || err != nil {
					return
				}
			}
		}
	}
}

// example returns the example for an image in a tar file. known has the logits of the classes so far.
func (s *tarSet) example(file archive, member member, known map[string]int) (Example, error) {
	e := Example{Tar: file.name}
	e.Name, e.Open, e.Content = member.name, member.open, member.content
	logit, seen := known[member.class]
	if !seen {
		wrong := (*Mismatch)(nil)
		if s.matching.Map != nil {
			logit, wrong = s.matcher.findMapped(member.class, s.matching.Map)
		} else if found, reason := s.matcher.find(s.classes.Way, member.class); reason != "" {
			wrong = &Mismatch{Name: member.class, Reason: reason}
		} else {
			logit = found
		}
		if _, there := slices.BinarySearch(s.classes.Candidates, logit); wrong == nil && logit >= 0 && s.classes.Candidates != nil && !there {
			wrong = &Mismatch{Name: member.class, Reason: "is not among the classes that are asked for"}
		}
		if wrong != nil {
			return e, &MismatchError{Source: file.path, Names: len(known) + 1, Classes: s.classes.Of, Way: s.classes.Way, Mismatches: []Mismatch{*wrong}}
		}
		known[member.class] = logit
	}
	e.Class = logit
	if s.matching.Real == nil || logit < 0 {
		return e, nil
	}
	var err error
	e.Real, err = s.matching.Real.of(member.name)
	return e, err
}

// Len implements [Set].
func (s *tarSet) Len() int { return -1 }

// Digest implements [Set].
func (s *tarSet) Digest() string { return s.digest }

// Grounds implements [Set].
func (s *tarSet) Grounds() Grounds {
	g := Grounds{Real: s.matching.Real.digestOrNone()}
	if s.tars.truth != nil {
		g.Truth = s.tars.truth.digest
	}
	if s.matching.Map != nil {
		g.Map = s.matching.Map.digest
	}
	return g
}

// Source implements [Set].
func (s *tarSet) Source() string { return s.source }

// Classes implements [Set].
func (s *tarSet) Classes() Mapping { return s.classes }

// Notes implements [Set].
func (s *tarSet) Notes() []string { return s.notes }

// LeftOut implements [Set].
func (s *tarSet) LeftOut() []string { return s.tars.out.notes(s.files) }

// Shard implements [Set].
func (s *tarSet) Shard(i, n int) Set {
	checkShard(i, n)
	part := *s
	part.files = nil
	for at := i; at < len(s.files); at += n {
		part.files = append(part.files, s.files[at])
	}
	return &part
}

// TarError says that a tar file cannot be read to its end, or holds something else than images with classes.
type TarError struct {
	Path string
	// Member is the name of the file in the tar that it is about, or the one before the damage; it may be empty.
	Member string
	Err    error

	// classless says that no classes were asked for.
	classless bool
}

func (e *TarError) Error() string {
	if e.Member == "" {
		return fmt.Sprintf("%s: %v", text.Name(e.Path), e.Err)
	}
	return fmt.Sprintf("%s, at %s: %v", text.Name(e.Path), text.Quote(e.Member), e.Err)
}

// Unwrap returns the cause.
func (e *TarError) Unwrap() error { return e.Err }

// Is reports that the file is unusable.
func (e *TarError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what to do.
func (e *TarError) Hint() string {
	if errors.Is(e.Err, errTwice) {
		return "pack its images anew, each once"
	}
	if errors.Is(e.Err, errNoEnd) || errors.Is(e.Err, errAfterEnd) {
		return "fetch it again; if it is whole, pack its images anew: one tar in each file"
	}
	if hint := errdef.Hint(e.Err); hint != "" {
		return hint
	}
	if errors.Is(e.Err, io.ErrUnexpectedEOF) { // a member that is cut
		return (*damageError)(nil).Hint()
	}
	if e.classless {
		return "give whole tar files of pictures, each picture once and under a name of its own"
	}
	return "each image needs its class: beside it in a file of the same name that ends in .cls or .json, as its folder, or in a file of right classes"
}

// member is an image in a tar file.
type member struct {
	name, class string
	// content is the CRC-32C of its bytes, as 8 hexadecimal digits.
	content string
	open    func() (io.ReadCloser, error)
}

// The limits of members of tar files, in bytes.
const (
	maxMember    = preprocess.MaxFileBytes
	maxClassFile = 1 << 20
)

// sample collects the members of a tar file whose names are the same up to the first dot: as WebDataset has them, an image and what belongs to it.
type sample struct {
	key string
	// image is the member that is an image; its name is empty if there was none yet.
	image member
	class string
	// said reports that a member says the class.
	said bool
	// meant says which key of a member was probably meant to say it.
	meant string
}

// read yields the images of a tar file with the names of their classes, in the order of the file. With content, what their open returns is in memory; without,
// images are skipped, and their open is nil. An error ends the sequence.
func (a *archives) read(ctx context.Context, file archive, content bool) iter.Seq2[member, error] {
	return func(yield func(member, error) bool) {
		if err := a.each(ctx, file, content, func(m member) bool { return yield(m, nil) }); err != nil {
			yield(member{}, err)
		}
	}
}

// failed returns the error about a file in a tar.
func (a *archives) failed(path, member string, err error) *TarError {
	return &TarError{Path: path, Member: member, Err: err, classless: a.classless}
}

// each calls do with each image, until that returns false.
func (a *archives) each(ctx context.Context, file archive, content bool, do func(member) bool) error {
	source, err := openTarFile(file.path)
	if err != nil {
		return err
	}
	defer source.Close()
	entries, last, now, count, ended := tar.NewReader(source.reader()), "", sample{}, 0, false
	linked, seen, out := newLinks(source), newNameSet(), omittedOf{}
	defer func() { a.out.set(file.path, &out) }()
	flush := func() error {
		if now.image.name == "" {
			return nil
		}
		if err := a.classify(&now, file.name, count); err != nil {
			return a.failed(file.path, now.image.name, err)
		}
		count++
		ended = !do(now.image)
		return nil
	}
	for place := 0; !ended; place++ {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			if err := source.checkEnd(ctx); err != nil {
				return a.failed(file.path, last, err)
			}
			return flush()
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return a.failed(file.path, last, &damageError{err})
		}
		last = header.Name
		linked.pass(header, place)
		if header.Typeflag == tar.TypeDir || header.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if isHidden(path.Base(header.Name)) {
			out.hidden.add(header.Name)
			continue
		}
		key := keyOf(header.Name)
		if a.classless {
			key = header.Name // nothing belongs together
		}
		if key != now.key {
			if err := flush(); err != nil || ended {
				return err
			}
			now = sample{key: key}
		}
		if a.classless && saysClass(header.Name) {
			continue
		}
		keep := content && (a.wanted == nil || a.wanted(count))
		taken, err := now.add(packed{header, entries, file.path, place, linked}, keep, seen)
		if err != nil {
			return a.failed(file.path, last, err)
		}
		if !taken {
			out.foreign.add(header.Name)
		}
	}
	return nil
}

// keyOf returns the name of a member up to the first dot of its last part.
func keyOf(name string) string {
	folder, base := path.Split(name)
	stem, _, _ := strings.Cut(base, ".")
	return folder + stem
}

// endingOf returns what follows the first dot of the last part of a name, in small letters.
func endingOf(name string) string {
	_, ending, _ := strings.Cut(path.Base(name), ".")
	return strings.ToLower(ending)
}

// saysClass reports whether a member by its name is one that says a class.
func saysClass(name string) bool {
	return slices.Contains([]string{"cls", "cls.txt", "json"}, endingOf(name))
}

// add takes a member into the sample, unless it is neither an image nor says a class. seen has the names of all images so far.
func (s *sample) add(p packed, keep bool, seen *nameSet) (taken bool, err error) {
	name := p.header.Name
	switch ending := endingOf(name); {
	case saysClass(name):
		return true, s.addClass(ending, p)
	case isTar(name):
		return false, errors.New("a tar file in a tar file")
	case preprocess.HasEnding(name):
	default:
		if image, err := p.sniff(); err != nil || !image {
			return false, err
		}
	}
	if s.image.name != "" {
		return false, fmt.Errorf("%s has two images", text.Quote(s.key))
	}
	if !seen.add(name) {
		return false, errTwice
	}
	s.image.name = name
	if !keep {
		return true, nil
	}
	return true, p.keepAs(&s.image)
}

// addClass reads a member that says the class.
func (s *sample) addClass(ending string, p packed) error {
	raw, err := p.read(maxClassFile + 1)
	if err != nil {
		return err
	}
	if len(raw) > maxClassFile {
		return fmt.Errorf("it has more than %d bytes", maxClassFile)
	}
	class := strings.TrimSpace(string(raw))
	if ending == "json" {
		object, err := decodeObject(raw, classColumns...)
		if err != nil {
			return err
		}
		if columnOfObject(object) == "" {
			s.meant = meant(object, classColumns)
			return nil // about something else than the class
		}
		if class, err = oneOf(object, classColumns); err != nil {
			return err
		}
	}
	if class == "" || strings.Contains(class, "\n") {
		return fmt.Errorf("%s does not hold one class", path.Base(p.header.Name))
	}
	if s.said && s.class != class {
		return fmt.Errorf("the classes %s and %s", text.Quote(s.class), text.Quote(class))
	}
	s.class, s.said = class, true
	return nil
}

// columnOfObject returns a key of an object that says a class, or an empty text.
func columnOfObject(object map[string]json.RawMessage) string {
	for _, key := range classColumns {
		if object[key] != nil {
			return key
		}
	}
	return ""
}

// classify decides on the class of a sample, which is number i of a tar: that of the file of right classes, that beside the image, or the folder.
func (a *archives) classify(s *sample, tar string, i int) error {
	folder := path.Base(path.Dir(path.Clean(strings.ReplaceAll(s.image.name, "\\", "/"))))
	switch {
	case a.classless:
		return nil
	case a.truth != nil:
		class, err := a.truth.of(tar, s.image.name, i)
		s.image.class = class
		return err
	case s.said:
		s.image.class = s.class
	case folder == "." || folder == "/" || folder == "..":
		return errors.New("nothing says the class of the image" + s.meant)
	default:
		s.image.class = folder
	}
	return nil
}
