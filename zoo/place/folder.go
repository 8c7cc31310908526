package place

import (
	"context"
	"errors"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/site"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/ocistore"
	"github.com/beitzoo/beitzoo/zoo/store/treestore"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

// Folder is a place in a folder that is three things at once: an OCI image layout, which OCI tools can copy; a tree of files, which any HTTP server
// can publish for OpenTree; and a web site for people.
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

var _ Destination = (*Folder)(nil)

// OpenFolder returns the place in the folder at path, which is made when something is first published.
func OpenFolder(path string) (*Folder, error) {
	layout, err := ocistore.NewLayout(path)
	if err != nil {
		return nil, err
	}
	tree, err := treestore.New(path)
	return &Folder{Repository{artifacts: layout, name: layout.Dir(), local: true}, tree}, err
}

// SetIndex implements Destination. If two publish at once, the layout lets one of them succeed; that one rewrites the files for people and for HTTP
// servers from the whole index.
func (f *Folder) SetIndex(ctx context.Context, document *manifest.IndexDocument, signature []byte) error {
	if err := f.Repository.SetIndex(ctx, document, signature); err != nil {
		return err
	}
	for {
		if err := f.writeTree(ctx, document, signature); err != nil {
			return err
		}
		raw, newer, err := f.Index(ctx)
		if err != nil || document.Digest() == digest.FromBytes(raw) {
			return err
		}
		// Another publisher was faster with the next version; its files may lie below those of this one.
		if document, err = manifest.ParseIndex(IndexFile, raw); err != nil {
			return err
		}
		signature = newer
	}
}

// writeTree writes the files for people and for HTTP servers.
func (f *Folder) writeTree(ctx context.Context, document *manifest.IndexDocument, signature []byte) error {
	entries, err := f.entries(ctx, document)
	if err != nil {
		return err
	}
	keys := keysOf(f.name, document)
	var pages []site.Entry
	var problems []error
	for _, entry := range entries {
		if canPull(keys, entry) {
			status := document.StatusOf(entry.Reference())
			pages = append(pages, site.Entry{Document: entry.Document, Status: status, Place: site.Here, Key: anchorOf(keys), SignedBy: trust.SignerOf(entry.Signature)})
		}
		name := "manifests/" + entry.Reference().String() + ".yaml"
		problems = append(problems, f.tree.Create(name, entry.Raw), f.tree.Replace(name+manifest.SignatureSuffix, entry.Signature))
	}
	written := site.Write(ctx, f.tree.Dir(), pages)
	if foreign := (*site.ForeignPageError)(nil); errors.As(written, &foreign) {
		written = nil // the owner of the folder has pages of their own, which stay; the place works without ours
	}
	if err := errors.Join(errors.Join(problems...), written); err != nil {
		return err
	}
	return errors.Join(f.tree.Replace(IndexFile+manifest.SignatureSuffix, signature), f.tree.Replace(IndexFile, document.Raw))
}

// keysOf returns the keys of an index, or nil if it has no list of them, or one that readers refuse.
func keysOf(at string, index *manifest.IndexDocument) *trust.KeyList {
	keys, err := trust.ReadKeys(at, index.Keys)
	if err != nil || len(keys.Changes) == 0 {
		return nil
	}
	return keys
}

// canPull reports whether readers accept the signature of an entry: not if its key was revoked since.
func canPull(keys *trust.KeyList, entry Entry) bool {
	if keys == nil {
		return true
	}
	_, err := keys.CheckManifest(entry.Reference().String(), entry.Raw, entry.Signature)
	return err == nil
}

// anchorOf returns the key that readers who do not know the place yet should trust, or "" if there is no list of keys.
func anchorOf(keys *trust.KeyList) string {
	if keys == nil {
		return ""
	}
	key, found := keys.Anchor()
	if !found {
		return ""
	}
	return key.String()
}

// entries reads the manifests of an index, with the signatures that are valid. It skips those that the folder lacks, because a mirror may have only some.
func (f *Folder) entries(ctx context.Context, index *manifest.IndexDocument) ([]Entry, error) {
	var entries []Entry
	for _, listed := range index.Entries {
		name := listed.Reference().String() + ".yaml"
		content := manifest.Content{Digest: listed.Digest, Size: listed.Size}
		raw, err := store.Read(ctx, f.tree, ContentBlob(content, name), manifest.MaxSize)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		signature, err := store.Read(ctx, f.tree, ContentBlob(listed.Signature, name+manifest.SignatureSuffix), manifest.MaxSignature)
		if err != nil {
			return nil, err
		}
		if listed.Resigned != "" {
			signature = []byte(listed.Resigned)
		}
		document, err := manifest.Parse(name, raw)
		if err != nil {
			return nil, err
		}
		entries = append(entries, Entry{Document: document, Signature: signature})
	}
	return entries, nil
}
