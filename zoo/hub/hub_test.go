package hub_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/zoo/hub"
	"github.com/beitzoo/beitzoo/zoo/hub/hubtest"
	"github.com/beitzoo/beitzoo/zoo/pins"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
	"github.com/beitzoo/beitzoo/zoo/store/httpstore"
	"github.com/beitzoo/beitzoo/zoo/store/retry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const id = "me/digits-beit.v1"

var reference = hub.Reference{Owner: "me", Name: "digits-beit.v1", Revision: "main"}

// options returns those of a user with an empty cache.
func options(t testing.TB, at *hubtest.Server) hub.Options {
	t.Helper()
	folder := t.TempDir()
	local, err := cache.New(filepath.Join(folder, "cache"), cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return hub.Options{
		Site: hub.Site{Endpoint: at.URL}, Cache: local, Records: pins.Open(filepath.Join(folder, "state"), local.Dir()),
		HTTP: httpstore.Options{Transport: transport}, Retry: retry.Options{Tries: 2, First: time.Millisecond},
	}
}

// folder returns the files of a folder of the repository's test data.
func folder(t testing.TB, name string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{"README.md": []byte("# A model\n"), ".gitattributes": []byte("*.bin filter=lfs\n")}
	entries, err := os.ReadDir(filepath.Join("..", "..", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		raw, err := os.ReadFile(filepath.Join("..", "..", "testdata", name, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[entry.Name()] = raw
	}
	return files
}

func pull(t testing.TB, h *hub.Hub, r hub.Reference, how hub.PullOptions) *hub.Snapshot {
	t.Helper()
	pulled, err := h.Pull(t.Context(), r, how)
	if err != nil {
		t.Fatal(err)
	}
	return pulled
}

// notices collects what Pull says.
type notices []error

func (n *notices) add(err error) { *n = append(*n, err) }

func (n notices) String() string {
	var lines []string
	for _, err := range n {
		lines = append(lines, err.Error())
	}
	return strings.Join(lines, "\n")
}

// TestPull fetches a model that transformers wrote, opens it, and opens it again without a network.
func TestPull(t *testing.T) {
	t.Parallel()
	server := hubtest.NewServer(t)
	files := folder(t, "digits/hf")
	commit := server.Commit(id, "main", files)
	how := options(t, server)
	var said notices
	pulled := pull(t, hub.New(how), reference, hub.PullOptions{Notice: said.add})
	if pulled.Commit != commit || !pulled.Pinned || pulled.Cached {
		t.Errorf("pulled %+v", pulled)
	}
	if len(said) != 2 || !strings.Contains(said[0].Error(), "fetching ") || !strings.Contains(said[0].Error(), server.URL+"/"+id+", main, commit "+commit[:12]) || !strings.Contains(said[1].Error(), "pinned: ") {
		t.Errorf("it says %s", said)
	}
	for name, want := range files {
		raw, err := os.ReadFile(filepath.Join(pulled.Path, name))
		switch wanted := name != "README.md" && name != ".gitattributes"; {
		case wanted && (err != nil || string(raw) != string(want)):
			t.Errorf("%s: %d bytes, %v", name, len(raw), err)
		case !wanted && err == nil:
			t.Errorf("%s was fetched", name)
		}
	}
	requireOpens(t, pulled.Path, "digits")

	server.Requests()
	server.Fail(http.StatusServiceUnavailable)
	how.Offline = true
	again := pull(t, hub.New(how), reference, hub.PullOptions{})
	if again.Path != pulled.Path || !again.Cached || again.Pinned || again.Commit != commit {
		t.Errorf("offline: %+v", again)
	}
	how.Offline = false
	pull(t, hub.New(how), reference, hub.PullOptions{})
	if asked := server.Requests(); len(asked) != 0 {
		t.Errorf("requests for what the cache has: %v", asked)
	}
	said = nil
	if pulled := pull(t, hub.New(how), reference, hub.PullOptions{Refresh: true, Notice: said.add}); !pulled.Cached || len(said) != 1 || !strings.Contains(said[0].Error(), "could not be asked") {
		t.Errorf("while the hub is down: %+v, %s", pulled, said)
	}
}

func requireOpens(t *testing.T, path, name string) {
	t.Helper()
	model, err := convert.Open(t.Context(), path, convert.OpenOptions{})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := model.Close(); err != nil {
		t.Error(err)
	}
}

// TestChoose takes the weights that a framework would, and asks where there are several.
func TestChoose(t *testing.T) {
	t.Parallel()
	safe, pickled := folder(t, "digits/hf")["model.safetensors"], []byte("pickled")
	config := folder(t, "digits/hf")["config.json"]
	for _, c := range []struct {
		name  string
		files map[string][]byte
		path  string
		want  []string
		open  string
		err   string
	}{
		{"safetensors first", map[string][]byte{"model.safetensors": safe, "pytorch_model.bin": pickled, "config.json": config}, "", []string{"config.json", "model.safetensors"}, "", ""},
		{"sharded", map[string][]byte{
			"model.safetensors.index.json": []byte("{}"), "model-00001-of-00002.safetensors": safe, "model-00002-of-00002.safetensors": safe,
			"pytorch_model-00001-of-00002.bin": pickled, "config.json": config,
		}, "", []string{"config.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}, "", ""},
		{"the only file", map[string][]byte{"beit.pth": pickled, "notes.txt": nil}, "", []string{"beit.pth"}, "beit.pth", ""},
		{"several", map[string][]byte{"a.pth": pickled, "b.pth": pickled}, "", nil, "", "a.pth, b.pth"},
		{"a named one", map[string][]byte{"a.pth": pickled, "b.pth": pickled, "config.json": config}, "b.pth", []string{"config.json", "b.pth"}, "b.pth", ""},
		{"a folder", map[string][]byte{"x/model.safetensors": safe, "x/config.json": config, "config.json": []byte("{")}, "x", []string{"x/config.json", "x/model.safetensors"}, "", ""},
		{"a file in a folder", map[string][]byte{"x/y/beit.pth": pickled, "beit.pth": nil}, "x/y/beit.pth", []string{"x/y/beit.pth"}, "beit.pth", ""},
		{"none", map[string][]byte{"flax_model.msgpack": pickled}, "", nil, "", "no weights"},
		{"no such path", map[string][]byte{"beit.pth": pickled}, "x", nil, "", "no weights"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := hubtest.NewServer(t)
			server.Commit(id, "main", c.files)
			r := reference
			r.Path = c.path
			pulled, err := hub.New(options(t, server)).Pull(t.Context(), r, hub.PullOptions{})
			if c.err != "" {
				if missing := (*hub.NoModelError)(nil); !errors.As(err, &missing) || !strings.Contains(err.Error(), c.err) || missing.Hint() == "" {
					t.Errorf("error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, file := range pulled.Files {
				names = append(names, file.Name)
			}
			if diff := cmp.Diff(c.want, names); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if c.open != "" && filepath.Base(pulled.Path) != c.open {
				t.Errorf("opens %s", pulled.Path)
			}
		})
	}
}

// TestShardsOpen: package convert follows the links of a sharded model into the cache.
func TestShardsOpen(t *testing.T) {
	t.Parallel()
	server := hubtest.NewServer(t)
	files := folder(t, "digits/hf")
	model, err := convert.Open(t.Context(), filepath.Join("..", "..", "testdata", "digits", "hf"), convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	const shard = "model-00001-of-00001.safetensors"
	shards := map[string]string{}
	for _, one := range model.File.Tensors {
		shards[one.Name] = shard
	}
	if files["model.safetensors.index.json"], err = json.Marshal(map[string]any{"metadata": map[string]int{}, "weight_map": shards}); err != nil {
		t.Fatal(err)
	}
	files[shard] = files["model.safetensors"]
	delete(files, "model.safetensors")
	server.Commit(id, "main", files)
	requireOpens(t, pull(t, hub.New(options(t, server)), reference, hub.PullOptions{}).Path, "shards")
}

// TestMoved: when a branch moves on, the pinned commit stays in use until the user takes the new one; all of it is said.
func TestMoved(t *testing.T) {
	t.Parallel()
	server := hubtest.NewServer(t)
	first := server.Commit(id, "main", map[string][]byte{"model.safetensors": []byte("one"), "config.json": []byte("{}")})
	h := hub.New(options(t, server))
	pull(t, h, reference, hub.PullOptions{})
	second := server.Commit(id, "main", map[string][]byte{"model.safetensors": []byte("two"), "config.json": []byte("{}")})

	if pulled := pull(t, h, reference, hub.PullOptions{}); pulled.Commit != first {
		t.Errorf("commit %s is used silently", pulled.Commit)
	}
	var said notices
	pulled := pull(t, h, reference, hub.PullOptions{Refresh: true, Notice: said.add})
	if raw, err := os.ReadFile(filepath.Join(pulled.Path, "model.safetensors")); err != nil || string(raw) != "one" || pulled.Commit != first {
		t.Errorf("%s at %s, %v", raw, pulled.Commit, err)
	}
	if moved := (*hub.MovedNotice)(nil); !errors.As(errors.Join(said...), &moved) || moved.Now != second || moved.Pinned != first {
		t.Errorf("it says %s", said)
	}
	said = nil
	pulled = pull(t, h, reference, hub.PullOptions{Repin: true, Notice: said.add})
	if raw, err := os.ReadFile(filepath.Join(pulled.Path, "model.safetensors")); err != nil || string(raw) != "two" || !pulled.Pinned || !strings.Contains(said.String(), "pinned: ") {
		t.Errorf("%s, %v; it says %s", raw, err, said)
	}
}

// TestChanged: a hub that has other files under the same commit, or no longer has the commit, is found out.
func TestChanged(t *testing.T) {
	t.Parallel()
	files := map[string][]byte{"model.safetensors": []byte("one"), "config.json": []byte("{}")}
	for name, change := range map[string]func(*hubtest.Server, string){
		"other weights": func(s *hubtest.Server, commit string) { s.Replace(id, commit, "model.safetensors", []byte("two")) },
		"other config":  func(s *hubtest.Server, commit string) { s.Replace(id, commit, "config.json", []byte("{ }")) },
		"no commit": func(s *hubtest.Server, commit string) {
			s.Commit(id, "main", map[string][]byte{"model.safetensors": []byte("three")})
			s.Forget(id, commit)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := hubtest.NewServer(t)
			commit := server.Commit(id, "main", files)
			how := options(t, server)
			pulled := pull(t, hub.New(how), reference, hub.PullOptions{})
			for _, file := range pulled.Files {
				if err := how.Cache.Remove(file.Digest); err != nil {
					t.Fatal(err)
				}
			}
			change(server, commit)
			_, err := hub.New(how).Pull(t.Context(), reference, hub.PullOptions{})
			var changed *hub.ChangedError
			if !errors.As(err, &changed) || !errors.Is(errdef.Kind(err), errdef.ErrIntegrity) || changed.Pinned != commit {
				t.Errorf("got %v", err)
			}
			pull(t, hub.New(how), reference, hub.PullOptions{Repin: true})
		})
	}
}

// TestWrongBytes: what the storage sends must have the digest that the hub states, and what the hub sends must be what git calls it.
func TestWrongBytes(t *testing.T) {
	t.Parallel()
	content := []byte("the right weights")
	server := hubtest.NewServer(t)
	server.Commit(id, "main", map[string][]byte{"model.safetensors": content})
	server.Spoil(content, []byte("the wrong weights"))
	how := options(t, server)
	_, err := hub.New(how).Pull(t.Context(), reference, hub.PullOptions{})
	if !errors.Is(err, store.ErrDigestMismatch) {
		t.Errorf("got %v", err)
	}
	if entries, err := how.Cache.List(); err != nil || len(entries) != 0 {
		t.Errorf("the cache has %v, %v", entries, err)
	}
	server.Spoil(content, content)
	pull(t, hub.New(how), reference, hub.PullOptions{})
}

// TestTheTokenStaysAtTheHub: the storage to which a hub redirects does not get the token, and no other host does.
func TestTheTokenStaysAtTheHub(t *testing.T) {
	t.Parallel()
	server, other := hubtest.NewServer(t), hubtest.NewServer(t)
	server.Commit(id, "main", folder(t, "digits/hf"))
	server.Protect(id, "hf_s3cret")
	how := options(t, server)
	_, err := hub.New(how).Pull(t.Context(), reference, hub.PullOptions{})
	if !errors.Is(err, store.ErrUnauthorized) || !strings.Contains(errdef.Hint(err), "HF_TOKEN") || !strings.Contains(err.Error(), "Repository not found") {
		t.Errorf("without a token: %v; hint: %s", err, errdef.Hint(err))
	}
	how.Site.Token = "hf_s3cret"
	server.Requests()
	pull(t, hub.New(how), reference, hub.PullOptions{})
	toStorage := 0
	for _, request := range server.Requests() {
		if request.Storage {
			toStorage++
		}
		if want := map[bool]string{false: "Bearer hf_s3cret", true: ""}[request.Storage]; request.Authorization != want {
			t.Errorf("%+v", request)
		}
	}
	if toStorage == 0 {
		t.Error("the storage was not asked")
	}
	how.Site.Token = "hf_other"
	how.Site.Endpoint = other.URL
	if _, err := hub.New(how).Pull(t.Context(), reference, hub.PullOptions{}); !errors.Is(err, store.ErrUnauthorized) || !strings.Contains(errdef.Hint(err), "request access") || strings.Contains(err.Error(), "hf_") {
		t.Errorf("with a wrong token: %v; hint: %s", err, errdef.Hint(err))
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	server := hubtest.NewServer(t)
	server.Commit(id, "main", folder(t, "digits/hf"))
	how := options(t, server)
	r := reference
	r.Revision = "v9"
	_, err := hub.New(how).Pull(t.Context(), r, hub.PullOptions{})
	if !errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), "Invalid rev id: v9") || !strings.Contains(errdef.Hint(err), "revision") {
		t.Errorf("an unknown revision: %v; hint: %s", err, errdef.Hint(err))
	}
	server.Fail(503)
	_, err = hub.New(how).Pull(t.Context(), reference, hub.PullOptions{})
	if !errors.Is(errdef.Kind(err), errdef.ErrNetwork) || !strings.Contains(err.Error(), "the hub is being serviced") || errdef.Hint(err) == "" {
		t.Errorf("a hub that is down: %v; hint: %s", err, errdef.Hint(err))
	}
	how.Offline = true
	_, err = hub.New(how).Pull(t.Context(), reference, hub.PullOptions{})
	if offline := (*hub.OfflineError)(nil); !errors.As(err, &offline) || !errors.Is(errdef.Kind(err), errdef.ErrNetwork) {
		t.Errorf("without a network: %v", err)
	}
}

// TestAnotherKindOfModel is refused before its weights are fetched.
func TestAnotherKindOfModel(t *testing.T) {
	t.Parallel()
	server := hubtest.NewServer(t)
	server.Commit(id, "main", map[string][]byte{"config.json": []byte(`{"model_type":"vit"}`), "model.safetensors": []byte("many bytes")})
	_, err := hub.New(options(t, server)).Pull(t.Context(), reference, hub.PullOptions{})
	if !errors.Is(errdef.Kind(err), errdef.ErrInput) || !strings.Contains(err.Error(), "vit") {
		t.Errorf("got %v", err)
	}
	for _, request := range server.Requests() {
		if request.Storage {
			t.Error("the weights were fetched")
		}
	}
}

// TestHostileNames: a hub cannot make files appear outside their folder.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"../model.safetensors", "/etc/model.safetensors", `x\model.safetensors`, "a\x1b[2J/model.safetensors", "x/../../model.safetensors"} {
		server := hubtest.NewServer(t)
		server.Commit(id, "main", map[string][]byte{name: []byte("x"), "model.safetensors": []byte("y")})
		how := options(t, server)
		if _, err := hub.New(how).Pull(t.Context(), reference, hub.PullOptions{}); !errors.Is(errdef.Kind(err), errdef.ErrNetwork) || strings.Contains(fmt.Sprint(err), "\x1b") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestPlan says what would be fetched, and fetches nothing.
func TestPlan(t *testing.T) {
	t.Parallel()
	server := hubtest.NewServer(t)
	commit := server.Commit(id, "main", folder(t, "digits/hf"))
	how := options(t, server)
	planned, err := hub.New(how).Plan(t.Context(), reference, hub.PullOptions{})
	if err != nil || planned.Commit != commit || planned.Cached || planned.Bytes() < 1000 || len(planned.Files) < 2 {
		t.Errorf("planned %+v, %v", planned, err)
	}
	if entries, err := how.Cache.List(); err != nil || len(entries) != 0 {
		t.Errorf("the cache has %v, %v", entries, err)
	}
	pull(t, hub.New(how), reference, hub.PullOptions{})
	if planned, err = hub.New(how).Plan(t.Context(), reference, hub.PullOptions{}); err != nil || !planned.Cached {
		t.Errorf("planned %+v, %v", planned, err)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	site := hub.Site{Endpoint: "http://mirror:8080"}
	for text, want := range map[string]struct {
		r    hub.Reference
		form hub.Form
	}{
		"hf://a/b":                                        {hub.Reference{Owner: "a", Name: "b", Revision: "main"}, hub.Explicit},
		"hf://a/b@v1.0":                                   {hub.Reference{Owner: "a", Name: "b", Revision: "v1.0"}, hub.Explicit},
		"hf://a/b@v1/x/y.pth":                             {hub.Reference{Owner: "a", Name: "b", Revision: "v1", Path: "x/y.pth"}, hub.Explicit},
		"hf://a/b/x/":                                     {hub.Reference{Owner: "a", Name: "b", Revision: "main", Path: "x"}, hub.Explicit},
		"hf://a/b@refs/pr/7/x":                            {hub.Reference{Owner: "a", Name: "b", Revision: "refs/pr/7", Path: "x"}, hub.Explicit},
		"hf://a/b@refs%2Fpr%2F7":                          {hub.Reference{Owner: "a", Name: "b", Revision: "refs/pr/7"}, hub.Explicit},
		"https://huggingface.co/a/b.c":                    {hub.Reference{Owner: "a", Name: "b.c", Revision: "main"}, hub.Explicit},
		"https://huggingface.co/a/b/tree/v1":              {hub.Reference{Owner: "a", Name: "b", Revision: "v1"}, hub.Explicit},
		"https://huggingface.co/a/b/resolve/main/x/y.bin": {hub.Reference{Owner: "a", Name: "b", Revision: "main", Path: "x/y.bin"}, hub.Explicit},
		"http://mirror:8080/a/b/blob/main/y.bin":          {hub.Reference{Owner: "a", Name: "b", Revision: "main", Path: "y.bin"}, hub.Explicit},
		"microsoft/beit-base-patch16-224":                 {hub.Reference{Owner: "microsoft", Name: "beit-base-patch16-224", Revision: "main"}, hub.Plain},
		"timm/beit_base_patch16_224.in22k_ft_in22k_in1k":  {hub.Reference{Owner: "timm", Name: "beit_base_patch16_224.in22k_ft_in22k_in1k", Revision: "main"}, hub.Plain},
		"a/b@v1":  {hub.Reference{Owner: "a", Name: "b", Revision: "v1"}, hub.Plain},
		"a/b.pth": {}, "./b": {}, "../b": {}, "/a": {}, "a/b/c": {}, "a": {}, "a/": {}, "~/b": {}, "a b/c": {}, "https://example.org/a/b": {}, `a\b`: {}, "a/b.json": {},
	} {
		r, form, err := hub.Parse(text, site)
		if err != nil || r != want.r || form != want.form {
			t.Errorf("%q: %+v, %d, %v", text, r, form, err)
		}
		if form == hub.Explicit && strings.HasPrefix(text, "hf://") {
			if again, _, err := hub.Parse(r.String(), site); err != nil || again != r {
				t.Errorf("%q: there and back: %+v, %v", text, again, err)
			}
		}
	}
	for _, text := range []string{
		"hf://", "hf://a", "hf://a/", "hf://datasets/a/b", "hf://a/b@", "hf://a/b@../x", "hf://a/b/../../x", "hf://a/b@v1/..", "hf://a b/c", "hf://a/b@%zz",
		"https://huggingface.co/a", "https://huggingface.co/a/b/settings", "hf://a/b/x\\y", "hf://a/b@-x",
	} {
		if _, _, err := hub.Parse(text, site); !errors.Is(errdef.Kind(err), errdef.ErrUsage) || errdef.Hint(err) == "" {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestFromEnvironment(t *testing.T) {
	home := t.TempDir()
	for _, name := range []string{"HF_ENDPOINT", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HUB_DISABLE_IMPLICIT_TOKEN", "HF_HUB_OFFLINE"} {
		t.Setenv(name, "")
	}
	t.Setenv("HF_HOME", home)
	require := func(want hub.Site) {
		t.Helper()
		if got, err := hub.FromEnvironment(); err != nil || got != want {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
	require(hub.Site{})
	if err := os.WriteFile(filepath.Join(home, "token"), []byte("hf_saved\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	require(hub.Site{Token: "hf_saved"})
	t.Setenv("HF_TOKEN", "hf_env")
	t.Setenv("HF_ENDPOINT", "https://mirror.example.org/")
	t.Setenv("HF_HUB_OFFLINE", "yes")
	require(hub.Site{Endpoint: "https://mirror.example.org", Token: "hf_env", Offline: true})
	t.Setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
	require(hub.Site{Endpoint: "https://mirror.example.org", Offline: true})
	t.Setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "")
	for variable, value := range map[string]string{"HF_ENDPOINT": "mirror.example.org", "HF_TOKEN": "a b"} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv(variable, value)
			_, err := hub.FromEnvironment()
			if wrong := (*hub.EnvironmentError)(nil); !errors.As(err, &wrong) || wrong.What != variable || strings.Contains(err.Error(), value) {
				t.Errorf("%v", err)
			}
		})
	}
}
