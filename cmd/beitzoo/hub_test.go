package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/zoo/hub/hubtest"
)

const hubID = "microsoft/beit-base-patch16-224"

// atHub starts a hub with a small model under the name of a large one, as the only hub that commands know.
func atHub(t *testing.T) *hubtest.Server {
	t.Helper()
	home(t)
	server := hubtest.NewServer(t)
	for variable, value := range map[string]string{
		"HF_ENDPOINT": server.URL, "HF_TOKEN": "", "HUGGING_FACE_HUB_TOKEN": "", "HF_TOKEN_PATH": "", "HF_HOME": t.TempDir(), "HF_HUB_OFFLINE": "", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "",
	} {
		t.Setenv(variable, value)
	}
	files := map[string][]byte{}
	for _, name := range []string{"config.json", "model.safetensors"} {
		raw, err := os.ReadFile(testdata("digits/hf/" + name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = raw
	}
	server.Commit(hubID, "main", files)
	files = maps.Clone(files)
	files["beit.pth"] = file("digits/digits_p16_64.timm.pth")(t)
	server.Commit(hubID, "extra", files)
	return server
}

// TestHubModels: wherever a command takes a model it takes one of the hub, by its id, its reference and the address of its page.
func TestHubModels(t *testing.T) {
	server := atHub(t)
	digits := testdata("../manifests/embedded/digits_p16_64.pdparams")
	seven := testdata("../manifests/embedded/images/7/005.png")
	out := filepath.Join(t.TempDir(), "beit.pth")
	code, printed, said := runHere(t, "convert", hubID, "-o", out)
	if code != exitOK || !strings.Contains(said, "fetching ") || !strings.Contains(said, server.URL+"/"+hubID) || !strings.Contains(said, "pinned: ") || !strings.Contains(said, "beit_base_p16_224") {
		t.Fatalf("exit code %d, %s%s", code, printed, said)
	}
	succeed(t, "diff", out, digits)
	server.Fail(http.StatusInternalServerError) // from now on everything is in the cache
	succeed(t, "diff", "hf://"+hubID, digits, "--offline")
	if printed := succeed(t, "inspect", server.URL+"/"+hubID); !strings.Contains(printed, "config.json") {
		t.Errorf("inspect prints %s", printed)
	}
	succeed(t, "verify", "hf://"+hubID)
	succeed(t, "predict", hubID, seven)
	key, _ := keyPair(t)
	place := filepath.Join(t.TempDir(), "place")
	succeed(t, "publish", hubID, place, "--name", "mine", "--version", "1.0.0", "--sign", key)

	if printed := succeed(t, "cache", "ls"); !strings.Contains(printed, "hf://"+hubID) {
		t.Errorf("cache ls prints %s", printed)
	}
	server.Fail(0)
	succeed(t, "diff", "hf://"+hubID+"@extra/beit.pth", digits)
	if _, err := os.Stat(filepath.Join(os.Getenv("BEITZOO_HOME"), "cache", "snapshots")); err != nil {
		t.Error(err)
	}
}

func TestPullModel(t *testing.T) {
	server := atHub(t)
	var planned, pulled, again pulledModel
	decode := func(into *pulledModel, args ...string) {
		t.Helper()
		if err := json.Unmarshal([]byte(succeed(t, append(args, "--json", "--quiet")...)), into); err != nil {
			t.Fatal(err)
		}
	}
	decode(&planned, "pull", "hf://"+hubID, "--dry-run")
	if !planned.DryRun || planned.Cached || planned.Path != "" || len(planned.Files) != 2 || planned.Bytes < 1000 {
		t.Errorf("planned %+v", planned)
	}
	decode(&pulled, "pull", "hf://"+hubID)
	if !pulled.Pinned || pulled.Cached || pulled.Path == "" || pulled.Commit != planned.Commit || pulled.Files[1].SHA256 == "" {
		t.Errorf("pulled %+v", pulled)
	}
	decode(&again, "pull", hubID)
	if again.Pinned || !again.Cached || again.Path != pulled.Path {
		t.Errorf("pulled again: %+v", again)
	}
	server.Commit(hubID, "main", map[string][]byte{"model.safetensors": file("digits/hf/model.safetensors")(t), "config.json": []byte(" " + string(file("digits/hf/config.json")(t)))})
	_, _, said := runHere(t, "pull", hubID)
	if !strings.Contains(said, "the pinned commit "+pulled.Commit[:12]+" is used") {
		t.Errorf("a branch that moved: %s", said)
	}
	decode(&again, "pull", hubID, "--repin")
	if !again.Pinned || again.Commit == pulled.Commit {
		t.Errorf("pinned again: %+v", again)
	}
	out := filepath.Join(t.TempDir(), "out.safetensors")
	succeed(t, "pull", hubID, "-o", out)
	succeed(t, "diff", out, testdata("../manifests/embedded/digits_p16_64.pdparams"))
	expect(t, exitUsage, "pull", hubID, "--source", "hf")
}

// TestHubRefusals: each says what was asked, the hub's own words, and what to type.
func TestHubRefusals(t *testing.T) {
	server := atHub(t)
	for _, c := range []struct {
		name string
		args []string
		fail int
		code int
		says []string
	}{
		{"no such model", []string{"inspect", "me/nothing"}, 0, exitNetwork, []string{`no file or folder "me/nothing"`, "hf://me/nothing", "Repository not found", "HF_TOKEN"}},
		{"no such revision", []string{"pull", "hf://" + hubID + "@v9"}, 0, exitNetwork, []string{"Invalid rev id: v9", "revision"}},
		{"no such path", []string{"pull", "hf://" + hubID + "/x"}, 0, exitInput, []string{"no weights", ".safetensors"}},
		{"offline", []string{"inspect", hubID, "--offline"}, 0, exitNetwork, []string{"the network is off", "beitzoo pull beit_base_p16_224"}},
		{"down", []string{"inspect", hubID}, http.StatusForbidden, exitNetwork, []string{"the hub is being serviced", "beitzoo pull beit_base_p16_224"}},
		{"nonsense", []string{"inspect", "hf://a"}, 0, exitUsage, []string{"names no model of the hub", "hf://OWNER/NAME"}},
		{"a file that is not there", []string{"inspect", "no/such.pth"}, 0, exitInput, []string{"no such file", "hf://OWNER/NAME"}},
	} {
		server.Fail(c.fail)
		code, _, said := runHere(t, c.args...)
		if code != c.code {
			t.Errorf("%s: exit code %d, want %d: %s", c.name, code, c.code, said)
		}
		for _, want := range c.says {
			if !strings.Contains(said, want) {
				t.Errorf("%s: it does not say %q: %s", c.name, want, said)
			}
		}
	}
	server.Fail(0)
	server.Requests()
	if err := os.MkdirAll(filepath.Join(t.TempDir(), "models"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(testdata("digits/hf")))
	expect(t, exitInput, "inspect", "hf/nothing") // there is a folder hf, so this is a path
	if asked := server.Requests(); len(asked) != 0 {
		t.Errorf("the hub was asked for a path: %v", asked)
	}
	t.Setenv("HF_ENDPOINT", "nonsense")
	_, _, said := runHere(t, "inspect", hubID)
	if !strings.Contains(said, "HF_ENDPOINT") {
		t.Errorf("a wrong HF_ENDPOINT: %s", said)
	}
	succeed(t, "list")
}
