package fit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/beitzoo/beitzoo/internal/text"
)

// Compiler is a C++ compiler that takes gcc's options.
type Compiler struct {
	// Command is its name, which options may follow, as in the variable CXX.
	Command string `json:"command"`
	// Version is the first line of what it prints for --version.
	Version string `json:"version"`
}

// FindCompiler returns the C++ compiler that cgo will use. A *CompilerError says that it does not run.
func FindCompiler(ctx context.Context) (Compiler, error) {
	output, err := exec.CommandContext(ctx, "go", "env", "CXX").Output()
	if err != nil {
		return Compiler{}, fmt.Errorf("go env CXX: %w", err)
	}
	compiler := Compiler{Command: strings.TrimSpace(string(output))}
	output, err = compiler.command(ctx, "--version").Output()
	if err != nil {
		return compiler, &CompilerError{Command: compiler.Command, Err: err}
	}
	compiler.Version = text.FirstLine(string(output))
	return compiler, nil
}

// command returns a run of the compiler, with the options that follow its name first.
func (c Compiler) command(ctx context.Context, arguments ...string) *exec.Cmd {
	words := strings.Fields(c.Command)
	return exec.CommandContext(ctx, words[0], append(words[1:], arguments...)...)
}

// check compiles source, in folder, without writing code. It returns the errors that the compiler reports, or "".
func (c Compiler) check(ctx context.Context, folder, source string, flags []string) (string, error) {
	arguments := append([]string{"-fsyntax-only", "-fno-diagnostics-color"}, flags...)
	command := c.command(ctx, append(append(arguments, c.allErrors()), source)...)
	command.Dir = folder
	var complaints bytes.Buffer
	command.Stderr = &complaints
	err := command.Run()
	var failed *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.As(err, &failed) && failed.ExitCode() == 1:
		return complaints.String(), nil
	case err != nil:
		return "", fmt.Errorf("%s: %w\n%s", command, err, complaints.String())
	}
	return "", nil
}

// allErrors returns the option without which the compiler stops after a number of errors.
func (c Compiler) allErrors() string {
	if strings.Contains(c.Version, "clang") {
		return "-ferror-limit=0"
	}
	return "-fmax-errors=0"
}
