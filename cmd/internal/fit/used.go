package fit

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
)

// optional is a line in the comment of a Go function of the engine. It says that the function also works if libtorch lacks what it calls.
const optional = "//gotchfit:optional"

// CheckUsed returns a *StubbedError if Go files in the folder engine call functions that were stubbed, except in functions with the comment
// //gotchfit:optional.
func (r Report) CheckUsed(engine string) error {
	used, err := calls(engine, "libtch")
	if err != nil {
		return err
	}
	wrappers, err := wrappers(filepath.Join(r.Folder, "libtch"))
	if err != nil {
		return err
	}
	var lacking []string
	for _, name := range used {
		for _, function := range wrappers[name] {
			if slices.Contains(r.Stubbed, function) {
				lacking = append(lacking, function)
			}
		}
	}
	if len(lacking) > 0 {
		slices.Sort(lacking)
		return &StubbedError{Functions: slices.Compact(lacking), Version: r.Libtorch.Version}
	}
	return nil
}

// calls lists the names of an imported package that the Go files of a folder use, except in functions marked as optional.
func calls(folder, imported string) ([]string, error) {
	var names []string
	err := declarations(folder, func(declaration ast.Decl) {
		if function, ok := declaration.(*ast.FuncDecl); ok && isOptional(function.Doc) {
			return
		}
		names = append(names, selections(declaration, imported)...)
	})
	return names, err
}

// wrappers maps each Go function of gotch's package libtch, which is in folder, to the C functions that it calls.
func wrappers(folder string) (map[string][]string, error) {
	wrappers := map[string][]string{}
	err := declarations(folder, func(declaration ast.Decl) {
		if function, ok := declaration.(*ast.FuncDecl); ok {
			wrappers[function.Name.Name] = selections(function, "C")
		}
	})
	return wrappers, err
}

// declarations calls visit with each declaration in the Go files of a folder, whatever their build tags. A folder that does not exist has none.
func declarations(folder string, visit func(ast.Decl)) error {
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ParseComments)
		if err != nil {
			return err
		}
		for _, declaration := range file.Decls {
			visit(declaration)
		}
	}
	return nil
}

func isOptional(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return c.Text == optional })
}

// selections lists the x of each expression imported.x in node.
func selections(node ast.Node, imported string) []string {
	var names []string
	ast.Inspect(node, func(node ast.Node) bool {
		if selector, ok := node.(*ast.SelectorExpr); ok {
			if identifier, ok := selector.X.(*ast.Ident); ok && identifier.Name == imported {
				names = append(names, selector.Sel.Name)
			}
		}
		return true
	})
	return names
}
