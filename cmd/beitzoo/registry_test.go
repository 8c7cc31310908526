//go:build registry

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/zoo/store/storetest"
)

// orasVariable is the environment variable with the path of a Python that has the package oras, an independent OCI client.
const orasVariable = "BEITZOO_TEST_ORAS"

// TestRegistry publishes to a real registry and to a folder, lets clients that know nothing of beitzoo fetch what is there, and pulls from the registry
// and from what those clients copied.
func TestRegistry(t *testing.T) {
	host, oras := storetest.StartRegistry(t), storetest.Program(t, orasVariable)
	home(t)
	key, public := keyPair(t)
	repository := host + "/zoo/beit"
	publish := func(place string) publishedEntry {
		return publishedJSON(t, []string{
			"publish", testdata("../manifests/embedded/digits_p16_64.pdparams"), place, "--name", "digits", "--version", "1.0.0", "--sign", key, "--json", "--quiet",
		})
	}
	folder := filepath.Join(t.TempDir(), "place")
	there, here, again := publish("oci://"+repository), publish(folder), publish("oci://"+repository)
	if there.Artifact != here.Artifact || there.Weights != again.Weights || !again.Unchanged {
		t.Errorf("the registry has %+v, the folder %+v; published again: %+v", there, here, again)
	}
	weights := strings.TrimPrefix(string(there.Weights), "sha256:")
	copied := filepath.Join(t.TempDir(), "copied")
	for _, client := range []struct {
		name string
		// fetch returns the path of the weights that the client fetched.
		fetch func(t *testing.T) string
	}{
		{"curl", func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), "weights")
			command(t, "curl", "-fsS", "-o", path, fmt.Sprintf("http://%s/v2/zoo/beit/blobs/sha256:%s", host, weights))
			return path
		}},
		{"oras pull", func(t *testing.T) string {
			folder := t.TempDir()
			command(t, oras, "-c", orasPull, repository+":digits-1.0.0", folder)
			return filepath.Join(folder, "model.safetensors")
		}},
		{"skopeo copy from the registry", func(t *testing.T) string {
			for _, tag := range []string{"digits-1.0.0", "zoo-index-1"} {
				command(t, "skopeo", "copy", "--quiet", "--src-tls-verify=false", "docker://"+repository+":"+tag, "oci:"+copied+":"+tag)
			}
			return filepath.Join(copied, "blobs", "sha256", weights)
		}},
		{"skopeo copy from the folder", func(t *testing.T) string {
			to := filepath.Join(t.TempDir(), "copied")
			command(t, "skopeo", "copy", "--quiet", "oci:"+folder+":digits-1.0.0", "oci:"+to+":digits-1.0.0")
			return filepath.Join(to, "blobs", "sha256", weights)
		}},
	} {
		t.Run(client.name, func(t *testing.T) {
			raw, err := os.ReadFile(client.fetch(t))
			if err != nil {
				t.Fatal(err)
			}
			if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != weights {
				t.Errorf("%d bytes with the digest %x, should be %s", len(raw), sum, weights)
			}
		})
	}
	for _, from := range []string{"oci://" + repository, copied} {
		home(t)
		out := filepath.Join(t.TempDir(), "digits.pdparams")
		succeed(t, "pull", "digits", "--zoo", from, "--trust", public, "-o", out)
		succeed(t, "diff", out, testdata("../manifests/embedded/digits_p16_64.pdparams"))
	}
}

// orasPull is oras pull with the client in Python.
const orasPull = `
import sys, oras.client
oras.client.OrasClient(insecure=True).pull(target=sys.argv[1], outdir=sys.argv[2])
`

// command runs a program that must succeed.
func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if output, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, output)
	}
}
