package fit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// Compiler is a C++ compiler that takes gcc's options.
type Compiler struct {
	// Command is how it is called, as in the variable CXX.
	Command string `json:"command"`
	// Version is the first line that it says about itself.
	Version string `json:"version"`
}

// CompilerError says that there is no C++ compiler.
type CompilerError struct {
	Command string
	Err     error
}

func (e *CompilerError) Error() string {
	return fmt.Sprintf("the C++ compiler %q does not run: %v", e.Command, e.Err)
}

// Unwrap gives the reason.
func (e *CompilerError) Unwrap() error { return e.Err }

// Hint says what to install.
func (e *CompilerError) Hint() string {
	return "install one (Debian, Ubuntu: apt-get install g++), or set CXX to yours"
}

// FindCompiler asks Go for the C++ compiler that cgo will use.
func FindCompiler(ctx context.Context) (Compiler, error) {
	output, err := exec.CommandContext(ctx, "go", "env", "CXX").Output()
	if err != nil {
		return Compiler{}, fmt.Errorf("go env CXX: %w", err)
	}
	compiler := Compiler{Command: strings.TrimSpace(string(output))}
	said, err := compiler.command(ctx, "--version").Output()
	if err != nil {
		return compiler, &CompilerError{Command: compiler.Command, Err: err}
	}
	compiler.Version, _, _ = strings.Cut(string(said), "\n")
	return compiler, nil
}

// command runs the compiler, whose name may be followed by options of the user's.
func (c Compiler) command(ctx context.Context, arguments ...string) *exec.Cmd {
	words := strings.Fields(c.Command)
	return exec.CommandContext(ctx, words[0], append(words[1:], arguments...)...)
}

// check compiles source, in folder, without making code. It returns what the compiler complains about, nothing where all is well.
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

// allErrors is the option that keeps the compiler from stopping at the first hundred errors or so.
func (c Compiler) allErrors() string {
	if strings.Contains(c.Version, "clang") {
		return "-ferror-limit=0"
	}
	return "-fmax-errors=0"
}
