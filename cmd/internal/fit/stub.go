package fit

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// generated is gotch's generated source: one function after another, each from a line at the margin that ends in "{" to a line "}".
const generated = "torch_api_generated.cpp.h"

// source is the text of a generated file and where its functions are.
type source struct {
	lines     []string
	functions []function
}

// function is a span of lines: head is the line with its name, end that of its closing brace, both counted from 0.
type function struct {
	name      string
	void      bool
	head, end int
}

var functionHead = regexp.MustCompile(`^(\w[\w ]*?[ *]+)(\w+)\(.*\{$`)

// parseSource finds the functions of a generated file.
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

// faultLine is a line of the generated file that the compiler names, in an error or in a remark that belongs to one.
var faultLine = regexp.MustCompile(`(?m)` + regexp.QuoteMeta(generated) + `:(\d+):`)

// faulty lists the functions that the compiler complains about.
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

// stub gives the text with the bodies of some functions replaced by an error that gotch hands on to Go.
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
