//go:build registry

package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMinisign lets the minisign tool use keys of `beitzoo key`, and the other way round, with passwords and without.
func TestMinisign(t *testing.T) {
	home(t)
	folder := t.TempDir()
	in := func(name string) string { return filepath.Join(folder, name) }
	minisign := func(typed string, args ...string) {
		t.Helper()
		tool := exec.CommandContext(t.Context(), "minisign", args...)
		tool.Stdin = strings.NewReader(typed)
		if said, err := tool.CombinedOutput(); err != nil {
			t.Fatalf("minisign %q: %v\n%s", args, err, said)
		}
	}
	content := in("m.yaml")
	write(t, content, file("../manifests/digits_p16_64.yaml")(t))

	succeed(t, "key", "generate", "-o", in("open.sec"), "--no-password")
	minisign("", "-S", "-s", in("open.sec"), "-m", content)
	succeed(t, "manifest", "check", content, "--trust", in("open.pub"))

	t.Setenv(passwordVariable, "correct horse")
	succeed(t, "key", "generate", "-o", in("ours.sec"))
	minisign("correct horse\n", "-S", "-s", in("ours.sec"), "-m", content)
	succeed(t, "manifest", "check", content, "--trust", in("ours.pub"))

	minisign("battery\nbattery\n", "-G", "-s", in("theirs.sec"), "-p", in("theirs.pub"))
	t.Setenv(passwordVariable, "battery")
	t.Setenv(newPasswordVariable, "staple")
	succeed(t, "key", "change-password", in("theirs.sec"))
	t.Setenv(passwordVariable, "staple")
	succeed(t, "manifest", "sign", content, "--key", in("theirs.sec"))
	minisign("", "-V", "-p", in("theirs.pub"), "-m", content)
	minisign("staple\n", "-S", "-s", in("theirs.sec"), "-m", content)
	succeed(t, "manifest", "check", content, "--trust", in("theirs.pub"))
}
