package hub

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
)

// Scheme begins a reference.
const Scheme = "hf://"

// MainRevision is the branch that a reference without a revision means.
const MainRevision = "main"

// Reference names a repository of models, a revision in it, and a path in that.
type Reference struct {
	Owner, Name string
	// Revision is a branch, a tag, a commit, or a reference such as refs/pr/1.
	Revision string
	// Path is that of a folder or file, or empty for the whole repository.
	Path string
}

// Repository returns OWNER/NAME, which the hub calls the id of a model.
func (r Reference) Repository() string { return r.Owner + "/" + r.Name }

// String returns the form that Parse reads.
func (r Reference) String() string {
	text := Scheme + r.Repository()
	if r.Revision != MainRevision {
		text += "@" + r.Revision
	}
	if r.Path != "" {
		text += "/" + r.Path
	}
	return text
}

// Form says how sure it is that a text names a model of the hub.
type Form int

// The forms.
const (
	// Foreign: the text means something else.
	Foreign Form = iota
	// Plain: it looks as the id of a model does, OWNER/NAME, but may also be a path.
	Plain
	// Explicit: it begins with hf://, or is an address of the hub.
	Explicit
)

// ReferenceError says why a text that is meant for the hub names nothing there.
type ReferenceError struct{ Text, Why string }

func (e *ReferenceError) Error() string {
	return fmt.Sprintf("%.200q names no model of the hub: %s", e.Text, e.Why)
}

// Is makes a ReferenceError an errdef.ErrUsage.
func (*ReferenceError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says how references look.
func (*ReferenceError) Hint() string {
	return "write hf://OWNER/NAME, hf://OWNER/NAME@REVISION or hf://OWNER/NAME@REVISION/PATH"
}

var (
	segmentPattern = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?$`)
	// revisionPattern is narrower than what git allows.
	revisionPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+/-]{0,200}$`)
	// longRevisions are the revisions with slashes that may stand before a path.
	longRevisions = regexp.MustCompile(`^refs/(?:pr/[0-9]+|convert/[A-Za-z0-9_.-]+)`)
	commitPattern = regexp.MustCompile(`^[0-9a-f]{40}$`)
)

// fileEndings are those of names that are no ids of models, though ids may have dots.
var fileEndings = []string{
	".pth", ".pt", ".ckpt", ".bin", ".safetensors", ".pdparams", ".pdmodel", ".pdopt", ".pkl", ".h5", ".msgpack", ".onnx", ".npz", ".npy", ".gguf", ".json", ".yaml",
	".yml", ".zip", ".tar", ".gz", ".xz", ".txt", ".md", ".py", ".bundle", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".pub", ".sec",
}

// Parse reads hf://OWNER/NAME[@REVISION][/PATH], the address of a page or file of the hub at site, or OWNER/NAME[@REVISION]. A text that means something else is
// Foreign. Errors are of type *ReferenceError.
func Parse(text string, site Site) (Reference, Form, error) {
	if rest, ok := strings.CutPrefix(text, Scheme); ok {
		reference, err := parse(text, rest)
		return reference, Explicit, err
	}
	for _, host := range []string{site.endpoint(), DefaultEndpoint} {
		if rest, ok := strings.CutPrefix(text, host+"/"); ok {
			reference, err := parsePage(text, rest)
			return reference, Explicit, err
		}
	}
	if strings.Count(text, "/") != 1 || slices.Contains(fileEndings, strings.ToLower(path.Ext(text))) {
		return Reference{}, Foreign, nil
	}
	reference, err := parse(text, text)
	if err != nil {
		return Reference{}, Foreign, nil //nolint:nilerr // then it is a path
	}
	return reference, Plain, nil
}

func parse(text, rest string) (Reference, error) {
	words := strings.SplitN(rest, "/", 3)
	if len(words) < 2 {
		return Reference{}, &ReferenceError{text, "the name of an owner and of a model are needed"}
	}
	if kind := words[0]; len(words) == 3 && (kind == "datasets" || kind == "spaces") {
		return Reference{}, &ReferenceError{text, "it is one of the " + kind}
	}
	r := Reference{Owner: words[0], Revision: MainRevision}
	after := strings.TrimPrefix(rest, words[0]+"/") // NAME[@REVISION][/PATH]
	name, path, _ := strings.Cut(after, "/")
	name, revision, revised := strings.Cut(name, "@")
	if revised {
		whole := strings.TrimPrefix(after, name+"@")
		if long := longRevisions.FindString(whole); long != "" {
			revision, path = long, strings.TrimPrefix(whole[len(long):], "/")
		}
		unescaped, err := url.PathUnescape(revision)
		if err != nil {
			return r, &ReferenceError{text, "the revision is escaped wrongly"}
		}
		r.Revision = unescaped
	}
	r.Name, r.Path = name, strings.TrimSuffix(path, "/")
	return r, r.check(text)
}

// parsePage reads what follows the host in the address of a page or file: OWNER/NAME[/tree|blob|resolve|raw/REVISION[/PATH]].
func parsePage(text, rest string) (Reference, error) {
	rest, _, _ = strings.Cut(rest, "?")
	words := strings.SplitN(strings.TrimSuffix(rest, "/"), "/", 5)
	if len(words) < 2 {
		return Reference{}, &ReferenceError{text, "the address is not that of a model"}
	}
	r := Reference{Owner: words[0], Name: words[1], Revision: MainRevision}
	if len(words) > 2 {
		if !slices.Contains([]string{"tree", "blob", "resolve", "raw"}, words[2]) || len(words) < 4 {
			return r, &ReferenceError{text, "the address is not that of a model or of a file in it"}
		}
		revision, err := url.PathUnescape(words[3])
		if err != nil {
			return r, &ReferenceError{text, "the revision is escaped wrongly"}
		}
		r.Revision = revision
	}
	if len(words) > 4 {
		unescaped, err := url.PathUnescape(words[4])
		if err != nil {
			return r, &ReferenceError{text, "the path is escaped wrongly"}
		}
		r.Path = unescaped
	}
	return r, r.check(text)
}

func (r Reference) check(text string) error {
	switch {
	case !segmentPattern.MatchString(r.Owner) || !segmentPattern.MatchString(r.Name):
		return &ReferenceError{text, "names have letters, digits, and . _ - between them"}
	case !revisionPattern.MatchString(r.Revision) || strings.Contains(r.Revision, ".."):
		return &ReferenceError{text, fmt.Sprintf("%.80q is not a revision", r.Revision)}
	case r.Path != "" && !isSafePath(r.Path):
		return &ReferenceError{text, fmt.Sprintf("%.80q is not a path in a repository", r.Path)}
	}
	return nil
}

// isSafePath reports whether a path stays inside a repository, and can be printed.
func isSafePath(name string) bool {
	unsafe := func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' || r == ':' }
	return name != "" && len(name) < 500 && path.Clean(name) == name && !path.IsAbs(name) && name != ".." && !strings.HasPrefix(name, "../") && !strings.ContainsFunc(name, unsafe)
}
