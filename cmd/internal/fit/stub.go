package fit

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// generated is the file of gotch's generated C++ functions. Each begins with an unindented line that ends in "{", and ends with a line "}".
const generated = "torch_api_generated.cpp.h"

// adapt compiles the copy of gotch in folder and stubs the functions that the compiler rejects, until it accepts all. It returns the names of the
// stubbed functions, sorted. An *IncompatibleError says that the errors are elsewhere.
func (p Plan) adapt(ctx context.Context, folder string) ([]string, error) {
	folder = filepath.Join(folder, "libtch")
	path := filepath.Join(folder, generated)
	var stubbed []string
	for {
		p.report("asking %s which of gotch's functions libtorch %s has (%d stubbed so far)", p.Compiler.Command, p.Libtorch.Version, len(stubbed))
		complaints, err := p.Compiler.check(ctx, folder, "torch_api.cpp", append(p.compileFlags(), "-I."))
		if err != nil || complaints == "" {
			slices.Sort(stubbed)
			return stubbed, err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		source := parseSource(string(text))
		faulty := source.faulty(complaints)
		if len(faulty) == 0 {
			return nil, &IncompatibleError{Complaints: complaints}
		}
		for _, f := range faulty {
			if slices.Contains(stubbed, f.name) {
				return nil, fmt.Errorf("the stub of %s: %w", f.name, &IncompatibleError{Complaints: complaints})
			}
			stubbed = append(stubbed, f.name)
		}
		if err := os.WriteFile(path, []byte(source.stub(faulty, p.Libtorch.Version)), 0o644); err != nil {
			return nil, err
		}
	}
}

// source is the text of a generated file, with the places of its functions.
type source struct {
	lines     []string
	functions []function
}

// function is a function of a generated file.
type function struct {
	name string
	// void says that it returns nothing.
	void bool
	// head is the line with its name, end the line of its closing brace, both counted from 0.
	head, end int
}

var functionHead = regexp.MustCompile(`^(\w[\w ]*?[ *]+)(\w+)\(.*\{$`)

// parseSource finds the functions in the text of a generated file.
func parseSource(text string) source {
	s := source{lines: strings.Split(text, "\n")}
	for i, line := range s.lines {
		if found := functionHead.FindStringSubmatch(line); found != nil {
			s.functions = append(s.functions, function{name: found[2], void: found[1] == "void ", head: i})
		} else if line == "}" && len(s.functions) > 0 {
			s.functions[len(s.functions)-1].end = i
		}
	}
	return s
}

// faultLine matches a line number of the generated file in the messages of the compiler, in an error or in a note that belongs to one.
var faultLine = regexp.MustCompile(`(?m)` + regexp.QuoteMeta(generated) + `:(\d+):`)

// faulty lists the functions in which the compiler found errors.
func (s source) faulty(complaints string) []function {
	var faulty []function
	for _, found := range faultLine.FindAllStringSubmatch(complaints, -1) {
		line, err := strconv.Atoi(found[1])
		if err != nil {
			continue
		}
		at := slices.IndexFunc(s.functions, func(f function) bool { return f.head < line-1 && line-1 < f.end })
		if at >= 0 && !slices.Contains(faulty, s.functions[at]) {
			faulty = append(faulty, s.functions[at])
		}
	}
	return faulty
}

// stub returns the text with the bodies of the functions replaced by an exception, which gotch passes on to Go as an error. The lines keep
// their numbers.
func (s source) stub(functions []function, version string) string {
	lines := slices.Clone(s.lines)
	for _, f := range functions {
		body := fmt.Sprintf("  PROTECT(throw std::runtime_error(\"%s: libtorch %s does not have it in the form that gotch calls\");)", f.name, version)
		if !f.void {
			body += " return {};"
		}
		for i := f.head + 1; i < f.end; i++ {
			lines[i] = ""
		}
		lines[f.head+1] = body
	}
	return strings.Join(lines, "\n")
}
