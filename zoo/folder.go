package zoo

import (
	"context"
	"errors"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/site"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/ocistore"
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
type Folder struct {
	Repository
	tree *treestore.Tree
}

var _ Publishing = (*Folder)(nil)

// OpenFolder uses the folder at path. It is made when something is published.
func OpenFolder(path string) (*Folder, error) {
	layout, err := ocistore.NewLayout(path, ocistore.LayoutOptions{})
	if err != nil {
		return nil, err
	}
	tree, err := treestore.New(path, treestore.Options{})
	return &Folder{Repository{artefacts: layout, name: layout.Dir(), local: true}, tree}, err
}

// SetIndex implements Publishing. Of two who publish at once, the layout lets through one; that one writes the files for people and for HTTP
// servers anew, from all that is there.
func (f *Folder) SetIndex(ctx context.Context, document *manifest.IndexDocument, signature []byte) error {
	if err := f.Repository.SetIndex(ctx, document, signature); err != nil {
		return err
	}
	entries, err := f.entries(ctx, document)
	if err != nil {
		return err
	}
	var documents []*manifest.Document
	for _, entry := range entries {
		documents = append(documents, entry.Document)
	}
	if err := errors.Join(f.show(entries), site.Write(ctx, f.tree.Dir(), documents)); err != nil {
		return err
	}
	return errors.Join(f.tree.Replace(IndexFile+manifest.SignatureSuffix, signature), f.tree.Replace(IndexFile, document.Raw))
}

// entries reads the manifests of an index. A mirror need not have every one.
func (f *Folder) entries(ctx context.Context, index *manifest.IndexDocument) ([]*Found, error) {
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
