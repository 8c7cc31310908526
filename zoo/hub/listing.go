package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/httpstore"
	"github.com/beitzoo/beitzoo/zoo/store/retry"
)

// File is a file of a repository.
type File struct {
	// Name is its path in the repository.
	Name string
	// Size is in bytes, or store.UnknownSize.
	Size int64
	// Digest is the one that the hub states, for files in Git LFS; else it is empty until the file was fetched.
	Digest digest.Digest
	// GitID is what git calls the content of a file that is not in Git LFS: the SHA-1 of its size and bytes, in hexadecimal digits; or empty.
	GitID string
}

// commit is a revision of a repository.
type commit struct {
	id    string
	files []File
}

// Limits of what a hub says about a repository, in bytes and files; honest models have some dozens of files.
const (
	maxListing = 32 << 20
	maxFiles   = 20_000
)

// repositoryInfo is the part of the hub's answer that matters here.
type repositoryInfo struct {
	SHA      string `json:"sha"`
	Siblings []struct {
		Name   string `json:"rfilename"`
		Size   *int64 `json:"size"`
		BlobID string `json:"blobId"`
		LFS    *struct {
			SHA256 string `json:"sha256"`
			Size   int64  `json:"size"`
		} `json:"lfs"`
	} `json:"siblings"`
}

// list asks the hub which commit a revision is, and which files that has.
func (h *Hub) list(ctx context.Context, r Reference, revision string) (*commit, error) {
	address := h.options.Site.endpoint() + "/api/models/" + r.Repository() + "/revision/" + url.PathEscape(revision) + "?blobs=true"
	from, err := h.open(address)
	if err != nil {
		return nil, err
	}
	raw, err := store.Read(ctx, from, store.Blob{Name: "the list of files of " + r.Repository(), Size: store.UnknownSize}, maxListing)
	if err != nil {
		return nil, h.explain(r, err)
	}
	var info repositoryInfo
	if err := json.Unmarshal(raw, &info); err != nil {
		return nil, h.unusable(r, fmt.Errorf("its list of files cannot be read: %w", text.JSONError(err)))
	}
	found, err := info.commit()
	if err != nil {
		return nil, h.unusable(r, err)
	}
	return found, nil
}

// commit checks what a hub says. Files whose names lead out of the repository are an error, not left out: no honest repository has them.
func (i repositoryInfo) commit() (*commit, error) {
	if !commitPattern.MatchString(i.SHA) {
		return nil, fmt.Errorf("it names no commit, but %.60q", i.SHA)
	}
	if len(i.Siblings) > maxFiles {
		return nil, fmt.Errorf("the repository has %d files", len(i.Siblings))
	}
	found := &commit{id: i.SHA}
	for _, sibling := range i.Siblings {
		file := File{Name: sibling.Name, Size: store.UnknownSize, GitID: sibling.BlobID}
		if !isSafePath(file.Name) {
			return nil, fmt.Errorf("a file of the repository is called %s", text.Quote(file.Name))
		}
		if sibling.Size != nil && *sibling.Size >= 0 {
			file.Size = *sibling.Size
		}
		if sibling.LFS != nil {
			sum, err := store.ParseDigest(sibling.LFS.SHA256)
			if err != nil || sibling.LFS.Size < 0 {
				return nil, fmt.Errorf("the digest of %s is malformed", text.Quote(file.Name))
			}
			file.Digest, file.Size, file.GitID = sum, sibling.LFS.Size, ""
		}
		if file.GitID != "" && !commitPattern.MatchString(file.GitID) {
			file.GitID = ""
		}
		found.files = append(found.files, file)
	}
	return found, nil
}

// open returns the store of one address of the hub.
func (h *Hub) open(address string) (store.Fetcher, error) {
	options := h.options.HTTP
	options.Credentials = httpstore.First(h.options.Site.Credentials(), options.Credentials)
	server, err := httpstore.New(address, options)
	if err != nil {
		return nil, err
	}
	return retry.New(server, h.options.Retry), nil
}

// file returns the store of one file of a commit.
func (h *Hub) file(r Reference, commit, name string) (store.Fetcher, error) {
	path := (&url.URL{Path: name}).EscapedPath()
	return h.open(h.options.Site.endpoint() + "/" + r.Repository() + "/resolve/" + commit + "/" + path)
}

// Error says that the hub did not give what was asked for.
type Error struct {
	Reference Reference
	// Err is the cause.
	Err error
	// Advice is what the user could do.
	Advice string
}

func (e *Error) Error() string { return e.Reference.String() + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Hint returns the advice.
func (e *Error) Hint() string { return e.Advice }

// explain adds to an error of the hub what it means there: it does not say that a model is absent to those who may not see it.
func (h *Hub) explain(r Reference, err error) error {
	var source *store.SourceError
	if !errors.As(err, &source) {
		return err
	}
	page := h.options.Site.endpoint() + "/" + r.Repository()
	const token = "set HF_TOKEN to a token that may read it"
	advice := source.Hint()
	switch {
	case source.Status == 401 && h.options.Site.Token == "":
		advice = "check the id: no such model, or it is private or gated; then " + token
	case source.Status == 401 || source.Status == 403:
		advice = "the token may not read this model, or the model does not exist: request access at " + page + ", then " + token
	case errors.Is(source, store.ErrNotFound):
		advice = "check owner, name, revision and path: see " + page
	}
	return &Error{Reference: r, Err: err, Advice: advice}
}

// unusable returns the error for an answer that breaks the rules of the hub.
func (h *Hub) unusable(r Reference, err error) error {
	problem := &store.SourceError{Source: h.options.Site.endpoint(), Kind: store.ErrUnreachable, Err: err}
	return &Error{Reference: r, Err: problem, Advice: "check HF_ENDPOINT: it does not answer as the hub does"}
}
