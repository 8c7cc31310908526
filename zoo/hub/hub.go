package hub

import (
	"context"
	"crypto/sha1" //nolint:gosec // the name that git gives to a file, beside its SHA-256
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/convert/configs"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/zoo/pins"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
	"github.com/beitzoo/beitzoo/zoo/store/httpstore"
	"github.com/beitzoo/beitzoo/zoo/store/retry"
)

// Options say what a Hub works with.
type Options struct {
	Site Site
	// Cache is where files are stored.
	Cache *cache.Cache
	// Records remember commits and digests.
	Records pins.Records
	// HTTP and Retry say how the hub is reached.
	HTTP  httpstore.Options
	Retry retry.Options
	// Offline forbids the network.
	Offline bool
}

// Hub fetches models from a hub. Its methods may be called from several goroutines, and by several processes with the same cache.
type Hub struct{ options Options }

// New returns a Hub. It sends nothing yet.
func New(options Options) *Hub {
	options.Site.Offline = options.Site.Offline && !options.Offline // only one of both is the reason
	options.Offline = options.Offline || options.Site.Offline
	return &Hub{options}
}

// offline returns the error for what is not in the cache.
func (h *Hub) offline(r Reference) error {
	missing := &OfflineError{Reference: r}
	if h.options.Site.Offline {
		missing.Variable = offlineVariable
	}
	return missing
}

// PullOptions change what Pull does. The zero value uses what is pinned.
type PullOptions struct {
	// Repin takes the commit that the revision is now, in place of the pinned one.
	Repin bool
	// Refresh asks the hub whether the revision is another commit now, even if the cache has all files.
	Refresh bool
	// SkipCheck trusts files that are in the cache already; otherwise their digests are computed again.
	SkipCheck bool
	// Progress, which may be nil, is told how many bytes have arrived, and how many there are in all. Calls never overlap.
	Progress func(done, total int64)
	// Notice, which may be nil, is told what is about to be fetched, and of problems that Pull recovered from.
	Notice func(error)
	// Streams is how many ranges are fetched at once; 0 is store.DefaultStreams.
	Streams int
}

// Snapshot is a model of a hub in the cache.
type Snapshot struct {
	Reference Reference
	// Endpoint is the address of the hub.
	Endpoint string
	// Commit is the one that the revision is, or was when it was pinned.
	Commit string
	// Files are those of the model, with their digests.
	Files []File
	// Path is the folder, or the file, to open. It belongs to the cache: do not write to it.
	Path string
	// Pinned reports that this pull pinned the commit.
	Pinned bool
	// Cached reports that nothing was fetched.
	Cached bool
}

// Bytes returns the size of all files in bytes.
func (s *Snapshot) Bytes() int64 {
	var sum int64
	for _, file := range s.Files {
		sum += max(0, file.Size)
	}
	return sum
}

// key returns what records call a reference: the same id is another model on another hub.
func (h *Hub) key(r Reference) string { return h.options.Site.endpoint() + " " + r.String() }

// Pull brings the files of a model into the cache, and returns where they are. When a revision is first used, its commit and the digests of its files are
// pinned; from then on those are used, also without a network, until options.Repin. Files are verified: those in Git LFS against the SHA-256 that the
// hub states, others against what git calls them, all against their pinned digests. Pull may be interrupted; the next one resumes.
//
// A pinned commit that the hub no longer has, or has with other files, is a *ChangedError; a *NoModelError says that the reference names no weights, or several;
// *Error is a refusal of the hub.
func (h *Hub) Pull(ctx context.Context, r Reference, options PullOptions) (*Snapshot, error) {
	p := &pull{hub: h, reference: r, options: options}
	if err := p.remember(ctx); err != nil {
		return nil, err
	}
	if p.pinned != nil && p.complete && (!options.Refresh || h.options.Offline) && !options.Repin {
		return p.fromCache()
	}
	if h.options.Offline {
		return nil, h.offline(r)
	}
	chosen, err := p.ask(ctx)
	if err != nil && p.pinned != nil && p.complete && !options.Repin && errors.Is(errdef.Kind(err), errdef.ErrNetwork) {
		p.notice(&UnaskedNotice{Reference: r, Err: err})
		return p.fromCache()
	}
	switch {
	case err != nil:
		return nil, err
	case p.pinned != nil && p.complete && !options.Repin:
		return p.fromCache()
	}
	return p.fetch(ctx, chosen)
}

// Plan returns what Pull would fetch, without fetching it: a Snapshot without a path. It asks the hub unless the cache has everything.
func (h *Hub) Plan(ctx context.Context, r Reference, options PullOptions) (*Snapshot, error) {
	options.SkipCheck = true
	p := &pull{hub: h, reference: r, options: options}
	if err := p.remember(ctx); err != nil {
		return nil, err
	}
	switch {
	case p.pinned != nil && p.complete && !options.Repin:
		return p.snapshot(p.pinned.Commit, true), nil
	case h.options.Offline:
		return nil, h.offline(r)
	}
	chosen, err := p.ask(ctx)
	if err != nil {
		return nil, err
	}
	p.files = chosen.files
	return p.snapshot(chosen.commit, false), nil
}

// pull is one call of Pull.
type pull struct {
	hub       *Hub
	reference Reference
	options   PullOptions

	// pinned is what is remembered, or nil. complete reports that the cache has all of it, verified.
	pinned   *pins.Snapshot
	complete bool
	files    []File
	// fetched and all count the bytes of files.
	fetched, all int64
}

// chosen are the files to fetch.
type chosen struct {
	choice
	commit string
}

func (p *pull) notice(err error) {
	if p.options.Notice != nil {
		p.options.Notice(err)
	}
}

// remember looks up what is pinned, and whether the cache has it. Damaged files are removed.
func (p *pull) remember(ctx context.Context) error {
	known, err := p.hub.options.Records.Snapshot(p.hub.key(p.reference))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	p.pinned, p.complete = &known, true
	for _, file := range known.Files {
		there, err := p.check(ctx, file)
		if err != nil {
			return err
		}
		p.complete = p.complete && there
		p.files = append(p.files, File{Name: file.Name, Size: file.Size, Digest: file.Digest})
	}
	return nil
}

// check reports whether the cache has a file, whole.
func (p *pull) check(ctx context.Context, file pins.SnapshotFile) (bool, error) {
	local := p.hub.options.Cache
	blob := store.Blob{Digest: file.Digest, Size: file.Size, Name: file.Name}
	if _, err := local.Stat(ctx, blob); err != nil {
		return false, nil //nolint:nilerr // a cache that cannot be read has nothing
	}
	if p.options.SkipCheck {
		return true, nil
	}
	_, err := local.VerifyBlob(ctx, blob, nil)
	if errors.Is(err, store.ErrDigestMismatch) {
		p.notice(fmt.Errorf("a file in the cache was damaged and is removed: %w", err))
		return false, local.Remove(file.Digest)
	}
	return err == nil, err
}

// fromCache returns the snapshot that is pinned.
func (p *pull) fromCache() (*Snapshot, error) {
	result := p.snapshot(p.pinned.Commit, true)
	var err error
	result.Path, err = p.link(p.pinned.Commit, p.pinned.Open)
	return result, err
}

func (p *pull) snapshot(commit string, cached bool) *Snapshot {
	return &Snapshot{Reference: p.reference, Endpoint: p.hub.options.Site.endpoint(), Commit: commit, Files: p.files, Cached: cached}
}

// ask asks the hub for the files of the pinned commit, or of the revision if nothing is pinned. If the revision has moved, that is noticed.
func (p *pull) ask(ctx context.Context) (*chosen, error) {
	now, err := p.hub.list(ctx, p.reference, p.reference.Revision)
	if p.pinned == nil || p.options.Repin {
		if err != nil {
			return nil, err
		}
		return p.choose(now)
	}
	if err == nil && now.id != p.pinned.Commit {
		p.notice(&MovedNotice{Reference: p.reference, Pinned: p.pinned.Commit, Now: now.id})
	}
	if err != nil || now.id != p.pinned.Commit {
		before, listErr := p.hub.list(ctx, p.reference, p.pinned.Commit)
		if errors.Is(listErr, store.ErrNotFound) && err == nil {
			return nil, &ChangedError{Reference: p.reference, Pinned: p.pinned.Commit, Why: "the hub no longer has that commit; it is " + now.id + " now"}
		}
		if listErr != nil {
			return nil, errors.Join(err, listErr)
		}
		now = before
	}
	found, err := p.choose(now)
	if err != nil {
		return nil, err
	}
	return found, p.compare(found.files)
}

func (p *pull) choose(at *commit) (*chosen, error) {
	found, err := choose(p.reference, at.files)
	if err != nil {
		return nil, err
	}
	return &chosen{found, at.id}, nil
}

// compare fills in the pinned digests, and returns a *ChangedError if the hub states others for the same commit.
func (p *pull) compare(files []File) error {
	for _, before := range p.pinned.Files {
		found := false
		for i := range files {
			if files[i].Name != before.Name {
				continue
			}
			found = true
			if files[i].Digest != "" && files[i].Digest != before.Digest {
				return &ChangedError{Reference: p.reference, Pinned: p.pinned.Commit, Why: fmt.Sprintf("%s had %s and has %s now", before.Name, before.Digest, files[i].Digest)}
			}
			files[i].Digest, files[i].Size = before.Digest, before.Size
		}
		if !found {
			return &ChangedError{Reference: p.reference, Pinned: p.pinned.Commit, Why: before.Name + " is gone"}
		}
	}
	return nil
}

// fetch copies the files into the cache, pins them, and links them into a folder.
func (p *pull) fetch(ctx context.Context, from *chosen) (*Snapshot, error) {
	p.files = from.files
	result := p.snapshot(from.commit, false)
	p.all = result.Bytes()
	p.notice(&FetchNotice{Reference: p.reference, Endpoint: result.Endpoint, Commit: from.commit, Files: p.files})
	record := pins.Snapshot{Reference: p.hub.key(p.reference), Commit: from.commit, Open: from.open}
	for i := range p.files {
		if err := p.fetchFile(ctx, from.commit, &p.files[i]); err != nil {
			return nil, err
		}
		record.Files = append(record.Files, pins.SnapshotFile{Name: p.files[i].Name, Digest: p.files[i].Digest, Size: p.files[i].Size})
	}
	var err error
	if result.Path, err = p.link(from.commit, from.open); err != nil {
		return nil, err
	}
	result.Pinned = (p.pinned == nil || p.pinned.Commit != from.commit) && p.reference.Revision != from.commit
	if err := p.hub.options.Records.SetSnapshot(record); err != nil {
		return nil, err
	}
	if result.Pinned {
		p.notice(&PinnedNotice{Reference: p.reference, Commit: from.commit})
	}
	return result, nil
}

// fetchFile copies one file into the cache, and fills in its digest and size.
func (p *pull) fetchFile(ctx context.Context, commit string, file *File) error {
	from, err := p.hub.file(p.reference, commit, file.Name)
	if err != nil {
		return err
	}
	blob := store.Blob{Digest: file.Digest, Size: file.Size, Name: fmt.Sprintf("%s at %s of %s", file.Name, commit, p.hub.key(p.reference))}
	options := store.Options{Notice: p.options.Notice, Streams: p.options.Streams}
	before := p.fetched
	options.Progress = func(done, _ int64) {
		if p.fetched = before + done; p.options.Progress != nil {
			p.options.Progress(p.fetched, max(p.all, p.fetched))
		}
	}
	copied, err := store.Copy(ctx, from, p.hub.options.Cache, blob, options)
	if err != nil {
		if p.pinned != nil && !p.options.Repin && errors.Is(err, store.ErrDigestMismatch) {
			return &ChangedError{Reference: p.reference, Pinned: commit, Why: err.Error()}
		}
		return p.hub.explain(p.reference, err)
	}
	p.fetched = before + copied.Size
	path, err := p.hub.options.Cache.Path(copied.Digest)
	if err != nil {
		return err
	}
	if err := p.verifyGit(*file, path); err != nil {
		return errors.Join(err, p.hub.options.Cache.Remove(copied.Digest))
	}
	file.Digest, file.Size = copied.Digest, copied.Size
	return p.understand(file.Name, path)
}

// verifyGit compares a file with what git calls it, if the hub states that. Such files are small: others are in Git LFS.
func (p *pull) verifyGit(file File, path string) error {
	if file.GitID == "" || file.Digest != "" {
		return nil
	}
	content, err := os.Open(path)
	if err != nil {
		return err
	}
	defer content.Close()
	info, err := content.Stat()
	if err != nil {
		return err
	}
	sum := sha1.New() //nolint:gosec // see the import
	fmt.Fprintf(sum, "blob %d\x00", info.Size())
	if _, err := io.Copy(sum, content); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != file.GitID {
		return &GitError{Name: file.Name, Want: file.GitID, Got: got}
	}
	return nil
}

// maxConfig is far more bytes than a config.json has.
const maxConfig = 32 << 20

// understand reads config.json before the weights are fetched: a model that cannot be used is refused in time.
func (p *pull) understand(name, file string) error {
	if path.Base(name) != "config.json" {
		return nil
	}
	raw, err := disk.ReadFile(file, maxConfig)
	if err != nil || !configs.IsTransformers(raw) {
		return err
	}
	if _, err := configs.ParseTransformers(raw); err != nil {
		return fmt.Errorf("%s: %w", p.reference, err)
	}
	return nil
}

// digestOf names a folder for the path of a reference.
func digestOf(text string) string { return digest.FromString(text).Encoded()[:8] }
