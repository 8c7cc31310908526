package site

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/webpage"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

//go:embed templates
var files embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"bytes": formatBytes, "count": formatCount, "percent": formatPercent, "link": linkable, "number": formatNumber,
}).ParseFS(files, "templates/*.html"))

// Entry is one version of a set of weights, and what a site says about it.
type Entry struct {
	*manifest.Document
	// Status is what the publisher said about the entry later, or nil.
	Status *manifest.Status
	// Place is the address that follows --zoo in a command that pulls the entry. It is empty for what ships with the program, and Here for a site
	// in the folder of the place itself.
	Place string
	// Key is the public key, in the form of the minisign tool, that follows --trust. It is empty if it is not known.
	Key string
	// SignedBy is the number of the key that signed the manifest, as the minisign tool prints it; empty if there is no signature.
	SignedBy string
}

// Here is the Place of entries whose site is in the folder of their place. Only the browser knows the address of that: a script of the page puts it into
// the commands.
const Here = "."

// Page is one file of the site.
type Page struct {
	// Path is relative to the site's root, with slashes.
	Path    string
	Content []byte
}

// Pages renders the table and a page for each model. entries may be in any order and hold several versions of a model. The same entries always
// make the same pages.
func Pages(entries []Entry) ([]Page, error) {
	own, err := files.ReadFile("templates/style.css")
	if err != nil {
		return nil, err
	}
	style := webpage.Style + string(own)
	script, err := files.ReadFile("templates/script.js")
	if err != nil {
		return nil, err
	}
	all := newCatalogue(entries)
	common := page{Style: template.CSS(style), Script: template.JS(script), Policy: webpage.Policy(style, string(script))}
	table := common
	table.Catalogue = all
	first, err := render("index.html", "index.html", table)
	if err != nil {
		return nil, err
	}
	pages := []Page{first}
	for _, m := range all.Models {
		one := common
		one.Model, one.Root = m, "../../"
		rendered, err := render(path.Join("models", m.ID, "index.html"), "model.html", one)
		if err != nil {
			return nil, err
		}
		pages = append(pages, rendered)
	}
	return pages, nil
}

// page is the data of a template. Either Catalogue or Model is set.
type page struct {
	Style  template.CSS
	Script template.JS
	Policy string
	// Root is the path from the page to the site's root.
	Root      string
	Catalogue *catalogue
	Model     *model
}

func render(target, name string, data page) (Page, error) {
	var text bytes.Buffer
	if err := templates.ExecuteTemplate(&text, name, data); err != nil {
		return Page{}, fmt.Errorf("rendering %s: %w", target, err)
	}
	return Page{Path: target, Content: text.Bytes()}, nil
}

// ForeignPageError says that a page would replace a file that beitzoo did not write.
type ForeignPageError struct{ Path string }

func (e *ForeignPageError) Error() string {
	return e.Path + " is there already, and beitzoo did not write it"
}

// Is makes a ForeignPageError an errdef.ErrUsage.
func (*ForeignPageError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what to do instead.
func (*ForeignPageError) Hint() string { return "give another folder, or move that file" }

// checkOwn returns a *ForeignPageError if one of the pages would replace a file of somebody else.
func checkOwn(folder string, pages []Page) error {
	for _, p := range pages {
		target := filepath.Join(folder, filepath.FromSlash(p.Path))
		own, err := webpage.IsOwn(target)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return disk.AtTarget(target, err)
		}
		if !own {
			return &ForeignPageError{target}
		}
	}
	return nil
}

// removeStale removes the pages of models that are not on the site any more, such as those whose key was revoked: they would go on recommending them.
func removeStale(folder string, pages []Page) error {
	names, err := fs.Glob(os.DirFS(folder), "models/*/index.html")
	if err != nil {
		return err
	}
	for _, name := range names {
		if slices.ContainsFunc(pages, func(p Page) bool { return p.Path == name }) {
			continue
		}
		target := filepath.Join(folder, filepath.FromSlash(name))
		if own, err := webpage.IsOwn(target); err != nil || !own {
			continue // nobody reads it, or it is somebody else's
		}
		if err := os.Remove(target); err != nil {
			return disk.AtTarget(target, err)
		}
		os.Remove(filepath.Dir(target)) // unless somebody else has files there
	}
	return nil
}

// Write writes the pages to folder, which is made if it does not exist. Each file appears whole or not at all. If one would replace a file that is not a
// page of a site, the error is a *ForeignPageError, and nothing is written. Pages of an earlier site about models that entries lacks are removed.
func Write(ctx context.Context, folder string, entries []Entry) error {
	pages, err := Pages(entries)
	if err != nil {
		return err
	}
	if err := checkOwn(folder, pages); err != nil {
		return err
	}
	for _, p := range pages {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		target := filepath.Join(folder, filepath.FromSlash(p.Path))
		if err := os.MkdirAll(filepath.Dir(target), 0o777); err != nil {
			return disk.AtTarget(filepath.Dir(target), err)
		}
		if err := output.Write(ctx, target, []output.Part{output.Literal(p.Content)}, output.Options{NoSync: true}); err != nil {
			return err
		}
	}
	return removeStale(folder, pages)
}
