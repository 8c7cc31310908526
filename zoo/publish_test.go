package zoo_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	oci "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/place"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/httpstore"
	"github.com/beitzoo/beitzoo/zoo/store/retry"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

// publisher is somebody with a key.
type publisher struct {
	key  minisign.PrivateKey
	ring trust.Keyring
}

func newPublisher(t testing.TB) publisher {
	t.Helper()
	public, secret, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return publisher{secret, trust.Keyring{public}}
}

// publication returns a publication of the digits weights.
func (p publisher) publication(version string) zoo.Publication {
	return zoo.Publication{
		Checkpoint: filepath.Join("..", "manifests", "embedded", "digits_p16_64.pdparams"), Name: "digits_p16_64", Version: version, Key: p.key,
		Recordings: []string{filepath.Join("..", "manifests", "embedded", "digits_p16_64.passl.float32.recording.safetensors")},
	}
}

func folderPlace(t testing.TB) (*place.Folder, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "published")
	target, err := place.OpenFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	return target, path
}

func publish(t testing.TB, to place.Destination, p zoo.Publication) *zoo.PublishResult {
	t.Helper()
	published, err := open(t, folders(t)).Publish(t.Context(), to, p)
	if err != nil {
		t.Fatal(err)
	}
	return published
}

// reader returns the options of a user who trusts the publisher, without the manifests inside the program.
func reader(t testing.TB, p publisher, places ...place.Place) zoo.Options {
	t.Helper()
	options := folders(t)
	options.Manifests, options.Embedded, options.Places, options.Keys = nil, nil, places, p.ring
	return options
}

// tree serves a folder over HTTP.
func tree(t testing.TB, path string) *place.Tree {
	t.Helper()
	server := httptest.NewServer(http.FileServer(http.Dir(path)))
	t.Cleanup(server.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	target, err := place.OpenTree(server.URL, httpstore.Options{Transport: transport}, retry.Options{Tries: 1})
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// TestPublishAndPull publishes to a folder, and pulls from it as a folder and as a server of files: equal bits.
func TestPublishAndPull(t *testing.T) {
	t.Parallel()
	for name, encode := range map[string]bool{"plain": false, "encoded": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPublisher(t)
			target, path := folderPlace(t)
			publication := p.publication("1.0.0")
			publication.Encode = encode
			published := publish(t, target, publication)
			want := canonicalDigits(t)
			if published.Weights.Digest != digest.FromBytes(want) || published.IndexVersion != 1 {
				t.Errorf("published %v, index version %d", published.Weights, published.IndexVersion)
			}
			for _, from := range []place.Place{target, tree(t, path)} {
				options := reader(t, p, from)
				z := open(t, options)
				found := resolve(t, z, "digits_p16_64")
				pulled := pull(t, z, found, zoo.PullOptions{})
				if pulled.From != from.String() || string(read(t, pulled.Path)) != string(want) {
					t.Errorf("the bytes from %s are not the published ones", pulled.From)
				}
				if len(found.Notices) != 1 || len(found.Tensors) == 0 || found.Categories.Labels[3] != "3" {
					t.Errorf("notices %v, or the manifest lacks something", found.Notices)
				}
				if blobs := blobs(t, options); blobs != 3 { // manifest, signature, weights
					t.Errorf("the cache has %d blobs", blobs)
				}
			}
		})
	}
}

// TestPublishIsReproducible publishes to two folders, and twice to the same.
func TestPublishIsReproducible(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	first, firstPath := folderPlace(t)
	second, secondPath := folderPlace(t)
	a, b := publish(t, first, p.publication("1.0.0")), publish(t, second, p.publication("1.0.0"))
	again := publish(t, first, p.publication("1.0.0"))
	if !again.Unchanged || again.IndexVersion != 1 || again.Manifest != a.Manifest {
		t.Errorf("the second time: %+v", again)
	}
	a.Place, b.Place = "", ""
	if diff := cmp.Diff(a, b); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(listing(t, firstPath), listing(t, secondPath)); diff != "" {
		t.Errorf("the folders differ: %s", diff)
	}
}

// listing returns the digest of every file of a folder.
func listing(t testing.TB, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(folder), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && name != ".index.lock" {
			files[name] = digest.FromBytes(read(t, filepath.Join(folder, name))).Encoded()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestPublishNeverOverwrites(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	target, path := folderPlace(t)
	publish(t, target, p.publication("1.0.0"))
	before := listing(t, path)
	changed := p.publication("1.0.0")
	changed.Recordings = nil
	_, err := open(t, folders(t)).Publish(t.Context(), target, changed)
	var taken *manifest.TakenError
	if !errors.As(err, &taken) {
		t.Errorf("error is %v", err)
	}
	_, err = open(t, folders(t)).Publish(t.Context(), target, newPublisher(t).publication("2.0.0"))
	if !errors.Is(err, trust.ErrUnknownKey) {
		t.Errorf("another publisher: error is %v", err)
	}
	if diff := cmp.Diff(before, listing(t, path)); diff != "" {
		t.Errorf("the folder changed: %s", diff)
	}
	next := publish(t, target, p.publication("1.1.0"))
	if next.IndexVersion != 2 {
		t.Errorf("the next version has index version %d", next.IndexVersion)
	}
	z := open(t, reader(t, p, target))
	if found := resolve(t, z, "digits_p16_64"); found.Version != "1.1.0" {
		t.Errorf("the latest is %s", found.Version)
	}
	if found := resolve(t, z, "digits_p16_64@1.0.0"); found.Version != "1.0.0" {
		t.Errorf("version 1.0.0 is %s", found.Version)
	}
}

func TestPublishVerifies(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	target, path := folderPlace(t)
	publication := p.publication("1.0.0")
	verdict := &manifest.Verdict{Engine: "native", DType: "F32", Recording: "digits_p16_64.passl.float32", MaxAbs: 1, Tolerance: 1e-4}
	want := string(canonicalDigits(t))
	publication.Verify = func(_ context.Context, weights string, config arch.Config, recordings []string) (*manifest.Verdict, error) {
		if string(read(t, weights)) != want || config.Name != "digits_p16_64" || len(recordings) != 1 {
			t.Errorf("%s, %s, %v are to be verified", weights, config.Name, recordings)
		}
		return verdict, nil
	}
	_, err := open(t, folders(t)).Publish(t.Context(), target, publication)
	var failed *zoo.NotVerifiedError
	if !errors.As(err, &failed) || len(listing0(t, path)) > 0 {
		t.Errorf("error is %v, written was %v", err, listing0(t, path))
	}
	verdict.Verified, verdict.MaxAbs = true, 1e-6
	publish(t, target, publication)
	if found := resolve(t, open(t, reader(t, p, target)), "digits_p16_64"); found.Verdict == nil || found.Verdict.MaxAbs != 1e-6 {
		t.Errorf("the verdict is %v", found.Verdict)
	}
}

// listing0 is listing for a folder that may not exist.
func listing0(t testing.TB, folder string) map[string]string {
	t.Helper()
	if _, err := os.Stat(folder); err != nil {
		return nil
	}
	return listing(t, folder)
}

// TestReaderIsNotDeceived changes what a place serves.
func TestReaderIsNotDeceived(t *testing.T) {
	t.Parallel()
	p, mallory := newPublisher(t), newPublisher(t)
	for name, test := range map[string]struct {
		change func(t *testing.T, path string)
		now    time.Duration
		want   error
	}{
		"an older index":  {func(t *testing.T, path string) { restore(t, path, "old") }, 0, manifest.ErrRollback},
		"no index":        {func(t *testing.T, path string) { remove(t, path, "index.yaml") }, 0, manifest.ErrRollback},
		"another's index": {func(t *testing.T, path string) { resign(t, path, mallory) }, 0, trust.ErrUnknownKey},
		"an entry less":   {func(t *testing.T, path string) { edit(t, path, "version: 1.0.0", "version: 0.1.0") }, 0, trust.ErrBadSignature},
		"no signature":    {func(t *testing.T, path string) { remove(t, path, "index.yaml.minisig") }, 0, trust.ErrNoSignature},
		"a year later":    {func(*testing.T, string) {}, 366 * 24 * time.Hour, manifest.ErrFreeze},
		"one bit":         {func(t *testing.T, path string) { flipBlobs(t, path) }, 0, store.ErrDigestMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target, path := folderPlace(t)
			publish(t, target, p.publication("1.0.0"))
			save(t, path, "old")
			publish(t, target, p.publication("1.1.0"))
			options := reader(t, p, tree(t, path))
			resolve(t, open(t, options), "digits_p16_64") // has seen the second state
			test.change(t, path)
			options.Now = func() time.Time { return time.Now().Add(test.now) }
			z := open(t, options)
			found, err := z.Resolve(t.Context(), "digits_p16_64")
			if err == nil {
				_, err = z.Pull(t.Context(), found, zoo.PullOptions{})
			}
			if !errors.Is(err, test.want) {
				t.Errorf("error is %v, want %v", err, test.want)
			}
		})
	}
}

var indexFiles = []string{"index.yaml", "index.yaml.minisig"}

func save(t *testing.T, path, suffix string) {
	t.Helper()
	for _, name := range indexFiles {
		write(t, filepath.Join(path, name+"."+suffix), read(t, filepath.Join(path, name)))
	}
}

func restore(t *testing.T, path, suffix string) {
	t.Helper()
	for _, name := range indexFiles {
		write(t, filepath.Join(path, name), read(t, filepath.Join(path, name+"."+suffix)))
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(path, name)); err != nil {
		t.Fatal(err)
	}
}

func edit(t *testing.T, path, old, new string) {
	t.Helper()
	name := filepath.Join(path, "index.yaml")
	write(t, name, []byte(strings.Replace(string(read(t, name)), old, new, 1)))
}

func resign(t *testing.T, path string, by publisher) {
	t.Helper()
	write(t, filepath.Join(path, "index.yaml.minisig"), trust.Sign(by.key, read(t, filepath.Join(path, "index.yaml")), "index"))
}

// flipBlobs damages every large blob.
func flipBlobs(t *testing.T, path string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(path, "blobs", "sha256", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if content := read(t, name); len(content) > 300_000 {
			content[len(content)/2] ^= 1
			write(t, name, content)
		}
	}
}

func TestRenew(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	target, _ := folderPlace(t)
	past := folders(t)
	past.Now = func() time.Time { return time.Now().Add(-2 * 365 * 24 * time.Hour) }
	if _, err := open(t, past).Publish(t.Context(), target, p.publication("1.0.0")); err != nil {
		t.Fatal(err)
	}
	options := reader(t, p, target)
	if _, err := open(t, options).Resolve(t.Context(), "digits_p16_64"); !errors.Is(err, manifest.ErrFreeze) {
		t.Errorf("error is %v", err)
	}
	index, err := open(t, folders(t)).Renew(t.Context(), target, zoo.Renewal{Key: p.key})
	if err != nil || index.Version != 2 {
		t.Errorf("index %v, error %v", index, err)
	}
	resolve(t, open(t, options), "digits_p16_64")
	empty, _ := folderPlace(t)
	if _, err := open(t, folders(t)).Renew(t.Context(), empty, zoo.Renewal{Key: p.key}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a place without an index: %v", err)
	}
}

// TestMirror copies to another folder, without a key, and on to a third over HTTP.
func TestMirror(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	origin, originPath := folderPlace(t)
	publish(t, origin, p.publication("1.0.0"))
	publish(t, origin, p.publication("1.1.0"))
	whole, wholePath := folderPlace(t)
	mirrored, err := open(t, reader(t, p, origin)).Mirror(t.Context(), tree(t, originPath), whole, zoo.MirrorOptions{})
	if err != nil || len(mirrored.Entries) != 2 || mirrored.IndexVersion != 2 {
		t.Fatalf("mirrored %v, error %v", mirrored, err)
	}
	originFiles, mirrorFiles := listing(t, originPath), listing(t, wholePath)
	delete(originFiles, "index.json") // the origin has tags of earlier states of the index too
	delete(mirrorFiles, "index.json")
	for name := range originFiles { // the origin keeps the blobs of its earlier indexes
		if _, found := mirrorFiles[name]; !found && strings.HasPrefix(name, "blobs/") {
			delete(originFiles, name)
		}
	}
	if diff := cmp.Diff(originFiles, mirrorFiles); diff != "" || len(mirrorFiles) < 15 {
		t.Errorf("the mirror has %d files, %s", len(mirrorFiles), diff)
	}
	part, _ := folderPlace(t)
	wanted := zoo.MirrorOptions{Wanted: []manifest.Reference{{Name: "digits_p16_64", Version: "1.0.0"}}}
	if mirrored, err = open(t, reader(t, p, whole)).Mirror(t.Context(), whole, part, wanted); err != nil || len(mirrored.Entries) != 1 {
		t.Fatalf("mirrored %v, error %v", mirrored, err)
	}
	z := open(t, reader(t, p, part))
	pull(t, z, resolve(t, z, "digits_p16_64@1.0.0"), zoo.PullOptions{})
	if _, err := z.Resolve(t.Context(), "digits_p16_64@1.1.0"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("what was not mirrored: error is %v", err)
	}
	old, _ := folderPlace(t)
	publish(t, old, newPublisher(t).publication("3.0.0"))
	if _, err := open(t, reader(t, p, origin)).Mirror(t.Context(), origin, old, zoo.MirrorOptions{}); !errors.Is(err, trust.ErrUnknownKey) {
		t.Errorf("onto a place of another publisher: error is %v", err)
	}
}

// TestFolderIsAnImageLayout reads the folder as an OCI client would.
func TestFolderIsAnImageLayout(t *testing.T) {
	t.Parallel()
	target, path := folderPlace(t)
	published := publish(t, target, newPublisher(t).publication("1.0.0"))
	var index oci.Index
	decode(t, read(t, filepath.Join(path, "index.json")), &index)
	var tags []string
	for _, d := range index.Manifests {
		tags = append(tags, d.Annotations[oci.AnnotationRefName])
	}
	if diff := cmp.Diff([]string{"digits_p16_64-1.0.0", "zoo-index-1"}, tags); diff != "" {
		t.Fatal(diff)
	}
	if index.Manifests[0].Digest != published.Artifact {
		t.Error("the artifact does not have the reported digest")
	}
	var image oci.Manifest
	decode(t, blob(t, path, index.Manifests[0]), &image)
	var config map[string]map[string]any
	decode(t, blob(t, path, image.Config), &config)
	got := []any{image.ArtifactType, image.Config.MediaType, config["config"]["paramSize"], config["config"]["precision"], config["modelfs"]["type"]}
	want := []any{"application/vnd.cncf.model.manifest.v1+json", "application/vnd.cncf.model.config.v1+json", "123.0k", "float32", "layers"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var files []string
	for i, layer := range image.Layers {
		blob(t, path, layer)
		files = append(files, layer.Annotations["org.cncf.model.filepath"]+" "+layer.MediaType)
		if config["modelfs"]["diffIds"].([]any)[i] != string(layer.Digest) {
			t.Errorf("layer %d has another digest in the config", i)
		}
	}
	wantFiles := []string{
		"model.safetensors application/vnd.cncf.model.weight.v1.raw", "manifest.yaml application/vnd.cncf.model.doc.v1.raw",
		"manifest.yaml.minisig application/vnd.cncf.model.doc.v1.raw",
		"digits_p16_64.passl.float32.recording.safetensors application/vnd.cncf.model.dataset.v1.raw",
	}
	if diff := cmp.Diff(wantFiles, files); diff != "" {
		t.Error(diff)
	}
}

func decode(t *testing.T, raw []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

// blob reads a blob and checks size and digest.
func blob(t *testing.T, path string, d oci.Descriptor) []byte {
	t.Helper()
	content := read(t, filepath.Join(path, "blobs", "sha256", d.Digest.Encoded()))
	if int64(len(content)) != d.Size || string(digest.FromBytes(content)) != string(d.Digest) {
		t.Errorf("the blob %s is not what its descriptor says", d.Digest)
	}
	return content
}

// TestPublishWhatNobodyDescribed publishes weights of which only the file is known, of an architecture without a name.
func TestPublishWhatNobodyDescribed(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	target, _ := folderPlace(t)
	publication := zoo.Publication{
		Checkpoint: filepath.Join("..", "testdata", "tiny", "tiny_p16_64.unilm.pth"), Name: "mine", Version: "0.1.0-rc.1", Key: p.key,
		Open: convert.OpenOptions{Epsilon: 1e-12},
	}
	publish(t, target, publication)
	z := open(t, reader(t, p, target))
	found := resolve(t, z, "mine")
	if found.Architecture != "" || found.Config.Epsilon != 1e-12 || found.Config.Classes != 7 || found.Origin.Licence.Expression != "NOASSERTION" {
		t.Errorf("the manifest says %+v", found.Manifest)
	}
	pulled := pull(t, z, found, zoo.PullOptions{})
	model, err := convert.Open(t.Context(), pulled.Path, convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	if model.Config.Epsilon != 1e-12 {
		t.Errorf("the file has lost its epsilon: %g", model.Config.Epsilon)
	}
}

func TestPublishRefuses(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	for name, change := range map[string]func(*zoo.Publication){
		"a path as name":   func(p *zoo.Publication) { p.Name = "../x" },
		"no version":       func(p *zoo.Publication) { p.Version = "" },
		"half a version":   func(p *zoo.Publication) { p.Version = "1.0" },
		"no such file":     func(p *zoo.Publication) { p.Checkpoint = "none.pth" },
		"not a checkpoint": func(p *zoo.Publication) { p.Checkpoint = "doc.go" },
		"not a recording":  func(p *zoo.Publication) { p.Recordings = []string{"doc.go"} },
		"failing verifier": func(p *zoo.Publication) { p.Verify = failing },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target, path := folderPlace(t)
			publication := p.publication("1.0.0")
			change(&publication)
			if _, err := open(t, folders(t)).Publish(t.Context(), target, publication); err == nil {
				t.Error("it was published")
			}
			if written := listing0(t, path); len(written) > 0 {
				t.Errorf("%v was written", written)
			}
		})
	}
}

var errVerifier = errors.New("no engine")

func failing(context.Context, string, arch.Config, []string) (*manifest.Verdict, error) {
	return nil, errVerifier
}
