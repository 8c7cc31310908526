package site

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"os"
	"path"
	"path/filepath"

	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

//go:embed templates
var files embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"bytes": formatBytes, "count": formatCount, "percent": formatPercent, "short": shortDigest, "link": linkable,
}).ParseFS(files, "templates/*.html"))

// Page is one file of the site.
type Page struct {
	// Path is relative to the site's root, with slashes.
	Path    string
	Content []byte
}

// Pages renders the table and a page for each model. documents may be in any order and hold several versions of a model. The same documents always
// make the same pages.
func Pages(documents []*manifest.Document) ([]Page, error) {
	style, err := files.ReadFile("templates/style.css")
	if err != nil {
		return nil, err
	}
	models := group(documents)
	table, err := render("index.html", "index.html", page{Style: template.CSS(style), Models: models})
	if err != nil {
		return nil, err
	}
	pages := []Page{table}
	for _, m := range models {
		one, err := render(path.Join("models", m.ID, "index.html"), "model.html", page{Style: template.CSS(style), Model: m, Root: "../../"})
		if err != nil {
			return nil, err
		}
		pages = append(pages, one)
	}
	return pages, nil
}

// page is the data of a template.
type page struct {
	Style  template.CSS
	Root   string
	Models []*model
	Model  *model
}

func render(target, name string, data page) (Page, error) {
	var text bytes.Buffer
	if err := templates.ExecuteTemplate(&text, name, data); err != nil {
		return Page{}, fmt.Errorf("rendering %s: %w", target, err)
	}
	return Page{Path: target, Content: text.Bytes()}, nil
}

// Write writes the pages to folder, which is made if it does not exist. Each file appears whole or not at all.
func Write(ctx context.Context, folder string, documents []*manifest.Document) error {
	pages, err := Pages(documents)
	if err != nil {
		return err
	}
	for _, p := range pages {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		target := filepath.Join(folder, filepath.FromSlash(p.Path))
		if err := os.MkdirAll(filepath.Dir(target), 0o777); err != nil {
			return err
		}
		if err := output.Write(ctx, target, []output.Part{output.Literal(p.Content)}, output.Options{NoSync: true}); err != nil {
			return err
		}
	}
	return nil
}
