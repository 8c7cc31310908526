package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/convert/naming"
)

func schemesCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "schemes",
		Usage:     "list the naming schemes, or print one as a map",
		ArgsUsage: "[NAME]",
		Description: about("A map says which names in a file stand for which parameters; --map takes one that you write for names of your own, --to-map writes them.\n"+
			"NAME is a scheme, or the file of a map, which is checked and printed as it is understood.",
			"beitzoo schemes",
			"beitzoo schemes hf > my_port.yaml",
			"beitzoo schemes my_port.yaml",
		),
		Flags: c.flags(),
		Action: action(func(_ context.Context, args []string) error {
			if len(args) == 0 {
				return listSchemes(c)
			}
			return printScheme(c, args[0])
		}),
	}
}

// schemeFacts are what `beitzoo schemes --json` prints of a scheme.
type schemeFacts struct {
	Name    string `json:"name"`
	Program string `json:"program,omitempty"`
	// Format is the file format that the program writes, Key the key of the state dict in it.
	Format   string   `json:"format"`
	Key      string   `json:"key,omitempty"`
	Folder   bool     `json:"folder"`
	Epsilon  float64  `json:"epsilon"`
	Recipe   string   `json:"recipe"`
	Wrappers []string `json:"wrappers,omitempty"`
	// Map is the text of the map, and Rows are the rows in it; both only if one scheme is printed.
	Map  string          `json:"map,omitempty"`
	Rows []naming.MapRow `json:"rows,omitempty"`
}

func factsOfScheme(s *naming.Scheme) schemeFacts {
	f := schemeFacts{Name: s.Name, Program: s.Program, Format: s.Format, Key: s.Key, Folder: s.Folder, Epsilon: s.Epsilon, Recipe: s.Recipe}
	for _, w := range s.Wrappers {
		f.Wrappers = append(f.Wrappers, w.Name)
	}
	return f
}

func listSchemes(c *console) error {
	document := struct {
		Schemes    []schemeFacts `json:"schemes"`
		Operations []string      `json:"operations"`
	}{Operations: naming.MapOperations()}
	rows := [][]string{{"NAME", "PROGRAM", "FORMAT", "KEY", "FOLDER", "EPSILON", "WRAPPERS"}}
	for _, name := range naming.Names() {
		s, err := naming.ByName(name)
		if err != nil {
			return err
		}
		f := factsOfScheme(s)
		document.Schemes = append(document.Schemes, f)
		folder := "no"
		if f.Folder {
			folder = "yes"
		}
		rows = append(rows, []string{f.Name, f.Program, f.Format, f.Key, folder, fmt.Sprint(f.Epsilon), strings.Join(f.Wrappers, ", ")})
	}
	return c.result(document, func() { c.printTable(rows, 1) })
}

func printScheme(c *console, name string) error {
	var s *naming.Scheme
	var err error
	if ending := strings.ToLower(filepath.Ext(name)); ending == ".yaml" || ending == ".yml" {
		s, err = naming.ReadMap(name)
	} else {
		s, err = naming.ByName(name)
	}
	if err != nil {
		return err
	}
	f := factsOfScheme(s)
	f.Map, f.Rows = string(s.Map()), s.MapRows()
	return c.result(f, func() { fmt.Fprint(c.out, f.Map) })
}
