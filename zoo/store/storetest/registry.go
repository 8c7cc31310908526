//go:build registry || cosign

package storetest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// registryVariable is the environment variable with the path of CNCF distribution's registry (Debian's package docker-registry). Tests without
// the tags registry and cosign use a registry inside their process.
const registryVariable = "BEITZOO_TEST_REGISTRY"

// Program returns the path of a program that a test needs; an environment variable holds it. `make test-registry` and `make test-cosign` install
// such programs and set the variables.
func Program(t *testing.T, variable string) (path string) {
	t.Helper()
	path = os.Getenv(variable)
	if path == "" {
		t.Fatalf("%s is not set: run `make test-registry` or `make test-cosign`", variable)
	}
	return path
}

// StartRegistry runs a real registry on the loopback interface with an empty folder until the test ends, and returns its host and port.
func StartRegistry(t *testing.T) (host string) {
	t.Helper()
	program := Program(t, registryVariable)
	host = freeAddress(t)
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %q}}\nhttp: {addr: %q}\n", dir, host)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, "serve", config)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	stop := func() {
		_ = command.Process.Kill()
		_ = command.Wait() // it was killed
	}
	t.Cleanup(stop)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		connection, err := net.Dial("tcp", host)
		if err == nil {
			connection.Close()
			return host
		}
		if time.Now().After(deadline) {
			stop()
			t.Fatalf("the registry does not answer: %v\n%s", err, output.Bytes())
		}
	}
}

// freeAddress returns a loopback address at which nobody was listening a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
