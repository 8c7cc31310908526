package storetest

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"
)

// Process returns a command that runs the test program again, with job as JSON in an environment variable, where TestMain finds it. The caller starts the
// command.
func Process(t *testing.T, variable string, job any) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), variable+"="+string(text))
	return command
}
