package recording

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
)

// sources are the parts of the scripts: one for each framework, with the calls of that framework, and common.py, which follows it.
//
//go:embed scripts/*.py
var sources embed.FS

// scriptParts has the file of each framework's part.
var scriptParts = map[string]string{"torch": "torch.py", "paddle": "paddle.py"}

// Frameworks returns the names that Script takes.
func Frameworks() []string { return []string{"torch", "paddle"} }

// Script returns the Python program that makes recordings of models in a framework, "torch" or "paddle". It needs that framework, NumPy and safetensors. The
// error is an *UnknownFrameworkError.
func Script(framework string) (string, error) {
	if !slices.Contains(Frameworks(), framework) {
		return "", &UnknownFrameworkError{Name: framework}
	}
	var script strings.Builder
	for _, part := range []string{scriptParts[framework], "common.py"} {
		source, err := sources.ReadFile("scripts/" + part)
		if err != nil {
			return "", err
		}
		script.Write(source)
	}
	return script.String(), nil
}

// UnknownFrameworkError says that there is no script for a framework.
type UnknownFrameworkError struct{ Name string }

func (e *UnknownFrameworkError) Error() string {
	return fmt.Sprintf("there is no recording script for %s", text.Quote(e.Name))
}

// Is reports that the request was wrong.
func (e *UnknownFrameworkError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint names the frameworks that have one.
func (e *UnknownFrameworkError) Hint() string {
	return suggest.Hint(suggest.Nearest(e.Name, Frameworks()), Frameworks())
}
