package zoo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	oci "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/site"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
)

// Folder is a place in a folder that is three things at once: an OCI image layout, which OCI tools copy from; a tree of files that any HTTP
// server can serve to OpenTree; and a site for people.
//
//	blobs/sha256/DIGEST     all blobs
//	oci-layout, index.json  make it an OCI image layout
//	index.yaml, .minisig    the signed index of the zoo
//	manifests/*.yaml        the manifests and their signatures, for people
//	index.html, models/     the site
type Folder struct {
	path  string
	blobs *cache.Cache
}

var _ Publishing = (*Folder)(nil)

// OpenFolder uses the folder at path. It is made when something is published.
func OpenFolder(path string) (*Folder, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	blobs, err := cache.New(path, cache.Options{})
	return &Folder{path: path, blobs: blobs}, err
}

func (f *Folder) String() string { return f.path }

// Local implements Place.
func (f *Folder) Local() bool { return true }

// Blobs implements Place.
func (f *Folder) Blobs() store.Fetcher { return f.blobs }

// Store implements Publishing.
func (f *Folder) Store() store.Store { return f.blobs }

// Index implements Place.
func (f *Folder) Index(context.Context) (index, signature []byte, err error) {
	index, err = f.read(IndexFile, manifest.MaxSize)
	if err != nil {
		return nil, nil, err
	}
	signature, err = f.read(IndexFile+manifest.SignatureSuffix, manifest.MaxSignature)
	return index, signature, unlessAbsent(err)
}

// unlessAbsent passes over a signature that is not there: checking it will report that.
func unlessAbsent(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// read reads a small file of the folder.
func (f *Folder) read(name string, limit int64) ([]byte, error) {
	file, err := os.Open(filepath.Join(f.path, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s in %s", store.ErrNotFound, name, f.path)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(raw)) > limit {
		err = &store.SizeError{Name: name, Want: limit, Got: int64(len(raw)), Source: f.path}
	}
	return raw, err
}

// SetIndex implements Publishing. The signature comes first: a reader who meets it with the old index tries again.
func (f *Folder) SetIndex(ctx context.Context, index, signature []byte) error {
	artefact, err := indexArtefact(index, signature)
	if err != nil {
		return err
	}
	for _, content := range [][]byte{index, signature} {
		if err := f.push(ctx, content); err != nil {
			return err
		}
	}
	if err := f.Announce(ctx, artefact); err != nil {
		return err
	}
	if err := f.showManifests(ctx, index); err != nil {
		return err
	}
	return errors.Join(
		replace(filepath.Join(f.path, IndexFile+manifest.SignatureSuffix), signature, 0o644),
		replace(filepath.Join(f.path, IndexFile), index, 0o644))
}

func (f *Folder) push(ctx context.Context, content []byte) error {
	_, err := f.blobs.Push(ctx, store.Blob{Digest: store.DigestOf(content), Size: int64(len(content))}, bytes.NewReader(content))
	return err
}

// Announce implements Publishing: it enters the artefact into index.json.
func (f *Folder) Announce(ctx context.Context, a Artefact) error {
	for _, content := range [][]byte{a.Config, a.Manifest} {
		if err := f.push(ctx, content); err != nil {
			return err
		}
	}
	lock, err := f.blobs.Begin(ctx, store.Blob{Name: "index.json", Size: store.UnknownSize})
	if err != nil {
		return err
	}
	defer lock.Close()
	index, err := f.layout()
	if err != nil {
		return err
	}
	enter(index, a)
	raw, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(
		replace(filepath.Join(f.path, oci.ImageLayoutFile), []byte(layoutFile), 0o644),
		replace(filepath.Join(f.path, oci.ImageIndexFile), append(raw, '\n'), 0o644))
}

// layoutFile marks an OCI image layout.
const layoutFile = `{"imageLayoutVersion":"` + oci.ImageLayoutVersion + `"}` + "\n"

// layout reads index.json.
func (f *Folder) layout() (*oci.Index, error) {
	index := &oci.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: oci.MediaTypeImageIndex, Manifests: []oci.Descriptor{}}
	raw, err := f.read(oci.ImageIndexFile, maxLayoutIndex)
	if errors.Is(err, store.ErrNotFound) {
		return index, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, index); err != nil {
		return nil, fmt.Errorf("%w: %s in %s cannot be read", store.ErrInvalid, oci.ImageIndexFile, f.path)
	}
	return index, nil
}

// maxLayoutIndex bounds index.json in bytes.
const maxLayoutIndex = 4 << 20

// enter puts an artefact under its tag, in the order of tags.
func enter(index *oci.Index, a Artefact) {
	tagged := func(d oci.Descriptor) bool { return d.Annotations[oci.AnnotationRefName] == a.Tag }
	index.Manifests = slices.DeleteFunc(index.Manifests, tagged)
	at, _ := slices.BinarySearchFunc(index.Manifests, a.Tag, func(d oci.Descriptor, tag string) int {
		return bytes.Compare([]byte(d.Annotations[oci.AnnotationRefName]), []byte(tag))
	})
	index.Manifests = slices.Insert(index.Manifests, at, oci.Descriptor{
		MediaType: oci.MediaTypeImageManifest, ArtifactType: a.Type, Digest: digest.FromBytes(a.Manifest), Size: int64(len(a.Manifest)),
		Annotations: map[string]string{oci.AnnotationRefName: a.Tag},
	})
}

// showManifests writes the manifests of an index as files, and the site, for people.
func (f *Folder) showManifests(ctx context.Context, raw []byte) error {
	index, err := manifest.ParseIndex(IndexFile, raw)
	if err != nil {
		return err
	}
	var documents []*manifest.Document
	for _, entry := range index.Entries {
		name := entry.Reference().String() + ".yaml"
		content, err := f.show(ctx, name, manifest.Content{Digest: entry.Digest, Size: entry.Size}, manifest.MaxSize)
		if errors.Is(err, store.ErrNotFound) {
			continue // a mirror need not have every entry
		}
		if err != nil {
			return err
		}
		if _, err := f.show(ctx, name+manifest.SignatureSuffix, entry.Signature, manifest.MaxSignature); err != nil {
			return err
		}
		document, err := manifest.Parse(name, content)
		if err != nil {
			return err
		}
		documents = append(documents, document)
	}
	return site.Write(ctx, f.path, documents)
}

// show writes a small blob as a file.
func (f *Folder) show(ctx context.Context, name string, content manifest.Content, limit int64) ([]byte, error) {
	raw, err := readBlob(ctx, f.blobs, contentOf(content, name), limit)
	if err != nil {
		return nil, err
	}
	return raw, replace(filepath.Join(f.path, "manifests", name), raw, 0o644)
}
