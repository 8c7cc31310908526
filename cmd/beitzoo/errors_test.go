package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// errorType is what the source says about a type with a method Error.
type errorType struct {
	position token.Position
	// isError: it has the method, or embeds an error.
	isError bool
	// classified: its method Is names a kind of errdef, or it unwraps to a cause, which has a kind of its own.
	classified bool
}

// TestErrorTypesSayTheirKind walks the whole module, with all build tags: each error type says its kind or unwraps, and each error that is a variable
// of a package is made by errdef.New. So exitCodes needs only kinds, and a new error type cannot be forgotten.
func TestErrorTypesSayTheirKind(t *testing.T) {
	t.Parallel()
	types, sentinels := walkErrors(t, filepath.Join("..", ".."))
	if len(types) < 60 {
		t.Fatalf("found only %d error types", len(types))
	}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		if e := types[name]; e.isError && !e.classified {
			t.Errorf("%s: %s has neither a method Is that names a kind of errdef, nor Unwrap", e.position, name)
		}
	}
	for _, position := range sentinels {
		t.Errorf("%s: make it with errdef.New, which gives it a kind", position)
	}
}

// walkErrors parses all files of the module except tests. The names of types have the folder before them.
func walkErrors(t *testing.T, root string) (types map[string]*errorType, sentinels []token.Position) {
	t.Helper()
	types = map[string]*errorType{}
	files := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata"):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), "go.mod")); err == nil && filepath.Dir(path) != root {
			return nil // another module
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, declaration := range file.Decls {
			switch d := declaration.(type) {
			case *ast.FuncDecl:
				noteMethod(types, files, folder, d)
			case *ast.GenDecl:
				noteEmbedded(types, files, folder, d)
				if folder != "errdef" {
					sentinels = append(sentinels, plainErrors(files, d)...)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return types, sentinels
}

func noteMethod(types map[string]*errorType, files *token.FileSet, folder string, f *ast.FuncDecl) {
	if f.Recv == nil {
		return
	}
	receiver := f.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	name, ok := receiver.(*ast.Ident)
	if !ok {
		return
	}
	e := entryOf(types, folder+"."+name.Name)
	switch f.Name.Name {
	case "Error":
		e.isError, e.position = true, files.Position(f.Pos())
	case "Unwrap":
		e.classified = true
	case "Is":
		e.classified = e.classified || mentionsKind(folder, f)
	}
}

// noteEmbedded finds structs with an embedded error, whose method Error they have.
func noteEmbedded(types map[string]*errorType, files *token.FileSet, folder string, d *ast.GenDecl) {
	for _, spec := range d.Specs {
		declared, ok := spec.(*ast.TypeSpec)
		if !ok {
			continue
		}
		structure, ok := declared.Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, field := range structure.Fields.List {
			if kind, ok := field.Type.(*ast.Ident); ok && kind.Name == "error" && len(field.Names) == 0 {
				e := entryOf(types, folder+"."+declared.Name.Name)
				e.isError, e.position = true, files.Position(declared.Pos())
			}
		}
	}
}

func entryOf(types map[string]*errorType, name string) *errorType {
	if types[name] == nil {
		types[name] = &errorType{}
	}
	return types[name]
}

// mentionsKind reports whether a method Is has errdef.ErrX in its body. Comparing with a sentinel of the same package is not enough, since
// errors.Is(err, errdef.ErrX) would not see it.
func mentionsKind(folder string, f *ast.FuncDecl) bool {
	found := folder == "errdef"
	ast.Inspect(f.Body, func(node ast.Node) bool {
		if selector, ok := node.(*ast.SelectorExpr); ok {
			pkg, ok := selector.X.(*ast.Ident)
			found = found || ok && pkg.Name == "errdef" && strings.HasPrefix(selector.Sel.Name, "Err")
		}
		return true
	})
	return found
}

// plainErrors finds variables of the package that are made by errors.New or fmt.Errorf.
func plainErrors(files *token.FileSet, d *ast.GenDecl) []token.Position {
	var plain []token.Position
	for _, spec := range d.Specs {
		variables, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		for _, value := range variables.Values {
			call, ok := value.(*ast.CallExpr)
			if !ok {
				continue
			}
			if made, ok := call.Fun.(*ast.SelectorExpr); ok && (made.Sel.Name == "New" && isPackage(made.X, "errors") || made.Sel.Name == "Errorf" && isPackage(made.X, "fmt")) {
				plain = append(plain, files.Position(value.Pos()))
			}
		}
	}
	return plain
}

func isPackage(e ast.Expr, name string) bool {
	pkg, ok := e.(*ast.Ident)
	return ok && pkg.Name == name
}
