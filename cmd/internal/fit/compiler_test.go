package fit

import (
	"context"
	"errors"
	"testing"
)

func TestFindCompilerSaysWhatIsMissing(t *testing.T) {
	t.Setenv("CXX", "no-such-compiler")
	var missing *CompilerError
	if _, err := FindCompiler(context.Background()); !errors.As(err, &missing) {
		t.Fatalf("got %v", err)
	}
	if missing.Command != "no-such-compiler" || missing.Hint() == "" {
		t.Errorf("got %+v", missing)
	}
}

func TestCgoFlags(t *testing.T) {
	t.Parallel()
	if got, want := cgoFlags([]string{"-O1", "-I/a folder", `-I/a"b`}), `-O1 "-I/a folder" "-I/a\"b"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
