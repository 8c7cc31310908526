package zoo_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/manifests/embedded"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// TestPullFromInside pulls the weights that ship inside the program, with the network off.
func TestPullFromInside(t *testing.T) {
	t.Parallel()
	options := folders(t)
	options.Offline = true
	z := open(t, options)
	pulled := pull(t, z, resolve(t, z, "digits_p16_64"), zoo.PullOptions{})
	if pulled.From != "embedded" || pulled.Pinned != nil || pulled.Upstream.Scheme != "passl" {
		t.Errorf("from %s, pinned %v", pulled.From, pulled.Pinned)
	}
	if want := canonicalDigits(t); !bytes.Equal(read(t, pulled.Path), want) {
		t.Error("the file is not that of convert.Convert")
	}
	if digest.FromBytes(read(t, pulled.Path)) != pulled.Weights.Digest {
		t.Error("the digest is not that of the file")
	}
	again := pull(t, z, resolve(t, z, "digits_p16_64@1.0.0"), zoo.PullOptions{})
	if again.From != "the cache" || again.Path != pulled.Path || again.Weights.Digest != pulled.Weights.Digest {
		t.Errorf("the second time from %s, %s", again.From, again.Path)
	}
	if left := leftovers(t, options); len(left) > 0 || blobs(t, options) != 1 {
		t.Errorf("%d blobs, and %v are left", blobs(t, options), left)
	}
}

// canonicalDigits converts the checkpoint as `beitzoo convert --bare` does.
func canonicalDigits(t testing.TB) []byte {
	t.Helper()
	folder := t.TempDir()
	source, target := filepath.Join(folder, embedded.Checkpoint), filepath.Join(folder, "digits.safetensors")
	if err := os.WriteFile(source, shipped(t, embedded.Checkpoint), 0o600); err != nil {
		t.Fatal(err)
	}
	var options convert.Options
	options.To, options.Bare = "canonical", true
	if _, err := convert.Convert(t.Context(), source, target, options); err != nil {
		t.Fatal(err)
	}
	return read(t, target)
}

// TestPullPins pulls a file whose digest nobody knows, and then another one with which the server has replaced it.
func TestPullPins(t *testing.T) {
	t.Parallel()
	options := folders(t)
	z := open(t, options)
	checkpoint := shipped(t, embedded.Checkpoint)
	server := serve(t, map[string][]byte{"weights": checkpoint})
	found := upstream(t, server.URL+"/weights")
	pulled := pull(t, z, found, zoo.PullOptions{})
	if pulled.Pinned == nil || pulled.Pinned.Digest != digest.FromBytes(checkpoint) || pulled.Pinned.Size != int64(len(checkpoint)) {
		t.Fatalf("pinned is %v", pulled.Pinned)
	}
	if err := options.Cache.Remove(pulled.Weights.Digest); err != nil {
		t.Fatal(err)
	}
	other := append(bytes.Clone(checkpoint), 0)
	server.files["weights"] = other
	_, err := z.Pull(t.Context(), found, zoo.PullOptions{})
	var changed *zoo.ChangedError
	if !errors.As(err, &changed) || !errors.Is(err, store.ErrDigestMismatch) || changed.Hint() == "" {
		t.Errorf("the server has another file; error is %v", err)
	}
	server.files["weights"] = checkpoint
	if again := pull(t, z, found, zoo.PullOptions{}); again.Pinned != nil || again.Weights.Digest != pulled.Weights.Digest {
		t.Errorf("pinned again: %v", again.Pinned)
	}
}

func TestPullRepins(t *testing.T) {
	t.Parallel()
	options := folders(t)
	z := open(t, options)
	server := serve(t, map[string][]byte{"weights": testdata(t, "../manifests/embedded/digits_p16_64.pdparams")})
	found := upstream(t, server.URL+"/weights")
	first := pull(t, z, found, zoo.PullOptions{})
	server.files["weights"] = testdata(t, "digits/digits_p16_64_protocol2.pdparams") // the same weights in another file
	second := pull(t, z, found, zoo.PullOptions{Repin: true})
	if second.Pinned == nil || second.Pinned.Digest == first.Pinned.Digest || second.Weights.Digest != first.Weights.Digest {
		t.Errorf("pinned %v, then %v", first.Pinned, second.Pinned)
	}
}

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	return read(t, filepath.Join("..", "testdata", filepath.FromSlash(name)))
}

// TestPullFailures wants an error of the right kind, and nothing left in the cache or among the pins.
func TestPullFailures(t *testing.T) {
	t.Parallel()
	checkpoint := shipped(t, embedded.Checkpoint)
	flipped := bytes.Clone(checkpoint)
	flipped[len(flipped)/2] ^= 1
	for name, test := range map[string]struct {
		content []byte
		digest  bool
		want    error
	}{
		"one bit":            {flipped, true, store.ErrDigestMismatch},
		"one bit, no digest": {flipped, false, store.ErrDigestMismatch}, // the digests of the tensors
		"cut short":          {checkpoint[:400_000], true, store.ErrDigestMismatch},
		"a page":             {[]byte("<!DOCTYPE html><html><body>Log in</body></html>"), false, store.ErrNotWeights},
		"nothing there":      {nil, false, store.ErrNotFound},
		"far too much":       {make([]byte, 40<<20), false, store.ErrDigestMismatch},
		"another model":      {testdata(t, "tiny/tiny_p16_32.passl.pdparams"), false, nil},
		"not a checkpoint":   {[]byte("hello, world"), false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string][]byte{"weights": test.content}
			if test.content == nil {
				delete(files, "weights")
			}
			options := folders(t)
			z := open(t, options)
			found := upstream(t, serve(t, files).URL+"/weights")
			if test.digest {
				found.Sources[0].Digest = digest.FromBytes(checkpoint)
			}
			pulled, err := z.Pull(t.Context(), found, zoo.PullOptions{})
			if err == nil || pulled != nil || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("error is %v, want %v", err, test.want)
			}
			entries, err := options.Cache.List()
			if err != nil {
				t.Fatal(err)
			}
			if len(entries) > 0 {
				t.Errorf("the cache has %v", entries)
			}
			if pins, _ := filepath.Glob(filepath.Join(options.State, "pins", "*")); len(pins) > 0 {
				t.Errorf("%v are pinned", pins)
			}
		})
	}
}

// TestPullTriesTheNextSource lists a dead source before a good one.
func TestPullTriesTheNextSource(t *testing.T) {
	t.Parallel()
	z := open(t, folders(t))
	server := serve(t, map[string][]byte{"good": shipped(t, embedded.Checkpoint), "page": []byte("<html></html>")})
	found := upstream(t, server.URL+"/gone")
	for _, name := range []string{"page", "good"} {
		source := found.Sources[0]
		source.Name, source.Address = name, server.URL+"/"+name
		found.Sources = append(found.Sources, source)
	}
	var notices []error
	pulled := pull(t, z, found, zoo.PullOptions{Notice: func(err error) { notices = append(notices, err) }})
	if pulled.From != "good" || !errors.Is(errors.Join(notices...), store.ErrNotFound) || !errors.Is(errors.Join(notices...), store.ErrNotWeights) {
		t.Errorf("from %s, notices %v", pulled.From, notices)
	}
	_, err := z.Pull(t.Context(), found, zoo.PullOptions{Source: "page"})
	if !errors.Is(err, store.ErrNotWeights) {
		t.Errorf("only the page may be used; error is %v", err)
	}
	var unknown *zoo.UnknownSourceError
	if _, err := z.Pull(t.Context(), found, zoo.PullOptions{Source: "nobody"}); !errors.As(err, &unknown) {
		t.Errorf("error is %v", err)
	}
}

// TestPullTogether lets several users of one cache pull the same weights at once: all get them, with one download.
func TestPullTogether(t *testing.T) {
	t.Parallel()
	options := folders(t)
	checkpoint := shipped(t, embedded.Checkpoint)
	server := serve(t, map[string][]byte{"weights": checkpoint})
	found := upstream(t, server.URL+"/weights")
	want := digest.FromBytes(canonicalDigits(t))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			z := open(t, options)
			pulled, err := z.Pull(t.Context(), found, zoo.PullOptions{})
			if err != nil || pulled.Weights.Digest != want {
				t.Errorf("error %v", err)
			}
		})
	}
	group.Wait()
	if sent := server.sent.Load(); sent != int64(len(checkpoint)) {
		t.Errorf("the server sent %d bytes of a file of %d", sent, len(checkpoint))
	}
}

// TestPullMendsTheCache damages the weights in the cache.
func TestPullMendsTheCache(t *testing.T) {
	t.Parallel()
	options := folders(t)
	z := open(t, options)
	found := resolve(t, z, "digits_p16_64")
	pulled := pull(t, z, found, zoo.PullOptions{})
	damaged := read(t, pulled.Path)
	damaged[len(damaged)-1] ^= 1
	if err := os.Chmod(pulled.Path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pulled.Path, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	var notices []error
	again := pull(t, z, found, zoo.PullOptions{Notice: func(err error) { notices = append(notices, err) }})
	if again.From != "embedded" || digest.FromBytes(read(t, again.Path)) != pulled.Weights.Digest || len(notices) == 0 {
		t.Errorf("from %s with notices %v", again.From, notices)
	}
}

func TestPullOffline(t *testing.T) {
	t.Parallel()
	options := folders(t)
	options.Offline = true
	z := open(t, options)
	_, err := z.Pull(t.Context(), resolve(t, z, "beit_large_p16_512"), zoo.PullOptions{})
	var offline *zoo.OfflineError
	if !errors.As(err, &offline) || !errors.Is(err, store.ErrUnreachable) {
		t.Errorf("error is %v", err)
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	z := open(t, folders(t))
	for _, wrong := range []string{"../../etc/passwd", "digits_p16_64@1", "DIGITS", ""} {
		if _, err := z.Resolve(t.Context(), wrong); err == nil {
			t.Errorf("%q was found", wrong)
		}
	}
	_, err := z.Resolve(t.Context(), "beit_large_p16_51")
	var missing *manifest.NotFoundError
	if !errors.As(err, &missing) || missing.Nearest != "beit_large_p16_512" {
		t.Errorf("error is %v", err)
	}
}

// TestPullSharesTheCache lets a second user, who has a state folder of their own, find what the first one pulled.
func TestPullSharesTheCache(t *testing.T) {
	t.Parallel()
	first := folders(t)
	checkpoint := shipped(t, embedded.Checkpoint)
	server := serve(t, map[string][]byte{"weights": checkpoint})
	found := upstream(t, server.URL+"/weights")
	pull(t, open(t, first), found, zoo.PullOptions{})
	second := first
	second.State = t.TempDir()
	pulled := pull(t, open(t, second), found, zoo.PullOptions{})
	if pulled.From != "the cache" || pulled.Pinned == nil || pulled.Pinned.Digest != digest.FromBytes(checkpoint) {
		t.Errorf("the second user has it from %s, pinned %v", pulled.From, pulled.Pinned)
	}
	// A record that is not a plain file of a trusted user is ignored.
	records, err := filepath.Glob(filepath.Join(first.Cache.Dir(), "pins", "*"))
	if err != nil || len(records) != 2 {
		t.Fatalf("records %v, error %v", records, err)
	}
	elsewhere := t.TempDir()
	for _, record := range records {
		moved := filepath.Join(elsewhere, filepath.Base(record))
		if err := errors.Join(os.Rename(record, moved), os.Symlink(moved, record)); err != nil {
			t.Fatal(err)
		}
	}
	third := first
	third.State = t.TempDir()
	if pulled := pull(t, open(t, third), found, zoo.PullOptions{}); pulled.From == "the cache" {
		t.Error("the third user believed a link")
	}
}
