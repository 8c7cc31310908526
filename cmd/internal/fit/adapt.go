package fit

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// IncompatibleError says that gotch does not compile against this libtorch for a reason that no stub mends.
type IncompatibleError struct {
	Complaints string
}

func (e *IncompatibleError) Error() string {
	lines := strings.Split(e.Complaints, "\n")
	return "gotch does not compile against this libtorch:\n" + strings.Join(lines[:min(len(lines), 20)], "\n")
}

// Hint points at the versions that are known to work.
func (e *IncompatibleError) Hint() string {
	return "beitzoo is checked against libtorch 1.13, 2.1 and 2.11: `make libtorch` gets 2.11"
}

// adapt stubs, in the copy at folder, whatever the compiler rejects, until it accepts all, and returns the names of the stubbed functions.
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
