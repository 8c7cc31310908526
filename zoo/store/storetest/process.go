package storetest

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"
)

// Process is the test program once more, with a job in a variable of its environment: TestMain looks there. The caller starts it.
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
