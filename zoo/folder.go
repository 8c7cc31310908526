package zoo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	oci "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/site"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/treestore"
)

// Folder is a place in a folder that is three things at once: an OCI image layout, which OCI tools copy from; a tree of files that any HTTP
// server can serve to OpenTree; and a site for people.
//
//	blobs/sha256/DIGEST     all blobs
//	oci-layout, index.json  make it an OCI image layout
//	index.yaml, .minisig    the signed index of the zoo
//	manifests/*.yaml        the manifests and their signatures, for people
//	index.html, models/     the site
type Folder struct{ tree *treestore.Tree }

var _ Publishing = (*Folder)(nil)

// OpenFolder uses the folder at path. It is made when something is published.
func OpenFolder(path string) (*Folder, error) {
	tree, err := treestore.New(path, treestore.Options{})
	return &Folder{tree: tree}, err
}

func (f *Folder) String() string { return f.tree.Dir() }

// Local implements Place.
func (f *Folder) Local() bool { return true }

// Blobs implements Place.
func (f *Folder) Blobs() store.Fetcher { return f.tree }

// Store implements Publishing.
func (f *Folder) Store() store.Store { return f.tree }

// Index implements Place.
func (f *Folder) Index(context.Context) (index, signature []byte, err error) {
	if index, err = f.tree.Read(IndexFile); err != nil {
		return nil, nil, err
	}
	signature, err = f.tree.Read(IndexFile + manifest.SignatureSuffix)
	return index, signature, unlessAbsent(err)
}

// unlessAbsent passes over a signature that is not there: checking it will report that.
func unlessAbsent(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// SetIndex implements Publishing. It writes all that follows from the index anew, so that nothing stays wrong that two publishers did at once.
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
	entries, err := f.entries(ctx, index)
	if err != nil {
		return err
	}
	artefacts := []Artefact{artefact}
	var documents []*manifest.Document
	for _, entry := range entries {
		artefact, err := entryArtefact(entry.Document, entry.Signature)
		if err != nil {
			return err
		}
		artefacts, documents = append(artefacts, artefact), append(documents, entry.Document)
	}
	if err := errors.Join(f.announce(ctx, artefacts), f.show(entries), site.Write(ctx, f.tree.Dir(), documents)); err != nil {
		return err
	}
	return errors.Join(f.tree.Replace(IndexFile+manifest.SignatureSuffix, signature), f.tree.Replace(IndexFile, index))
}

func (f *Folder) push(ctx context.Context, content []byte) error {
	_, err := f.tree.Push(ctx, store.Blob{Digest: store.DigestOf(content), Size: int64(len(content))}, bytes.NewReader(content))
	return err
}

// entries reads the manifests of an index. A mirror need not have every one.
func (f *Folder) entries(ctx context.Context, raw []byte) ([]*Found, error) {
	index, err := manifest.ParseIndex(IndexFile, raw)
	if err != nil {
		return nil, err
	}
	var entries []*Found
	for _, entry := range index.Entries {
		name := entry.Reference().String() + ".yaml"
		content, err := readBlob(ctx, f.tree, contentOf(manifest.Content{Digest: entry.Digest, Size: entry.Size}, name), manifest.MaxSize)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		signature, err := readBlob(ctx, f.tree, contentOf(entry.Signature, name+manifest.SignatureSuffix), manifest.MaxSignature)
		if err != nil {
			return nil, err
		}
		document, err := manifest.Parse(name, content)
		if err != nil {
			return nil, err
		}
		entries = append(entries, &Found{Document: document, Signature: signature})
	}
	return entries, nil
}

// show writes the manifests as files, for people.
func (f *Folder) show(entries []*Found) error {
	var problems []error
	for _, entry := range entries {
		name := "manifests/" + entry.Reference().String() + ".yaml"
		problems = append(problems, f.tree.Create(name, entry.Raw), f.tree.Create(name+manifest.SignatureSuffix, entry.Signature))
	}
	return errors.Join(problems...)
}

// Announce implements Publishing: it enters the artefact into index.json.
func (f *Folder) Announce(ctx context.Context, a Artefact) error {
	return f.announce(ctx, []Artefact{a})
}

func (f *Folder) announce(ctx context.Context, artefacts []Artefact) error {
	index, err := f.layout()
	if err != nil {
		return err
	}
	for _, a := range artefacts {
		if err := errors.Join(f.push(ctx, a.Config), f.push(ctx, a.Manifest)); err != nil {
			return err
		}
		enter(index, a)
	}
	raw, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(
		f.tree.Replace(oci.ImageLayoutFile, []byte(layoutFile)),
		f.tree.Replace(oci.ImageIndexFile, append(raw, '\n')))
}

// layoutFile marks an OCI image layout.
const layoutFile = `{"imageLayoutVersion":"` + oci.ImageLayoutVersion + `"}` + "\n"

// layout reads index.json.
func (f *Folder) layout() (*oci.Index, error) {
	index := &oci.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: oci.MediaTypeImageIndex, Manifests: []oci.Descriptor{}}
	raw, err := f.tree.Read(oci.ImageIndexFile)
	if errors.Is(err, store.ErrNotFound) {
		return index, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, index); err != nil {
		return nil, fmt.Errorf("%w: %s in %s cannot be read", store.ErrInvalid, oci.ImageIndexFile, f)
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
		return strings.Compare(d.Annotations[oci.AnnotationRefName], tag)
	})
	index.Manifests = slices.Insert(index.Manifests, at, oci.Descriptor{
		MediaType: oci.MediaTypeImageManifest, ArtifactType: a.Type, Digest: digest.FromBytes(a.Manifest), Size: int64(len(a.Manifest)),
		Annotations: map[string]string{oci.AnnotationRefName: a.Tag},
	})
}
