//go:build cosign

package main

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/beitzoo/beitzoo/zoo/store/storetest"
)

// TestCosign signs what was published with cosign, which verifies it; the place still takes publications, and can be mirrored and pulled from. `make
// test-cosign` installs what it needs.
func TestCosign(t *testing.T) {
	host, program := storetest.StartRegistry(t), storetest.Program(t, "BEITZOO_TEST_COSIGN")
	home(t)
	key, public := keyPair(t)
	place := "oci://" + host + "/zoo/beit"
	publish := []string{
		"publish", testdata("tiny/tiny_p16_64.unilm.pth"), place, "--name", "tiny", "--version", "1.0.0", "--sign", key, "--json", "--quiet",
	}
	artifact := host + "/zoo/beit@" + string(publishedJSON(t, publish).Artifact)
	keys := t.TempDir()
	t.Setenv("COSIGN_PASSWORD", "")
	cosign := func(args ...string) error {
		cmd := exec.Command(program, args...)
		cmd.Dir = keys
		output, err := cmd.CombinedOutput()
		t.Logf("cosign %s: %s", args[0], output)
		return err
	}
	if err := cosign("generate-key-pair"); err != nil {
		t.Fatal(err)
	}
	http := []string{"--allow-insecure-registry", "--allow-http-registry"}
	verify := append([]string{"verify", "--key", filepath.Join(keys, "cosign.pub"), "--insecure-ignore-tlog=true", artifact}, http...)
	if err := cosign(verify...); err == nil {
		t.Error("cosign verifies what nobody signed with it")
	}
	sign := append([]string{"sign", "--key", filepath.Join(keys, "cosign.key"), "--tlog-upload=false", "--use-signing-config=false", "--yes", artifact}, http...)
	if err := cosign(sign...); err != nil {
		t.Fatal(err)
	}
	if err := cosign(verify...); err != nil {
		t.Error(err)
	}
	publish[6] = "1.1.0"
	publishedJSON(t, publish)
	home(t)
	succeed(t, "pull", "tiny@1.0.0", "--zoo", place, "--trust", public)
	mirrored := filepath.Join(t.TempDir(), "mirror")
	succeed(t, "mirror", place, mirrored)
	succeed(t, "pull", "tiny@1.1.0", "--zoo", mirrored, "--trust", public)
}
