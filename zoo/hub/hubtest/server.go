package hubtest

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // git's names
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
)

// Server is a hub on the loopback interface, and beside it, on another port, the storage to which it redirects for large files. Its methods may be called from
// several goroutines.
type Server struct {
	*httptest.Server
	storage *httptest.Server

	mu           sync.Mutex
	repositories map[string]*repository
	blobs        map[string][]byte // of the storage, by digest
	requests     []Request
	status       int
}

// Request is what a client asked for.
type Request struct {
	// Storage reports that the storage was asked, not the hub.
	Storage                     bool
	Method, Path, Authorization string
}

type repository struct {
	token   string
	commits map[string]map[string][]byte
	// branches are the commits of branches and tags.
	branches map[string]string
}

// NewServer starts a hub that is closed when the test ends.
func NewServer(t testing.TB) *Server {
	t.Helper()
	s := &Server{repositories: map[string]*repository{}, blobs: map[string][]byte{}}
	s.storage = httptest.NewServer(http.HandlerFunc(s.serveStorage))
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	t.Cleanup(s.storage.Close)
	return s
}

// Commit makes a commit of a repository, to which a branch points from then on, and returns its id.
func (s *Server) Commit(id, branch string, files map[string][]byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repositories[id]
	if r == nil {
		r = &repository{commits: map[string]map[string][]byte{}, branches: map[string]string{}}
		s.repositories[id] = r
	}
	sum := sha1.New() //nolint:gosec // see the import
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(sum, "%s %x\n", name, digest.FromBytes(files[name]))
	}
	commit := hex.EncodeToString(sum.Sum(nil))
	r.commits[commit], r.branches[branch] = maps.Clone(files), commit
	for name, content := range files {
		if isLarge(name) {
			s.blobs[digest.FromBytes(content).Encoded()] = content
		}
	}
	return commit
}

// Forget removes a commit, as a rewritten history does.
func (s *Server) Forget(id, commit string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.repositories[id].commits, commit)
}

// Replace changes a file of a commit, which an honest hub cannot.
func (s *Server) Replace(id, commit, name string, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repositories[id].commits[commit][name] = content
	s.blobs[digest.FromBytes(content).Encoded()] = content
}

// Spoil changes the bytes that the storage sends for a file, under the name of the right ones.
func (s *Server) Spoil(content, with []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blobs[digest.FromBytes(content).Encoded()] = with
}

// Protect makes a repository visible only to those who send a token.
func (s *Server) Protect(id, token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repositories[id].token = token
}

// Fail answers everything with a status; 0 is to work again.
func (s *Server) Fail(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

// Requests returns the requests so far, and forgets them.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.requests
	s.requests = nil
	return all
}

// isLarge reports whether the hub keeps a file in Git LFS.
func isLarge(name string) bool {
	return slices.Contains([]string{".safetensors", ".bin", ".pth"}, path.Ext(name))
}

// GitID returns what git calls a file.
func GitID(content []byte) string {
	sum := sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(content)), content...)) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

func (s *Server) note(r *http.Request, storage bool) (failing int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, Request{storage, r.Method, r.URL.Path, r.Header.Get("Authorization")})
	return s.status
}

// refuse answers as the hub does: the code and the message are in headers, because answers to HEAD have no body.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("X-Error-Code", code)
	w.Header().Set("X-Error-Message", message)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": message})
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if status := s.note(r, false); status != 0 {
		refuse(w, status, "", "the hub is being serviced")
		return
	}
	words := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	for i := range words {
		words[i], _ = url.PathUnescape(words[i]) // a malformed escape is not found
	}
	switch {
	case len(words) >= 4 && words[0] == "api" && words[1] == "models":
		s.serveAPI(w, r, words[2]+"/"+words[3], words[4:])
	case len(words) >= 5 && words[2] == "resolve":
		s.serveFile(w, r, words[0]+"/"+words[1], words[3], strings.Join(words[4:], "/"))
	default:
		http.NotFound(w, r)
	}
}

// find returns the files of a revision, or answers with the reason why not.
func (s *Server) find(w http.ResponseWriter, r *http.Request, id, revision string) (commit string, files map[string][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.repositories[id]
	if found == nil || found.token != "" && r.Header.Get("Authorization") != "Bearer "+found.token {
		refuse(w, http.StatusUnauthorized, "RepoNotFound", "Repository not found")
		return "", nil
	}
	commit = revision
	if branch, is := found.branches[revision]; is {
		commit = branch
	}
	if files = found.commits[commit]; files == nil {
		refuse(w, http.StatusNotFound, "RevisionNotFound", "Invalid rev id: "+revision)
		return "", nil
	}
	return commit, maps.Clone(files)
}

// serveAPI answers /api/models/OWNER/NAME, .../revision/REVISION and .../tree/REVISION.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request, id string, rest []string) {
	revision := "main"
	if len(rest) > 1 {
		revision = rest[1]
	}
	commit, files := s.find(w, r, id, revision)
	if files == nil {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if len(rest) > 0 && rest[0] == "tree" {
		_ = json.NewEncoder(w).Encode(treeOf(files))
		return
	}
	type lfs struct {
		SHA256      string `json:"sha256"`
		Size        int    `json:"size"`
		PointerSize int    `json:"pointerSize"`
	}
	type sibling struct {
		Name   string `json:"rfilename"`
		Size   *int   `json:"size,omitempty"`
		BlobID string `json:"blobId,omitempty"`
		LFS    *lfs   `json:"lfs,omitempty"`
	}
	siblings := []sibling{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		one := sibling{Name: name}
		if content := files[name]; r.URL.Query().Get("blobs") != "" {
			size := len(content)
			one.Size, one.BlobID = &size, GitID(content)
			if isLarge(name) {
				one.LFS = &lfs{digest.FromBytes(content).Encoded(), size, 130}
			}
		}
		siblings = append(siblings, one)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"id": id, "modelId": id, "sha": commit, "private": false, "tags": []string{}, "downloads": 0, "siblings": siblings})
}

func treeOf(files map[string][]byte) []map[string]any {
	tree := []map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		content := files[name]
		entry := map[string]any{"type": "file", "path": name, "size": len(content), "oid": GitID(content)}
		if isLarge(name) {
			entry["lfs"] = map[string]any{"oid": digest.FromBytes(content).Encoded(), "size": len(content), "pointerSize": 130}
		}
		tree = append(tree, entry)
	}
	return tree
}

// serveFile answers /OWNER/NAME/resolve/REVISION/PATH: small files as they are, large ones with a redirect to the storage.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request, id, revision, name string) {
	commit, files := s.find(w, r, id, revision)
	if files == nil {
		return
	}
	w.Header().Set("X-Repo-Commit", commit)
	content, there := files[name]
	if !there {
		refuse(w, http.StatusNotFound, "EntryNotFound", "Entry not found")
		return
	}
	if !isLarge(name) {
		w.Header().Set("Etag", fmt.Sprintf("%q", GitID(content)))
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
		return
	}
	sum := digest.FromBytes(content).Encoded()
	w.Header().Set("X-Linked-Etag", fmt.Sprintf("%q", sum))
	w.Header().Set("X-Linked-Size", fmt.Sprint(len(content)))
	http.Redirect(w, r, s.storage.URL+"/"+sum+"?signature=s3cret", http.StatusFound)
}

func (s *Server) serveStorage(w http.ResponseWriter, r *http.Request) {
	s.note(r, true)
	s.mu.Lock()
	content, there := s.blobs[path.Base(r.URL.Path)]
	s.mu.Unlock()
	if !there || r.URL.Query().Get("signature") != "s3cret" {
		http.Error(w, "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", http.StatusForbidden)
		return
	}
	w.Header().Set("Etag", fmt.Sprintf("%q", path.Base(r.URL.Path)))
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}
