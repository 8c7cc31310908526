//go:build hub

package hub_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/zoo/hub"
	"github.com/beitzoo/beitzoo/zoo/hub/hubtest"
)

// download is what Hugging Face's own client does with a model: it asks for the files, and fetches all of them.
const download = `
import hashlib, json, os, sys
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
repository, revision = sys.argv[1:]
folder = snapshot_download(repository, revision=revision)
one = hf_hub_download(repository, "config.json", revision=revision)
info = HfApi().model_info(repository, revision=revision, files_metadata=True)
files = {}
for directory, _, names in os.walk(folder):
    for name in names:
        with open(os.path.join(directory, name), "rb") as content:
            files[os.path.relpath(os.path.join(directory, name), folder)] = "sha256:" + hashlib.sha256(content.read()).hexdigest()
declared = {s.rfilename: "sha256:" + s.lfs.sha256 for s in info.siblings if s.lfs}
print(json.dumps({"commit": info.sha, "folder": os.path.basename(folder), "one": os.path.basename(os.path.dirname(one)), "files": files, "declared": declared}))
`

// clientVariable is the environment variable with the path of a Python that has huggingface_hub.
const clientVariable = "BEITZOO_TEST_HUB"

// TestHuggingFacesClient: what Hugging Face's own client downloads from the server of these tests is what Pull fetches, public and private.
func TestHuggingFacesClient(t *testing.T) {
	python := os.Getenv(clientVariable)
	if python == "" {
		t.Fatalf("%s is not set: run `make test-hub`", clientVariable)
	}
	for _, token := range []string{"", "hf_s3cret"} {
		server := hubtest.NewServer(t)
		files := folder(t, "digits/hf")
		files["more/notes.txt"] = []byte("for people\n")
		server.Commit(id, "main", map[string][]byte{"config.json": []byte("{}")})
		commit := server.Commit(id, "refs/pr/1", files)
		server.Protect(id, token)
		command := exec.Command(python, "-c", download, id, "refs/pr/1")
		command.Env = append(os.Environ(), "HF_ENDPOINT="+server.URL, "HF_TOKEN="+token, "HF_HOME="+t.TempDir(), "HF_HUB_OFFLINE=0", "HF_HUB_DISABLE_PROGRESS_BARS=1",
			"HF_HUB_DISABLE_TELEMETRY=1", "NO_PROXY=127.0.0.1")
		output, err := command.Output()
		if err != nil {
			if failed, ok := err.(*exec.ExitError); ok { //nolint:errorlint // Output returns it as it is
				t.Fatalf("the client failed: %v\n%s", err, failed.Stderr)
			}
			t.Fatal(err)
		}
		var theirs struct {
			Commit, Folder, One string
			Files, Declared     map[string]digest.Digest
		}
		if err := json.Unmarshal(output, &theirs); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
		want := map[string]digest.Digest{}
		for name, content := range files {
			want[name] = digest.FromBytes(content)
		}
		if diff := cmp.Diff(want, theirs.Files); diff != "" || theirs.Commit != commit || theirs.Folder != commit || theirs.One != commit {
			t.Errorf("the client got %+v (-want +got):\n%s", theirs, diff)
		}
		how := options(t, server)
		how.Site.Token = token
		r := reference
		r.Revision = "refs/pr/1"
		pulled := pull(t, hub.New(how), r, hub.PullOptions{})
		for _, file := range pulled.Files {
			if file.Digest != theirs.Files[file.Name] || filepath.Ext(file.Name) == ".safetensors" && file.Digest != theirs.Declared[file.Name] {
				t.Errorf("%s is %s here, and %s there", file.Name, file.Digest, theirs.Files[file.Name])
			}
		}
		if pulled.Commit != theirs.Commit || len(pulled.Files) != 2 {
			t.Errorf("pulled %+v", pulled)
		}
	}
}
