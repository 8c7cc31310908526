//go:build libtorch

package torch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// listing is a part of a model as TorchScript: the operators that it calls, written down instead of computed, so that libtorch computes all of them in one call. Calls of
// C cost little in themselves, but behind each that takes some time a thread of Go's runtime is woken and then looks every 20 microseconds whether it has ended: with a
// call for each operator hundreds of times in a forward pass of 0.3 s, with two cores at the cost of the threads that compute, which wait for each other.
type listing struct {
	steps []string
	parts []*program
}

// line is a line of TorchScript: an expression with %s for each operand, which is a value, a number or several.
type line struct {
	expression string
	operands   []any
}

// add adds a line, and returns its variable.
func (l *listing) add(a line) value {
	operands := make([]any, len(a.operands))
	for i, operand := range a.operands {
		operands[i] = written(operand)
	}
	variable := fmt.Sprintf("t%d", len(l.steps))
	l.steps = append(l.steps, variable+" = "+fmt.Sprintf(a.expression, operands...))
	return value{variable: variable}
}

// written returns an operand as TorchScript has it.
func written(operand any) string {
	switch operand := operand.(type) {
	case value:
		return operand.variable
	case float64:
		return strconv.FormatFloat(operand, 'e', -1, 64)
	case []int64:
		return strings.ReplaceAll(fmt.Sprint(operand), " ", ", ")
	}
	return fmt.Sprint(operand)
}

// program returns the line that calls a program.
func (l *listing) program(p *program, arguments []value) line {
	at := slices.Index(l.parts, p)
	if at < 0 {
		at = len(l.parts)
		l.parts = append(l.parts, p)
	}
	call := line{expression: "(self)." + partName(at) + "(" + strings.TrimSuffix(strings.Repeat("%s, ", len(arguments)), ", ") + ")"}
	for _, argument := range arguments {
		call.operands = append(call.operands, argument)
	}
	return call
}

// partName returns the name of the method of a program within another.
func partName(part int) string { return fmt.Sprintf("part%d", part) }

// list returns the program of a part of a model, which keeper holds until it is closed. Its arguments are the parameters, which are set to the variables that the part is
// to compute with.
func list(keeper *scope, name string, parameters []*value, part func(s *scope) value) (*program, error) {
	signature := make([]string, len(parameters))
	for i, parameter := range parameters {
		*parameter = value{variable: fmt.Sprintf("p%d", i)}
		signature[i] = parameter.variable + ": Tensor"
	}
	s := &scope{listing: &listing{}}
	result := part(s)
	if s.err != nil {
		return nil, s.err
	}
	p := &program{name: name, signature: strings.Join(signature, ", "), steps: s.listing.steps, parts: s.listing.parts, expression: result.variable}
	return keeper.share(p), nil
}

// listed has the programs of parts of the models that are loaded, by their code, so that libtorch compiles each once.
var listed = struct {
	sync.Mutex
	programs map[string]*sharedProgram
}{programs: map[string]*sharedProgram{}}

// sharedProgram is a program and how many times scopes hold it.
type sharedProgram struct {
	*program
	holders int
}

// share returns the program of the same code that is held, or if there is none p itself, which the scope holds from then on.
func (s *scope) share(p *program) *program {
	code := p.code()
	listed.Lock()
	defer listed.Unlock()
	shared := listed.programs[code]
	if shared == nil {
		shared = &sharedProgram{program: p}
		listed.programs[code] = shared
	}
	shared.holders++
	s.holds = append(s.holds, code)
	return shared.program
}

// release frees the programs that no other scope holds.
func (s *scope) release() {
	listed.Lock()
	defer listed.Unlock()
	for _, code := range s.holds {
		shared := listed.programs[code]
		if shared.holders--; shared.holders == 0 {
			delete(listed.programs, code)
			shared.free()
		}
	}
	s.holds = nil
}
